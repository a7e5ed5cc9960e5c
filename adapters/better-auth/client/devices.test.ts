import { afterEach, describe, expect, test, vi } from 'vitest'
import { createAuth, memoryStore } from '../../../lib/index.ts'
import { devicesOf } from '../../../lib/device-bindings.ts'
import { betterAuthAccount } from './index.ts'
import { createBetterAuthResolver } from '../index.ts'
import { ORIGIN, type TestBrowser, type TestServer, person, testServer } from '../testing/server.testing.ts'

const [ada, ben] = [person('ada'), person('ben')]
const API = 'https://api.notes.example'

afterEach(() => {
  vi.unstubAllGlobals()
})

async function signUp(server: TestServer) {
  const browser = server.browser()
  const auth = await browser.load({ audiences: { [API]: ORIGIN } })
  expect(await auth.upgrade(() => browser.client.signUp.email(ada))).toMatchObject({ outcome: 'upgraded' })
  return { browser, auth }
}

async function signIn(server: TestServer, credentials = ada) {
  const browser = server.browser()
  const auth = await browser.load({ audiences: { [API]: ORIGIN }, harden: 'never' })
  await auth.upgrade(() => browser.client.signIn.email(credentials))
  expect(auth.getState()).toMatchObject({ authMode: 'external' })
  return { browser, auth }
}

/** An API behind the resolver, in place of the network. */
function serveApi(server: TestServer): void {
  const resolver = createBetterAuthResolver(server.auth)
  vi.stubGlobal('fetch', async (request: Request) => {
    const found = await resolver.resolve(request)
    return found.ok ? Response.json(found.session.principal) : found.response()
  })
}

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'done',
    (error: { code?: unknown }) => error.code,
  )
}

/** The sign-in was eleven minutes ago. */
async function makeOld(server: TestServer): Promise<void> {
  await server.change('session', { createdAt: new Date(Date.now() - 660_000) })
}

describe('auth.devices()', () => {
  test('lists the devices of the account; one is renamed and revoked (checklist 32: devices are listed, named and revoked)', async () => {
    const server = await testServer()
    const first = await signUp(server)
    const second = await signIn(server)
    const listed = await second.auth.devices()
    expect(listed).toHaveLength(2)
    const other = listed.find(({ isCurrent }) => !isCurrent)!
    expect(await second.auth.renameDevice(other.id, 'Old laptop')).toBeUndefined()
    expect(await first.auth.devices()).toContainEqual({ ...other, name: 'Old laptop', isCurrent: true })
    expect(await second.auth.revokeDevice(other.id)).toEqual({ sessions: 1, keys: 'kept' })
    expect(await second.auth.devices()).toMatchObject([{ isCurrent: true }])
    expect(await codeOf(first.auth.devices())).toBe('SESSION_MISSING')
  })

  test('a component that follows them sees the change, and the sign-in that a change needs', async () => {
    const server = await testServer()
    await signUp(server)
    const { auth } = await signIn(server)
    const store = devicesOf(auth)
    store.subscribe(() => {})
    await vi.waitFor(() => expect(store.getState().phase).toBe('ready'), { timeout: 30_000 })
    expect(store.getState().devices.map(({ isCurrent }) => isCurrent)).toEqual([true, false])
    const other = store.getState().devices[1]!
    await makeOld(server)
    expect(await store.getState().revoke(other.id)).toBeNull()
    expect(store.getState()).toMatchObject({ failure: 'SESSION_NOT_FRESH', devices: [{}, { id: other.id }] })
    await server.change('session', { createdAt: new Date() })
    expect(await store.getState().revoke(other.id)).toEqual({ sessions: 1, keys: 'kept' })
    expect(store.getState()).toMatchObject({ failure: null, isBusy: false, devices: [{ isCurrent: true }] })
    expect(store.getState().devices).toHaveLength(1)
  })

  test('all others are revoked', async () => {
    const server = await testServer()
    const first = await signUp(server)
    const second = await signIn(server)
    expect(await first.auth.revokeOtherDevices()).toMatchObject({ sessions: 1 })
    expect(await codeOf(second.auth.devices())).toBe('SESSION_MISSING')
    expect(await first.auth.devices()).toHaveLength(1)
  })

  test('refuses with a code that the app can act on', async () => {
    const server = await testServer()
    const { auth } = await signUp(server)
    const { id } = (await auth.devices())[0]!
    expect(await codeOf(auth.revokeDevice(id))).toBe('DEVICE_CURRENT')
    expect(await codeOf(auth.revokeDevice('none'))).toBe('DEVICE_UNKNOWN')
    await makeOld(server)
    expect(await codeOf(auth.renameDevice(id, 'mine'))).toBe('SESSION_NOT_FRESH')
    expect(await codeOf(auth.revokeDevice(id))).toBe('SESSION_NOT_FRESH')
    expect(await codeOf(auth.revokeOtherDevices())).toBe('SESSION_NOT_FRESH')
  })

  test.each([{ andThoseItLetIn: 'no' }, { andThoseItLetIn: 1 }, { andThoseItLetIn: null }])(
    'a mistake in the options of `revokeDevice`, %o, revokes nothing',
    async (options) => {
      const server = await testServer()
      const { auth } = await signUp(server)
      const second = await signIn(server)
      const other = (await second.auth.devices()).find(({ isCurrent }) => !isCurrent)!
      await expect(second.auth.revokeDevice(other.id, options as never)).rejects.toThrow(TypeError)
      expect(await auth.devices()).toHaveLength(2)
    },
  )

  test('a mistake in the options of `provePairing` signs nothing', async () => {
    const { auth } = await signUp(await testServer())
    for (const options of [{ thumbprint: 1 }, { thumbprint: null }, { thumbprint: 'x'.repeat(43), nonce: 1 }])
      await expect(auth.provePairing(options as never)).rejects.toThrow(TypeError)
  })

  test('concerns the account of the identity: a session of another one is refused', async () => {
    const server = await testServer()
    await server.browser().client.signUp.email(ben)
    const bens = await signIn(server, ben)
    const { browser, auth } = await signUp(server)
    for (const [name, value] of bens.browser.cookies) browser.cookies.set(name, value)
    expect(await codeOf(auth.devices())).toBe('SESSION_MISSING')
    expect(await codeOf(auth.revokeOtherDevices())).toBe('SESSION_MISSING')
    expect(await server.rows('session')).toHaveLength(3)
  })

  test('has a code of its own where the provider has none, and where no account is current', async () => {
    const server = await testServer()
    const { browser } = await signUp(server)
    const { devices: _, ...without } = betterAuthAccount(browser.client)
    for (const auth of [await browser.load({ account: without }), createAuth({ keystore: memoryStore() })]) {
      expect(await codeOf(auth.devices())).toBe('DEVICES_UNSUPPORTED')
      expect(await codeOf(auth.revokeDevice('id'))).toBe('DEVICES_UNSUPPORTED')
    }
    const fresh = await server.browser().load()
    expect(await codeOf(fresh.devices())).toBe('SESSION_MISSING')
  })

  test.each<[string, unknown]>([
    ['a page', '<html>'],
    ['nothing', null],
    ['no list', { devices: {} }],
    ['another list', { devices: [{ id: 1 }] }],
  ])('accepts no response of something in between: %s', async (_, answer) => {
    const { browser, auth } = await signUp(await testServer())
    const intercept: TestBrowser['intercept'] = async () => Response.json(answer)
    for (const work of [() => auth.devices(), () => auth.renameDevice('id', 'x'), () => auth.revokeOtherDevices()]) {
      browser.intercept = intercept
      expect(await codeOf(work())).toBe('OFFLINE')
    }
  })
})

test('a revoked device gets `disabled`, sends no more requests, and keeps its identity and its record', async () => {
  const server = await testServer()
  const lost = await signUp(server)
  const own = await signIn(server)
  serveApi(server)
  expect((await lost.auth.fetch(`${API}/notes`)).status).toBe(200)
  const other = (await own.auth.devices()).find(({ isCurrent }) => !isCurrent)!
  const { session } = lost.auth.getState()
  await own.auth.revokeDevice(other.id)
  expect(await codeOf(lost.auth.fetch(`${API}/notes`))).toBe('SESSION_MISSING')
  expect(lost.auth.getState()).toMatchObject({ error: 'disabled', session, authMode: 'external' })
  expect((await own.auth.fetch(`${API}/notes`)).status).toBe(200)
  expect(own.auth.getState().error).toBeUndefined()
})

test('a device whose session was replaced by a change of the password continues with a new token', async () => {
  const server = await testServer()
  const { browser, auth } = await signUp(server)
  serveApi(server)
  expect((await auth.fetch(`${API}/notes`)).status).toBe(200)
  await browser.client.changePassword({
    currentPassword: ada.password,
    newPassword: 'another horse',
    revokeOtherSessions: true,
  })
  expect((await auth.fetch(`${API}/notes`)).status).toBe(200)
  expect(auth.getState().error).toBeUndefined()
})
