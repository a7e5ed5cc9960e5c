import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { connectTriplit } from './index.ts'
import {
  SYNC,
  type TestDevice,
  type TestIssuer,
  type TestTriplit,
  type TestWorld,
  settle,
  startTriplit,
  testClient,
  testIssuer,
  testWorld,
  until,
} from './triplit.testing.ts'

let issuer: TestIssuer
let triplit: TestTriplit
let world: TestWorld

beforeAll(async () => {
  issuer = await testIssuer()
  triplit = await startTriplit(issuer.pem)
})
afterEach(() => world.close())
afterAll(() => triplit.close())
beforeEach(() => {
  // The server writes every refusal there.
  vi.spyOn(console, 'error').mockImplementation(() => {})
  triplit.online = true
  world = testWorld(issuer, triplit)
})

const rowsOf = async (owner: string): Promise<string[]> =>
  (await triplit.rows())
    .filter((row) => row.owner === owner)
    .map(({ text }) => text)
    .sort()
const synced = (owner: string, texts: string[]) => until(async () => expect(await rowsOf(owner)).toEqual(texts))
const sockets = () => triplit.requests.filter((request) => request === 'GET /').length

async function connected(device: Promise<TestDevice>): Promise<TestDevice> {
  const opened = await device
  await settle(opened.session, 'connected')
  return opened
}

describe('local-first', () => {
  test('what was written offline reaches the server after the first exchange (checklist 35: offline writes)', async () => {
    const account = world.accounts.connect()
    account.online = false
    const { session, write, notes, principal } = await world.device({}, { account })
    await write('written offline')
    expect(await notes()).toEqual(['written offline'])
    expect(session.getState().status).toBe('waiting')
    account.online = true
    await settle(session, 'connected')
    await synced(principal(), ['written offline'])
  })

  test('what was written without the Triplit server survives a reload, and reaches it later', async () => {
    triplit.online = false
    const before = await world.device()
    await before.write('kept')
    const { session, principal, notes } = await before.reload()
    expect(await notes()).toEqual(['kept'])
    triplit.online = true
    await settle(session, 'connected')
    await synced(principal(), ['kept'])
  })

  test('a broken connection is restored automatically (checklist 20: sessions survive lost connections)', async () => {
    const { session, write, principal } = await connected(world.device())
    triplit.online = false
    await settle(session, 'connecting')
    await write('meanwhile')
    triplit.online = true
    await settle(session, 'connected')
    await synced(principal(), ['meanwhile'])
  })
})

describe('an upgrade', () => {
  test('keeps principal, outbox and rows (checklist 35: upgrade)', async () => {
    const { auth, account, session, write, principal } = await connected(world.device())
    const before = principal()
    triplit.online = false
    await write('in the outbox')
    await auth.upgrade(() => account.signUp('ada'))
    expect(principal()).toBe(before)
    triplit.online = true
    await settle(session, 'connected')
    await synced(before, ['in the outbox'])
  })

  test('reaches the server, which would go on with the claims of the first token', async () => {
    const { auth, account, session, client } = await connected(world.device())
    const opened = sockets()
    await auth.upgrade(() => account.signUp('ada'))
    await until(() => expect(sockets()).toBe(opened + 1))
    await settle(session, 'connected')
    expect(JSON.parse(atob(client.token!.split('.')[1]!))).toMatchObject({ auth_mode: 'external' })
  })

  test('on another device: the rows of the account come there (checklist 35: second device)', async () => {
    const one = await connected(world.device())
    await one.write('mine')
    await synced(one.principal(), ['mine'])
    await one.auth.upgrade(() => one.account.signUp('ada'))
    const two = await connected(world.device({ beforeRestart: (_, session) => session.clear() }))
    await two.auth.upgrade(() => two.account.signIn('ada'))
    two.watch()
    await until(async () => expect(await two.notes()).toEqual(['mine']))
  })
})

test('an adoption: the outbox of the adopted principal is synced, and both see all rows (checklist 35: adoption)', async () => {
  const one = await connected(world.device())
  await one.write('on the first device')
  await synced(one.principal(), ['on the first device'])
  await one.auth.upgrade(() => one.account.signUp('ada'))
  const canonical = one.principal()

  const two = await connected(world.device())
  const alias = two.principal()
  triplit.online = false
  await two.write('on the second device')
  await two.auth.upgrade(() => two.account.signIn('ada'))
  expect(await two.auth.resolveConflict('adopt')).toMatchObject({
    outcome: 'adopted',
    session: { principals: [canonical, alias] },
  })
  triplit.online = true
  await settle(two.session, 'connected')
  expect(two.session.getState().principal).toBe(canonical)
  await synced(alias, ['on the second device'])
  two.watch()
  await until(async () => expect(await two.notes()).toEqual(['on the first device', 'on the second device']))

  // The first device's connection began before the adoption: its next token says so, and is a new connection.
  one.watch()
  await one.session.update(await one.auth.getToken({ audience: SYNC, fresh: true }))
  await until(async () => expect(await one.notes()).toEqual(['on the first device', 'on the second device']))
})

describe('a sign-out', () => {
  test('stops the traffic and keeps the data; clear deletes it', async () => {
    const { auth, account, session, client, write, notes, principal } = await connected(world.device())
    const ada = principal()
    await auth.upgrade(() => account.signUp('ada'))
    await settle(session, 'connected')
    await write('mine')
    await synced(ada, ['mine'])
    await auth.signOut()
    expect(session.getState()).toEqual({ status: 'waiting', principal: null })
    await until(() => expect(client.token).toBeUndefined())
    expect(await notes()).toEqual(['mine'])
    await session.clear()
    expect(await notes()).toEqual([])
    expect(await rowsOf(ada)).toEqual(['mine'])
  })

  test('the next person gets nothing of it, and does not send what the first one left in the outbox (checklist 35: sign-out, next person)', async () => {
    const { auth, account, session, write, notes, watch, principal } = await connected(
      world.device({ beforeRestart: (_, session) => session.clear() }),
    )
    const ada = principal()
    await auth.upgrade(() => account.signUp('ada'))
    await settle(session, 'connected')
    triplit.online = false
    await write('ada, not synced')
    await auth.signOut()
    const bob = (await auth.ensureIdentity()).principal
    expect(bob).not.toBe(ada)
    triplit.online = true
    await settle(session, 'connected')
    watch()
    await write('bob')
    await synced(bob, ['bob'])
    expect(await notes()).toEqual(['bob'])
    expect(await rowsOf(ada)).toEqual([])
  })

  test("without a decision about the data, the next user's session does not start", async () => {
    const { auth, account, session, write, principal, notes } = await connected(world.device())
    await auth.upgrade(() => account.signUp('ada'))
    await settle(session, 'connected')
    const ada = principal()
    await write('ada')
    await synced(ada, ['ada'])
    await auth.signOut()
    await auth.ensureIdentity()
    await settle(session, 'ended')
    expect(await notes()).toEqual(['ada'])
  })

  test('the next user writes nothing into the data of the first', async () => {
    const { auth, session, write, notes } = await connected(world.device())
    await write('ada')
    await auth.signOut({ force: true })
    await auth.ensureIdentity()
    await settle(session, 'ended')
    await expect(write('bob')).rejects.toMatchObject({ code: 'PRINCIPAL_MISMATCH' })
    expect(await notes()).toEqual(['ada'])
  })

  test.each([
    ['after a reload', true],
    ['after a reload, although the first person never reached any server', false],
  ])('nor %s', async (_, isOnline) => {
    const account = world.accounts.connect()
    account.online = isOnline
    const before = await world.device({}, { account })
    await before.write('ada')
    if (isOnline) await settle(before.session, 'connected')
    await before.auth.signOut({ force: true })
    await before.session.end()
    account.online = true
    const after = await before.reload({ autoStart: false })
    const bob = (await after.auth.ensureIdentity()).principal
    const opened = sockets()
    await after.session.start()
    await settle(after.session, 'ended')
    expect(after.faults).toEqual([expect.objectContaining({ code: 'PRINCIPAL_MISMATCH' })])
    expect(sockets()).toBe(opened)
    expect(after.client.token).toBeUndefined()
    expect(await rowsOf(bob)).toEqual([])

    const willing = await after.reload({ beforeRestart: (_change, session) => session.clear() })
    await settle(willing.session, 'connected')
    expect(await willing.notes()).toEqual([])
  })
})

describe('roles', () => {
  test('match on `sub`: a person reads and writes their own rows (checklist 25: match sub, usable in permissions)', async () => {
    const ada = await connected(world.device())
    await ada.write('ada')
    await synced(ada.principal(), ['ada'])
    const bob = await connected(world.device())
    bob.watch()
    await bob.write('bob')
    await until(async () => expect(await rowsOf(bob.principal())).toEqual(['bob']))
    expect(await bob.notes()).toEqual(['bob'])
  })

  test('other ones under the same credential close the session, which start() continues (checklist 18: other roles close with ROLES_MISMATCH, on a real server)', async () => {
    const { session, kinds, auth, write, principal } = await connected(world.device())
    world.claims = (payload) => ({ ...payload, role: 'editor' })
    await expect(session.update(await auth.getToken({ audience: SYNC, fresh: true }))).rejects.toMatchObject({
      code: 'ROLES_MISMATCH',
    })
    expect(session.getState()).toMatchObject({ status: 'closed', failure: 'ROLES_MISMATCH' })
    expect(kinds).toEqual(['ROLES_MISMATCH'])
    await write('meanwhile')
    await session.start()
    await settle(session, 'connected')
    await synced(principal(), ['meanwhile'])
  })

  test.each([
    ['a role that the token before did not match', {}, { team: { id: 'red' } }],
    ['the same role with another variable', { team: { id: 'red' } }, { team: { id: 'blue' } }],
    ['no longer a role', { team: { id: 'red' } }, { team: 'red' }],
  ])("are those of the client's schema: %s closes the session", async (_, before, after) => {
    world.claims = (payload) => ({ ...payload, ...before })
    const { session, kinds, auth } = await connected(world.device())
    const opened = sockets()
    world.claims = (payload) => ({ ...payload, ...after })
    await expect(session.update(await auth.getToken({ audience: SYNC, fresh: true }))).rejects.toMatchObject({
      code: 'ROLES_MISMATCH',
    })
    expect([kinds, sockets()]).toEqual([['ROLES_MISMATCH'], opened])
    await session.start()
    await settle(session, 'connected')
  })

  test("that no role of the schema reads do not matter: a claim `role` of the app's own is a new connection", async () => {
    const { session, kinds, auth } = await connected(world.device())
    const opened = sockets()
    world.claims = (payload) => ({ ...payload, role: 'viewer' })
    await session.update(await auth.getToken({ audience: SYNC, fresh: true }))
    await settle(session, 'connected')
    expect([kinds, sockets()]).toEqual([[], opened + 1])
  })

  test('of a token for another audience are none, although the server takes every token of its key', async () => {
    world.claims = (payload) => ({ ...payload, aud: 'https://other.example' })
    const { session, rejected, write, principal } = await connected(world.device())
    await write('with a stolen token')
    await until(() => expect(rejected.length).toBeGreaterThan(0))
    expect(session.getState().status).toBe('connected')
    expect(await rowsOf(principal())).toEqual([])
  })
})

describe('a rejected write', () => {
  test('blocks the outbox; the app is told, takes it back, and the rest is synced', async () => {
    const { write, rejected, notes, principal, client } = await connected(world.device())
    await write('mine')
    await synced(principal(), ['mine'])
    const forged = (await write("in another user's name", 'bob')) as { id: string }
    await until(() => expect(rejected).toHaveLength(1))
    await write('behind it')
    await until(() => expect(rejected.length).toBeGreaterThan(1))
    expect(await rowsOf(principal())).toEqual(['mine'])

    const { error, writes, drop } = rejected.at(-1)!
    expect(error).toMatchObject({ name: 'WritePermissionError' })
    expect(writes).toContainEqual({ collection: 'notes', id: forged.id, kind: 'set' })
    await drop({ collection: 'notes', id: forged.id })
    await synced(principal(), ['behind it', 'mine'])
    expect(await notes()).toEqual(['behind it', 'mine'])
    expect(await rowsOf('bob')).toEqual([])
    expect(client.connectionStatus).toBe('OPEN')
  })

  test('all of it can be taken back, and without a listener onFault hears of it', async () => {
    const told = await connected(world.device())
    await told.write('no', 'bob')
    await until(() => expect(told.rejected).toHaveLength(1))
    await told.rejected[0]!.dropAll()
    expect(await told.notes()).toEqual([])

    const faults: unknown[] = []
    const { auth } = await world.device({ autoStart: false })
    const client = testClient(triplit.url)
    const session = connectTriplit(auth, client, { audience: SYNC, onFault: (error) => void faults.push(error) })
    await settle(session, 'connected')
    await client.insert('notes', { owner: 'bob', text: 'no' })
    await until(() => expect(faults).toEqual([expect.objectContaining({ name: 'WritePermissionError' })]))
    await session.end()
  })
})

describe('what connectTriplit refuses', () => {
  test('a client with a token of its own', async () => {
    const { auth } = await world.device({ autoStart: false })
    const client = testClient(triplit.url)
    await client.startSession(await issuer.sign({ sub: 'ada' }), false)
    expect(() => connectTriplit(auth, client, { audience: SYNC })).toThrow('client: it already has a token')
  })

  test('a client without a server, or nothing that gives tokens', async () => {
    const { auth } = await world.device({ autoStart: false })
    expect(() => connectTriplit(auth, testClient(undefined), { audience: SYNC })).toThrow(
      'client: expected a client with serverUrl',
    )
    expect(() => connectTriplit(auth, testClient(triplit.url))).toThrow('audience: expected')
  })
})
