import 'fake-indexeddb/auto'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { isLatchkeyError } from '../../lib/index.ts'
import type { ConnectedSession, SessionAuth } from '../../lib/session.ts'
import { connectTriplit } from './index.ts'
import { ownerIn } from './owner.ts'
import {
  SYNC,
  type TestClient,
  type TestIssuer,
  type TestTriplit,
  settle,
  startTriplit,
  testClient,
  testIssuer,
  until,
} from './triplit.testing.ts'

// Tabs share a database, and each reads it only once: what `@triplit/db` caches is what the tab found when it opened.

let issuer: TestIssuer
let triplit: TestTriplit
let name: string
let open: { readonly client: TestClient; readonly session: ConnectedSession }[]

beforeAll(async () => {
  issuer = await testIssuer()
  triplit = await startTriplit(issuer.pem)
})
beforeEach(() => {
  // The server writes every refusal there.
  vi.spyOn(console, 'error').mockImplementation(() => {})
  ;[name, open, triplit.online] = [crypto.randomUUID(), [], false]
})
afterEach(async () => {
  await Promise.all(open.map(({ session }) => session.end()))
  await until(() => expect(open.map(({ client }) => client.connectionStatus)).not.toContain('OPEN'))
})
afterAll(() => triplit.close())

type Tab = Awaited<ReturnType<typeof openTab>>

/**
 * Opens a tab whose app clears the data of another user.
 *
 * @param first - the user's principals; none for an anonymous tab
 */
async function openTab(...first: readonly string[]) {
  let principals = first
  let listeners: ((state: never) => unknown)[] = []
  const current = () => {
    const [principal] = principals
    return principal === undefined ? null : { principal, principals, authMode: 'external', claims: {} }
  }
  const auth = {
    ready: Promise.resolve(),
    getState: () => ({ session: current(), authMode: current() ? 'external' : 'anonymous' }),
    subscribe(listener: () => unknown) {
      listeners.push(listener)
      return () => void (listeners = listeners.filter((other) => other !== listener))
    },
    async getToken() {
      const [sub, ...aliases] = principals
      const iat = Math.floor(Date.now() / 1000)
      return issuer.sign({ aud: SYNC, sub: sub!, aliases, principals_tag: `only ${principals}`, iat, exp: iat + 900 })
    },
    reportToken() {},
  } as unknown as SessionAuth
  const client = testClient(triplit.url, { type: 'indexeddb', name })
  /** What the app was asked, what it cleared, and what it was told. */
  const log: string[] = []
  const session = connectTriplit(auth, client, {
    audience: SYNC,
    async beforeRestart({ from, to }, connected) {
      log.push(`asked about ${from} for ${to}`)
      await connected.clear()
      log.push('cleared')
    },
    onFault: (error) => void (isLatchkeyError(error, 'PRINCIPAL_MISMATCH') && log.push(error.message)),
  })
  await session.ready
  const tab = {
    client,
    session,
    log,
    /** The tab learns who the user is. */
    become(...next: readonly string[]) {
      principals = next
      for (const listener of listeners) listener(auth.getState() as never)
    },
    write: (text: string) => client.insert('notes', { text, owner: principals[0]! }),
    notes: async () =>
      (await client.fetch({ collectionName: 'notes' }, { policy: 'local-only' })).map(({ text }) => text).sort(),
    /** Waits until this tab has recorded whose data it is. */
    isOf: (owner: string) => until(async () => expect(await ownerIn(client).read()).toBe(owner)),
  }
  open.push(tab)
  return tab
}

/** The next user comes in another tab, where the data is cleared, writes offline, and closes that tab. */
async function comeAndWrite(tab: Tab, ...principals: readonly string[]): Promise<void> {
  tab.become(...principals)
  await tab.isOf(principals[0]!)
  await tab.write('of the next user')
  await tab.session.end()
}

const RELOAD = [expect.stringContaining('reload')]
const sockets = () => triplit.requests.filter((request) => request === 'GET /').length

test('a tab that hears of the next user late deletes nothing of what they wrote in another tab', async () => {
  const [one, late] = [await openTab('ada'), await openTab('ada')]
  await one.isOf('ada')
  await one.write('of the first user')
  await comeAndWrite(one, 'bob')

  late.become('bob')
  await until(() => expect(late.log).toContainEqual(expect.stringMatching(/cleared|reload/)))
  const reloaded = await openTab('bob')
  expect(await reloaded.notes()).toEqual(['of the next user'])
  expect([late.log, late.session.getState().status]).toEqual([RELOAD, 'ended'])
  await expect(late.session.clear()).rejects.toMatchObject({ code: 'PRINCIPAL_MISMATCH' })
  triplit.online = true
  await settle(reloaded.session, 'connected')
  await until(async () => expect(await triplit.rows()).toMatchObject([{ owner: 'bob', text: 'of the next user' }]))
})

test.each([
  ['the next user', ['bob'], ['bob']],
  ['an alias of the next user', ['device'], ['bob', 'device']],
])(
  'an anonymous tab on the data of the first user, which is that of %s by now, neither deletes nor sends any',
  async (_, before, now) => {
    const one = await openTab('ada')
    await one.isOf('ada')
    await one.write('of the first user')
    const late = await openTab()
    expect(await late.notes()).toEqual(['of the first user'])
    await comeAndWrite(one, ...before)

    // Connections are accepted in order: those that the first tab began are refused by now.
    await expect(fetch(triplit.url)).rejects.toThrow()
    const opened = sockets()
    triplit.online = true
    late.become(...now)
    await until(() => expect(late.log).toContainEqual(expect.stringMatching(/cleared|reload/)))
    await settle(late.session, 'ended')
    expect([late.log, sockets(), late.client.token]).toEqual([RELOAD, opened, undefined])
    await expect(late.write('into the data of the first user')).rejects.toMatchObject({ code: 'PRINCIPAL_MISMATCH' })
    expect(await (await openTab(...now)).notes()).toEqual(['of the next user'])
  },
)

test('an adoption in another tab is of the same user: the session goes on, and may clear the data', async () => {
  const [one, late, ended] = [await openTab('device'), await openTab('device'), await openTab('device')]
  await ended.session.end()
  await one.write('of the device')
  triplit.online = true
  one.become('ada', 'device')
  await one.isOf('ada')
  late.become('ada', 'device')
  await settle(late.session, 'connected')
  await late.write('of the account')
  expect(late.log).toEqual([])
  ended.become('ada', 'device')
  await ended.session.clear()
  await late.session.clear()
  expect(await (await openTab('ada', 'device')).notes()).toEqual([])
})

test('a tab that was opened before there was any data does not make it that of the next user', async () => {
  const late = await openTab()
  const one = await openTab('ada')
  await one.isOf('ada')
  await one.write('of the first user')
  late.become('bob')
  await expect(late.write('of the next user')).rejects.toMatchObject({ code: 'PRINCIPAL_MISMATCH' })
  await until(() => expect(late.log).toEqual(['asked about ada for bob', 'cleared']))
  await late.write('of the next user')

  one.become('bob')
  await until(() => expect(one.log).toEqual(RELOAD))
  expect(await (await openTab('bob')).notes()).toEqual(['of the next user'])
})

test('a client without a database of this kind has one owner, the same for every reader', async () => {
  const client = testClient(triplit.url)
  await ownerIn(client).write('ada')
  const plain = { ready: client.ready, db: { getMetadata: async () => 'bob' } } as unknown as typeof client
  expect([await ownerIn(client).stored(), await ownerIn(plain).stored()]).toEqual(['ada', 'bob'])
})
