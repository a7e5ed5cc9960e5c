import { afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { DAY, MINUTE, SECOND, type TestTime, testTime } from '../../lib/session/session.testing.ts'
import {
  SYNC,
  type TestDevice,
  type TestIssuer,
  type TestTriplit,
  type TestWorld,
  settle,
  startSilent,
  startTriplit,
  testIssuer,
  testWorld,
  until,
} from './triplit.testing.ts'

// What goes wrong with Triplit alone, one test each.

let issuer: TestIssuer
let stranger: TestIssuer
let triplit: TestTriplit
let world: TestWorld
let time: TestTime

beforeAll(async () => {
  issuer = await testIssuer()
  stranger = await testIssuer()
})
beforeEach(async () => {
  // The server writes every refusal there.
  vi.spyOn(console, 'error').mockImplementation(() => {})
  // One for each test: a request of the one before may still be on its way.
  triplit = await startTriplit(issuer.pem)
  world = testWorld(issuer, triplit)
  time = testTime(Date.now())
})
afterEach(async () => {
  vi.restoreAllMocks()
  await world.close()
  await triplit.close()
})

const count = (request: string) => triplit.requests.filter((each) => each === request).length
const sockets = () => count('GET /')
const textsOf = async (device: TestDevice) =>
  (await triplit.rows()).filter(({ owner }) => owner === device.principal()).map(({ text }) => text)
const synced = (device: TestDevice, texts: string[]) => until(async () => expect(await textsOf(device)).toEqual(texts))

/** A token that a backend of the app's own gives. */
const tokenFor = (device: TestDevice, more: object = {}, by = issuer) => {
  const iat = Math.floor(Date.now() / 1000)
  return by.sign({
    aud: SYNC,
    sub: device.principal(),
    aliases: [],
    principals_tag: 'tag',
    iat,
    exp: iat + 900,
    ...more,
  })
}

/** A device with a refresh handler, on timers that the test drives. */
async function handled(
  answer: (device: TestDevice) => Promise<string | null>,
): Promise<TestDevice & { calls(): number; answer: typeof answer }> {
  let calls = 0
  const device = await world.device({
    autoStart: false,
    clock: time.clock,
    timer: time.timer,
    refresh: { handler: () => (calls++, scene.answer(device)) },
  })
  const scene = { ...device, calls: () => calls, answer }
  await scene.auth.ready
  await scene.session.start()
  return scene
}

async function connected(device: Promise<TestDevice>): Promise<TestDevice> {
  const opened = await device
  await settle(opened.session, 'connected')
  return opened
}

describe('a refresh handler', () => {
  test('that returns null ends the session, keeps local data, and a later start goes on', async () => {
    const device = await handled((self) => tokenFor(self))
    await settle(device.session, 'connected')
    device.answer = async () => null
    await time.advance(15 * MINUTE)
    await settle(device.session, 'ended')
    await until(() =>
      expect([device.client.connectionStatus, device.client.token]).toEqual(['UNINITIALIZED', undefined]),
    )
    expect(device.kinds).toEqual([])
    await device.write('meanwhile')
    device.answer = (self) => tokenFor(self)
    await device.session.start()
    await settle(device.session, 'connected')
    await synced(device, ['meanwhile'])
  })

  test('that throws changes nothing, and is asked again', async () => {
    const device = await handled((self) => tokenFor(self))
    await settle(device.session, 'connected')
    device.answer = () => Promise.reject(new Error('the backend is down'))
    await time.advance(14 * MINUTE + 30 * SECOND)
    expect(device.faults).toContainEqual(new Error('the backend is down'))
    expect(device.session.getState()).toEqual({ status: 'connected', principal: device.principal() })
    await device.write('still connected')
    await synced(device, ['still connected'])
    const later = await tokenFor(device, { jti: 'later' })
    device.answer = async () => later
    await time.advance(10 * MINUTE)
    await until(() => expect(JSON.parse(atob(device.client.token!.split('.')[1]!))).toMatchObject({ jti: 'later' }))
    expect(sockets()).toBe(1)
  })

  test('is not asked at once again and again for a token of 30 days', async () => {
    const lifetime = 30 * 86_400
    const device = await handled((self) => tokenFor(self, { exp: Math.floor(Date.now() / 1000) + lifetime }))
    await settle(device.session, 'connected')
    await time.advance(29 * DAY)
    expect(device.calls()).toBe(1)
    expect(count('POST /update-token')).toBe(0)
    expect(Math.max(...time.delays)).toBeLessThan(2 ** 31)
    const later = await tokenFor(device, { jti: 'later' })
    device.answer = async () => later
    await time.advance(DAY - 45 * SECOND)
    expect(device.calls()).toBe(2)
  })

  test("that brings another user's token does not get it to the server, and the session goes on", async () => {
    const device = await handled((self) => tokenFor(self))
    await settle(device.session, 'connected')
    const other = await tokenFor(device, { sub: 'another user' })
    device.answer = async () => other
    await time.advance(14 * MINUTE + 30 * SECOND)
    expect(device.faults[0]).toMatchObject({ code: 'PRINCIPAL_MISMATCH' })
    expect(device.session.getState()).toEqual({ status: 'connected', principal: device.principal() })
    expect([device.kinds, count('POST /update-token'), sockets()]).toEqual([[], 0, 1])
  })
})

describe('an update', () => {
  test('goes over the same connection, and the client connects with it from then on (checklist 18: a manual token update works, on a real server)', async () => {
    const device = await connected(world.device())
    const { session, client } = device
    const token = (await device.auth.getToken({ audience: SYNC, fresh: true }))!
    await session.update(token)
    expect(client.token).toBe(token)
    expect(sockets()).toBe(1)
    expect(count('POST /update-token')).toBeGreaterThan(0)
  })

  test.each([
    ['badly signed', {}, 1],
    ['badly signed, with other claims', { name: 'Ada' }, 3],
  ])('that is %s is refused, and the session goes on with the token before', async (_, more, connections) => {
    const device = await connected(world.device())
    const { session, client, principal } = device
    const { token } = client
    const bad = await tokenFor(
      device,
      { iss: undefined, ...JSON.parse(atob(token!.split('.')[1]!)), ...more },
      stranger,
    )
    await expect(session.update(bad)).rejects.toMatchObject({ code: 'SESSION_TOKEN_REFUSED' })
    await settle(session, 'connected')
    expect(client.token).toBe(token)
    expect(sockets()).toBe(connections)
    expect(session.getState().principal).toBe(principal())
    await device.write('after it')
    await synced(device, ['after it'])
  })

  test('with a changed `sub` is refused before it leaves the device', async () => {
    const device = await connected(world.device())
    const { session, client } = device
    const { token } = client
    const [opened, updated] = [sockets(), count('POST /update-token')]
    await expect(session.update(await tokenFor(device, { sub: 'somebody else' }))).rejects.toMatchObject({
      code: 'PRINCIPAL_MISMATCH',
    })
    expect([client.token, sockets(), count('POST /update-token')]).toEqual([token, opened, updated])
  })

  test('while the server cannot be reached keeps the token before, and the session comes back with the new one', async () => {
    const device = await connected(world.device())
    const token = (await device.auth.getToken({ audience: SYNC, fresh: true }))!
    triplit.online = false
    await settle(device.session, 'connecting')
    await device.session.update(token)
    triplit.online = true
    await settle(device.session, 'connected')
    expect(device.client.token).toBe(token)
  })

  test('that the client refuses by its own clock is a new connection', async () => {
    const device = await connected(world.device())
    const opened = sockets()
    vi.spyOn(device.client, 'updateSessionToken').mockRejectedValueOnce(new Error('TokenExpiredError'))
    const token = (await device.auth.getToken({ audience: SYNC, fresh: true }))!
    await device.session.update(token)
    expect(sockets()).toBe(opened + 1)
    expect(device.client.token).toBe(token)
    expect(device.session.getState().status).toBe('connected')
  })
})

describe('a token', () => {
  test('that ended is noticed by the server on traffic only; the app hears nothing of it', async () => {
    const device = await connected(world.device())
    const { client, session, kinds } = device
    const told: string[] = []
    const now = vi.spyOn(Date, 'now').mockImplementation(() => performance.timeOrigin + performance.now() + 20 * MINUTE)
    client.onSessionError((kind: string) => {
      told.push(kind)
      now.mockRestore()
    })
    expect(client.connectionStatus).toBe('OPEN')
    await device.write('one more')
    await until(() => expect(told).toEqual(['TOKEN_EXPIRED']))
    await settle(session, 'connected')
    await synced(device, ['one more'])
    expect(kinds).toEqual([])
    expect(device.auth.getState().error).toBeUndefined()
  })

  test('that expired is reported as TOKEN_EXPIRED if no fresh one is available, and the session resumes with a later one (checklist 19: TOKEN_EXPIRED reaches a handler, on a real server)', async () => {
    const device = await handled((self) => tokenFor(self))
    const { session, kinds, client } = device
    await settle(session, 'connected')
    device.answer = () => Promise.reject(new Error('not now'))
    const now = vi.spyOn(Date, 'now').mockImplementation(() => performance.timeOrigin + performance.now() + 20 * MINUTE)
    client.onSessionError(() => now.mockRestore())
    await device.write('one more')
    await until(() => expect(kinds).toEqual(['TOKEN_EXPIRED']))
    expect(session.getState()).toMatchObject({ status: 'paused', error: 'expired', failure: 'TOKEN_EXPIRED' })
    device.answer = (self) => tokenFor(self)
    await time.advance(MINUTE)
    await settle(session, 'connected')
    await synced(device, ['one more'])
    expect(kinds).toEqual(['TOKEN_EXPIRED'])
  })

  test('of a wrong key does not connect: UNAUTHORIZED, and a valid one fixes it (checklist 24: a wrong key cannot connect)', async () => {
    world.issuer = stranger
    const device = await world.device()
    await until(() => expect(device.kinds).toEqual(['UNAUTHORIZED']))
    expect(device.session.getState()).toMatchObject({ status: 'paused', error: 'invalid' })
    expect(device.auth.getState().error).toBe('invalid')
    await device.write('meanwhile')
    world.issuer = issuer
    await settle(device.session, 'connected')
    expect(device.auth.getState().error).toBeUndefined()
    await synced(device, ['meanwhile'])
  })

  test('that ended before the start gives way to a fresh one', async () => {
    let made = 0
    const past = Math.floor(Date.now() / 1000) - 1000
    world.claims = (payload) => (made++ === 0 ? { ...payload, iat: past, exp: past + 900 } : payload)
    const device = await world.device()
    await settle(device.session, 'connected')
    expect(device.kinds).toEqual([])
  })
})

test('a server that opens the socket and never answers is given up after half a minute, and tried again', async () => {
  const silent = await startSilent()
  onTestFinished(() => silent.close())
  world = testWorld(issuer, { ...triplit, url: silent.url })
  const { clock, timer } = time
  const { faults, session } = await world.device({ clock, timer })
  await until(() => expect(silent.opened()).toBe(1))
  await time.advance(30 * SECOND - 1)
  expect(faults).toEqual([])
  await time.advance(1)
  expect(faults).toMatchObject([{ code: 'OFFLINE' }])
  await time.advance(SECOND)
  await until(() => expect(silent.opened()).toBe(2))
  expect(session.getState().status).toBe('connecting')
})

describe("the client's own timers", () => {
  test('connect nothing while the session is disconnected', async () => {
    const { client, session } = await connected(world.device())
    triplit.online = false
    await settle(session, 'connecting')
    session.disconnect()
    triplit.online = true
    const opened = sockets()
    // What the timer of the client's own reconnect calls.
    await client.connect()
    expect(client.connectionStatus).toBe('UNINITIALIZED')
    expect(client.serverUrl).toBeUndefined()
    session.connect()
    await settle(session, 'connected')
    expect(sockets()).toBe(opened + 1)
  })

  test('do not matter when the connection was closed for good: the session comes back', async () => {
    const device = await connected(world.device())
    device.client.disconnect()
    await settle(device.session, 'connecting')
    await settle(device.session, 'connected')
    await device.write('back again')
    await synced(device, ['back again'])
  })
})

test('an end while the socket is being opened leaves no connection behind', async () => {
  const device = await world.device({ autoConnect: false })
  await until(() => expect(device.client.token).toBeDefined())
  const left: unknown[] = []
  device.client.onConnectionStatusChange((status: string) => {
    if (status === 'CONNECTING') left.push(device.auth.signOut({ force: true }))
  })
  device.session.connect()
  await until(() => expect(left).toHaveLength(1))
  await until(() => expect(device.client.token).toBeUndefined())
  expect(device.client.connectionStatus).toBe('UNINITIALIZED')
  expect(device.session.getState().principal).toBeNull()
})
