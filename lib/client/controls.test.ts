import { afterEach, describe, expect, test } from 'vitest'
import type { Keyring } from '../keystore/record.ts'
import { memoryAccountServer } from '../testing/memory-account.ts'
import { type TestBrowser, hasLooked, testBrowser } from './client.testing.ts'
import type { Auth } from './auth.ts'
import type { DevtoolsControls, DevtoolsHook, DevtoolsRecord } from './shared/devtools.ts'

const HOOK = Symbol.for('latchkey.devtools')
const place = globalThis as { [key: symbol]: DevtoolsHook | undefined }

afterEach(() => delete place[HOOK])

interface World {
  readonly browser: TestBrowser
  readonly auth: Auth
  readonly controls: DevtoolsControls
  readonly records: readonly DevtoolsRecord[]
  readonly loads: readonly unknown[]
}

async function world(browser = testBrowser()): Promise<World> {
  const records: DevtoolsRecord[] = []
  const loads: (() => Promise<DevtoolsControls>)[] = []
  place[HOOK] = {
    register: () =>
      Object.assign((record: DevtoolsRecord) => void records.push(record), {
        connect: (load: () => Promise<DevtoolsControls>) => void loads.push(load),
      }),
  }
  const auth = await browser.load()
  await hasLooked(browser)
  return { browser, auth, controls: await loads[0]!(), records, loads }
}

const keyringOf = async ({ store }: TestBrowser): Promise<Keyring> => (await store.read()) as Keyring

const audience = 'https://app.example'

function expiryOf(token: string | null): number {
  return (JSON.parse(atob(token!.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/'))) as { exp: number }).exp
}

test('developer tools learn once how to load the controls, and each event with its payload and effects', async () => {
  const { auth, loads, records } = await world()
  await auth.listIdentities()
  auth.reportToken('disabled')
  expect(loads).toHaveLength(1)
  expect(records.at(-1)).toMatchObject({
    event: 'tokenRejected',
    payload: { reason: 'disabled' },
    effects: ['dropTokens'],
    ignored: false,
  })
  expect(Object.keys(records.at(-1)!.payload!)).toEqual(['reason'])
})

test('no secret, signature, token or one-time id is in what they tell', async () => {
  const browser = testBrowser()
  const { auth, controls } = await world(browser)
  const tokens = [await auth.getToken()]
  const told = [controls.tokens(), controls.record()]
  const { secret } = (await keyringOf(browser)).entries[0] as { secret: string }
  await auth.upgrade(() => browser.account.requestLink('ada@example.com'))
  const { id } = (await keyringOf(browser)).intent!
  told.push(controls.record())
  await auth.upgrade(() => browser.account.signUp('ada'))
  tokens.push(await auth.getToken())
  const keyring = await keyringOf(browser)
  told.push(controls.tokens(), controls.record())
  const text = JSON.stringify(told)
  const kept = keyring.entries.flatMap((entry) => (entry.kind === 'account' && entry.token ? [entry.token.jwt] : []))
  expect(kept).toHaveLength(1)
  for (const hidden of [secret, id, ...[...tokens, ...kept].flatMap((token) => token!.split('.').slice(1))].filter(
    Boolean,
  ))
    expect(text).not.toContain(hidden)
  expect(text).toContain('"sub_jwk"')
  expect(controls.record()).toMatchObject({
    entries: [
      { kind: 'device', key: 'a secret, not shown' },
      { kind: 'account', token: { until: expect.any(Number) } },
    ],
  })
  expect(controls).toMatchObject({ audience, accountAudience: 'https://auth.example/api/auth', channel: null })
})

describe('a token', () => {
  test('is shown with header and claims, and as dropped once it is', async () => {
    const { auth, controls } = await world()
    expect(controls.tokens()).toEqual([])
    await auth.getToken()
    expect(controls.tokens()).toMatchObject([
      { audience, header: { typ: 'latchkey+jwt' }, claims: { aud: audience }, isDropped: false },
    ])
    auth.reportToken('invalid')
    expect(controls.tokens()).toMatchObject([{ isDropped: true }])
  })

  test('of this device expires: the next request carries an expired one, and a fresh one is right again', async () => {
    const { auth, controls, browser } = await world()
    const seconds = browser.clock.now() / 1000
    await auth.getToken()
    await controls.expireTokens()
    expect(expiryOf(await auth.getToken())).toBeLessThan(seconds)
    expect(expiryOf(await auth.getToken({ fresh: true }))).toBeGreaterThan(seconds)
  })

  test('of an account is dropped instead', async () => {
    const { auth, controls, browser } = await world()
    await auth.upgrade(() => browser.account.signUp('ada'))
    await auth.getToken()
    const calls = browser.account.calls.filter((call) => call === 'getToken').length
    await controls.expireTokens()
    expect(expiryOf(await auth.getToken())).toBeGreaterThan(browser.clock.now() / 1000)
    expect(browser.account.calls.filter((call) => call === 'getToken')).toHaveLength(calls + 1)
  })

  test('follows a wrong clock at once, and the right one again', async () => {
    const { auth, controls, browser } = await world()
    const before = expiryOf(await auth.getToken())
    controls.setClock(3_600_000)
    expect(expiryOf(await auth.getToken())).toBe(before + 3600)
    controls.setClock(0)
    expect(expiryOf(await auth.getToken())).toBe(before)
    expect(browser.clock.now() / 1000).toBeLessThan(before)
  })

  test('is refreshed and refused on request', async () => {
    const { auth, controls } = await world()
    await controls.refreshToken()
    expect(controls.tokens()).toHaveLength(1)
    for (const reason of ['expired', 'missing', 'invalid', 'disabled'] as const) {
      controls.reportToken(reason)
      expect(auth.getState().error).toBe(reason)
    }
    controls.reportToken(null)
    expect(auth.getState().error).toBeUndefined()
  })
})

describe('the record', () => {
  test('is deleted as by a browser, and put back unchanged', async () => {
    const { auth, controls, browser } = await world()
    const before = await keyringOf(browser)
    expect(await controls.restoreRecord()).toBe(false)
    await controls.removeRecord()
    await controls.removeRecord()
    expect(await browser.store.read()).toBeUndefined()
    expect(auth.getState().storage.problem).toBe('KEYSTORE_VANISHED')
    expect(await controls.restoreRecord()).toBe(true)
    expect(await keyringOf(browser)).toEqual(before)
    expect(auth.getState().storage.problem).toBeUndefined()
    expect(await controls.restoreRecord()).toBe(false)
  })

  test('is not put back over one that is there by now', async () => {
    const { auth, controls, browser } = await world()
    const before = await keyringOf(browser)
    await controls.removeRecord()
    await auth.ensureIdentity()
    const restored = await keyringOf(browser)
    expect(await controls.restoreRecord()).toBe(false)
    expect(await keyringOf(browser)).toEqual(restored)
    expect(restored.current).toBe(before.current)
    // The copy may be the only one of what was removed.
    await browser.store.update(() => undefined)
    expect(await controls.restoreRecord()).toBe(true)
    expect(await keyringOf(browser)).toEqual(before)
  })
})

describe('a simulated conflict', () => {
  test('is stored, is shown after a reload too, and ends without a trace', async () => {
    const { auth, controls, browser } = await world()
    expect(await controls.showConflict()).toBe(true)
    expect(auth.getState()).toMatchObject({ phase: 'conflict', upgrade: { conflict: { isTaken: false } } })
    expect(await controls.showConflict()).toBe(false)
    expect((await browser.load()).getState().phase).toBe('conflict')
    await controls.endConflict()
    expect(auth.getState()).toMatchObject({ phase: 'ready', authMode: 'local-first' })
    expect((await keyringOf(browser)).intent).toBeNull()
  })

  test('is cancelled by the app as a real one is, and resolving it fails as without a session', async () => {
    const { auth, controls } = await world()
    const { principal } = auth.getState().session!
    await controls.showConflict()
    expect(await auth.resolveConflict('switch')).toMatchObject({
      outcome: 'failed',
      error: { code: 'SESSION_MISSING' },
    })
    await auth.cancelUpgrade()
    expect(auth.getState()).toMatchObject({ phase: 'ready', session: { principal } })
  })

  test('does not take the place of an upgrade that waits, and ends no real one', async () => {
    const { auth, controls, browser } = await world()
    await auth.upgrade(() => browser.account.requestLink('ada@example.com'))
    const { intent } = await keyringOf(browser)
    expect(await controls.showConflict()).toBe(false)
    await controls.endConflict()
    expect((await keyringOf(browser)).intent).toEqual(intent)
    expect(auth.getState().phase).toBe('pending')
  })
})

test('a second device is another identity, and the first one comes back', async () => {
  const browser = testBrowser(memoryAccountServer())
  const { auth, controls } = await world(browser)
  const { principal } = auth.getState().session!
  await controls.switchDevice()
  const second = auth.getState().session!.principal
  expect(second).not.toBe(principal)
  await controls.switchDevice(principal)
  expect(auth.getState().session?.principal).toBe(principal)
  expect((await keyringOf(browser)).entries.map((entry) => entry.principal).toSorted()).toEqual(
    [principal, second].toSorted(),
  )
})
