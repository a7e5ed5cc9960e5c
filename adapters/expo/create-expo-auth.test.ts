import { webcrypto } from 'node:crypto'
import { AbortController as OldAbortController, AbortSignal as OldAbortSignal } from 'abort-controller'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createTokenVerifier } from '../../lib/server.ts'
import { memoryAccountServer, nobleSuite } from '../../lib/testing.ts'
import { type ExpoAuthOptions, createExpoAuth } from './index.ts'
import { type Phone, phone } from './phone.testing.ts'

afterEach(() => void vi.unstubAllGlobals())

const SOON = { timeout: 30_000, interval: 1 }
let opened = 0

/** An app on a phone; `start` starts its process. */
function app(device: Phone = phone(), more: Partial<ExpoAuthOptions> = {}) {
  const name = `app-${++opened}`
  const server = memoryAccountServer()
  const account = server.connect()
  const options = { ...device.modules, audience: 'https://notes.example', name, account: account.provider, ...more }
  async function start(extra: Partial<ExpoAuthOptions> = {}) {
    const auth = createExpoAuth({ ...options, ...extra })
    await auth.ready
    return auth
  }
  /** Starts its process, lets it do all that it does at a start, and ends it. */
  async function run(extra?: Partial<ExpoAuthOptions>) {
    const auth = await start(extra)
    await auth.listIdentities()
    await vi.waitFor(() => expect(device.listeners()).toBe(2), SOON)
    auth.close()
    await vi.waitFor(() => expect(device.listeners()).toBe(0), SOON)
    return auth.getState()
  }
  return { device, account, start, run }
}

describe('an identity on a phone', () => {
  test('is the same at the next start, and nothing is derived for it: `ready` waits for no key (checklist 33: in Expo)', async () => {
    const { device, start } = app()
    const first = await start()
    const { principal } = first.getState().session!
    first.close()
    const keys = vi.fn(() => new Promise<never>(() => {}))
    const never = { ...nobleSuite, signingKey: keys, hkdf: keys }
    const second = await start({ crypto: never })
    expect(second.getState()).toMatchObject({ phase: 'ready', session: { principal } })
    // What the background does at once is done.
    await second.listIdentities()
    await second.markWritten()
    expect(keys).not.toHaveBeenCalled()
    void second.getToken()
    await vi.waitFor(() => expect(keys).toHaveBeenCalledTimes(1), SOON)
    expect(device.keychain.size).toBe(1)
  })

  test('is protected by the keychain, and its secret stays there', async () => {
    const { start } = app()
    const auth = await start()
    expect(auth.getState().storage).toMatchObject({ durability: 'persistent', protection: 'keychain', canBackUp: true })
    expect(await auth.exportSecret()).toHaveLength(43)
  })

  test('signs for the audience that the app says, since a native app has no origin', async () => {
    const { start } = app()
    const auth = await start()
    const verified = await createTokenVerifier({ audience: 'https://notes.example' }).verify((await auth.getToken())!)
    expect(verified.principal).toBe(auth.getState().session!.principal)
    expect(() => createExpoAuth({ ...phone().modules } as never)).toThrow(new TypeError('audience: required'))
  })

  test('sends its token to the server that the audience names', async () => {
    const { start } = app(phone(), { audiences: { 'https://sync.example': 'sync' } })
    const auth = await start()
    const sent: Request[] = []
    vi.stubGlobal('fetch', async (request: Request) => (sent.push(request), new Response()))
    await auth.fetch('https://notes.example/api/notes')
    await auth.fetch('https://sync.example/')
    for (const url of ['https://evil.example/', 'http://notes.example/', 'https://notes.example.evil.example/'])
      await expect(auth.fetch(url)).rejects.toMatchObject({ code: 'ORIGIN_NOT_ALLOWED' })
    const audiences = ['https://notes.example', 'sync']
    expect(sent).toHaveLength(audiences.length)
    for (const [index, audience] of audiences.entries()) {
      const token = sent[index]!.headers.get('authorization')!.replace('Bearer ', '')
      const { principal } = await createTokenVerifier({ audience }).verify(token)
      expect(principal).toBe(auth.getState().session!.principal)
    }
  })

  test('sends no token by an audience that is no origin', async () => {
    const { start } = app(phone(), { audience: 'notes' })
    const auth = await start()
    await expect(auth.fetch('https://notes.example/')).rejects.toMatchObject({ code: 'ORIGIN_NOT_ALLOWED' })
  })

  test('is one for two instances of one process that start at once', async () => {
    const { start } = app()
    const [one, other] = await Promise.all([start(), start()])
    expect(one.getState().session!.principal).toBe(other.getState().session!.principal)
  })

  test('that the phone lost is reported as such, and no other one takes its place', async () => {
    const { device, start } = app()
    const first = await start()
    await vi.waitFor(() => expect(device.caches.size).toBe(1), SOON)
    first.close()
    device.loseKey()
    const second = await start()
    expect(second.getState()).toMatchObject({ session: null, storage: { problem: 'KEYSTORE_VANISHED' } })
    await expect(second.getToken()).rejects.toMatchObject({ code: 'KEYSTORE_VANISHED' })
    expect(device.keychain.size).toBe(0)
    // Only the app itself, asked by the user, begins anew.
    const { principal } = await second.ensureIdentity()
    expect(principal).not.toBe(first.getState().session!.principal)
  })

  test('and before the first look of the background, too', async () => {
    const { device, start } = app()
    await start()
    device.loseKey()
    const second = await start()
    expect(second.getState()).toMatchObject({ session: null, storage: { problem: 'KEYSTORE_VANISHED' } })
  })

  test.each(['uninstallOnAndroid', 'restored'] as const)('is new after %s', async (event) => {
    const { device, start, run } = app()
    const { principal } = (await run()).session!
    const next = device[event]() ?? device
    const after = await start(next.modules)
    expect(after.getState()).toMatchObject({ phase: 'ready', session: { authMode: 'local-first' } })
    expect(after.getState().session!.principal).not.toBe(principal)
  })

  test('is back after a reinstallation on iOS, or new if the app says so', async () => {
    const { device, run } = app()
    const { principal } = (await run()).session!
    device.uninstallOnIos()
    expect((await run()).session!.principal).toBe(principal)
    device.uninstallOnIos()
    expect((await run({ onReinstall: 'forget' })).session!.principal).not.toBe(principal)
    expect([...device.keychain.values()].some(({ value }) => value.includes(principal))).toBe(false)
  })

  test('is forgotten with the session of another provider, which the app deletes', async () => {
    const { device, account, run } = app()
    const { principal } = (await run()).session!
    device.uninstallOnIos()
    const onForget = vi.fn(() => expect([...device.keychain.values()][0]?.value).toContain(principal))
    await run({ onReinstall: 'keep', onForget })
    expect(onForget).not.toHaveBeenCalled()
    device.uninstallOnIos()
    const before = account.calls.length
    const asked: number[] = []
    await run({ onReinstall: 'forget', onForget: () => (onForget(), void asked.push(account.calls.length - before)) })
    expect(asked).toEqual([0])
  })

  test('is not there while the phone is locked, and is back without a restart', async () => {
    const { device, start } = app()
    const { principal } = (await start()).getState().session!
    device.device.fault = () => Promise.reject(new Error('User interaction is not allowed.'))
    const auth = await start()
    expect(auth.getState()).toMatchObject({ session: null, storage: { problem: 'KEYSTORE_UNAVAILABLE' } })
    device.device.fault = null
    device.say('active')
    await vi.waitFor(() => expect(auth.getState().session?.principal).toBe(principal), SOON)
  })
})

describe('the events of the phone', () => {
  test('an app that comes to the front reads what another instance changed', async () => {
    const { device, start } = app()
    const [one, other] = [await start(), await start()]
    await one.listIdentities()
    await other.signOut()
    expect(one.getState().authMode).toBe('local-first')
    device.say('background')
    device.say('active')
    await vi.waitFor(() => expect(one.getState().authMode).toBe('anonymous'), SOON)
  })

  test('a network that is back lets the account server hear what it missed', async () => {
    const { device, account, start } = app()
    const auth = await start()
    expect(await auth.upgrade(() => account.signUp('ada'))).toMatchObject({ outcome: 'upgraded' })
    account.online = false
    await auth.signOut()
    await vi.waitFor(() => expect(device.listeners()).toBe(2), SOON)
    device.connect({ isConnected: false, isInternetReachable: false })
    expect(account.session).toBe('ada')
    account.online = true
    device.connect({ isConnected: true, isInternetReachable: true })
    await vi.waitFor(() => expect(account.session).toBeNull(), SOON)
  })

  test('one change of the network is one event, and a closed app hears none', async () => {
    const { device, account, start } = app()
    const auth = await start()
    await vi.waitFor(() => expect(account.calls).toContain('getSession'), SOON)
    const asked = () => account.calls.filter((call) => call === 'getSession').length
    const before = asked()
    for (let times = 0; times < 3; times++) device.connect({ isConnected: true })
    device.connect({})
    await vi.waitFor(() => expect(asked()).toBe(before + 1), SOON)
    auth.close()
    await vi.waitFor(() => expect(device.listeners()).toBe(0), SOON)
  })
})

describe('the engine', () => {
  test.each([
    ['nothing', (bytes: Uint8Array) => bytes],
    ['the array later', (bytes: Uint8Array) => Promise.resolve().then(() => void bytes.fill(7))],
    ['always the same', (bytes: Uint8Array) => bytes.fill(7)],
  ])('a source of random bytes that fills %s is refused: every device would have the same secret', (_, source) => {
    vi.stubGlobal('crypto', undefined)
    expect(() => createExpoAuth({ ...phone().modules, audience: 'a', getRandomValues: source })).toThrow(
      'getRandomValues: expected a function that fills an array synchronously',
    )
  })

  test('of React Native 0.83 has no reason in an AbortSignal, and no source of random bytes', async () => {
    const { getRandomValues } = crypto
    const source = (bytes: Uint8Array<ArrayBuffer>) => getRandomValues.call(webcrypto, bytes)
    vi.stubGlobal('crypto', undefined)
    vi.stubGlobal('AbortController', OldAbortController)
    vi.stubGlobal('AbortSignal', OldAbortSignal)
    const { account, start } = app(phone(), { getRandomValues: source })
    const auth = await start()
    expect(await auth.upgrade(() => account.signUp('ada'))).toMatchObject({ outcome: 'upgraded' })
    await auth.signOut()
    await auth.ensureIdentity()
    const running = auth.upgrade(() => new Promise(() => {}))
    await vi.waitFor(() => expect(auth.getState().phase).toBe('upgrading'), SOON)
    await auth.cancelUpgrade()
    expect(await running).toMatchObject({ outcome: 'failed', error: { code: 'UPGRADE_CANCELLED' } })
  })
})

test('the module of another account client is refused, since it would sign out in vain', () => {
  const authClient = { $latchkey: () => ({}) } as never
  expect(() => createExpoAuth({ ...phone().modules, audience: 'a', authClient })).toThrow(
    'authClient: expected latchkeyExpoClient among its plugins',
  )
})
