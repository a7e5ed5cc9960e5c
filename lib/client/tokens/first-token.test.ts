import { describe, expect, test, vi } from 'vitest'
import { memoryStore } from '../../keystore/memory.ts'
import { manualClock } from '../../testing/clock.ts'
import { memoryAccountServer } from '../../testing/memory-account.ts'
import { createTokenVerifier } from '../../tokens/verify.ts'
import type { Auth, AuthOptions } from '../auth.ts'
import { readPayload, testBrowser } from '../client.testing.ts'
import { createAuthWith } from '../create-auth.ts'
import { later as lazy } from '../lazy.ts'

const AUDIENCE = 'https://app.example'
const clock = manualClock()
const offline = (): Promise<never> => Promise.reject(new TypeError('Failed to fetch'))
const verifier = createTokenVerifier({ audience: AUDIENCE, clock: clock.now })

/** A page whose later chunk arrives when `arrive` is called. */
async function slowPage(options = {}): Promise<{ auth: Auth; arrive: () => void }> {
  let arrive = (): void => {}
  const loading = new Promise<typeof lazy>((resolve) => (arrive = () => resolve(lazy)))
  const auth = createAuthWith(() => loading)({
    audience: AUDIENCE,
    keystore: memoryStore(),
    clock: clock.now,
    ...options,
  })
  await auth.ready
  return { auth, arrive }
}

test('the first token needs no later chunk', async () => {
  const { auth } = await slowPage()
  const { principal } = await verifier.verify((await auth.getToken())!)
  expect(principal).toBe(auth.getState().session?.principal)
})

test('without an identity there is none, and nothing is waited for', async () => {
  const { auth } = await slowPage({ initialMode: 'anonymous' })
  expect(await auth.getToken()).toBeNull()
})

test('the later chunk goes on with the tokens that were signed before it', async () => {
  const { auth, arrive } = await slowPage()
  const first = await auth.getToken()
  arrive()
  await auth.markWritten()
  clock.advance(13 * 60_000)
  expect(await auth.getToken()).toBe(first)
})

test('a token that a server refused before the later chunk came is not used after it', async () => {
  const { auth, arrive } = await slowPage()
  const first = await auth.getToken()
  auth.reportToken('invalid')
  auth.reportToken(null)
  arrive()
  await auth.markWritten()
  clock.advance(5000)
  expect(await auth.getToken()).not.toBe(first)
})

test('a rejection before the later chunk came is shown with it', async () => {
  const { auth, arrive } = await slowPage()
  auth.reportToken('expired')
  expect(auth.getState()).not.toHaveProperty('error')
  arrive()
  await auth.markWritten()
  expect(auth.getState()).toMatchObject({ error: 'expired', session: expect.anything() })
})

test('after a refusal the next token waits for the later chunk, which corrects the clock', async () => {
  const browser = testBrowser(
    memoryAccountServer(() => clock.now() + 3_600_000),
    clock,
  )
  const { auth, arrive } = await slowPage({ account: browser.account.provider })
  await auth.getToken()
  auth.reportToken('expired')
  const asked = auth.getToken()
  await new Promise(setImmediate)
  arrive()
  const { iat } = readPayload((await asked)!) as { iat: number }
  expect(iat * 1000).toBeGreaterThan(clock.now() + 3_000_000)
})

test.each(['', 5, {}, null, ['https://app.example']])(
  'the audience %j is a TypeError of the later chunk',
  async (audience) => {
    const { auth, arrive } = await slowPage()
    const asked = auth.getToken({ audience: audience as string })
    arrive()
    await expect(asked).rejects.toBeInstanceOf(TypeError)
  },
)

test('a first token for an audience of its own needs no default one, neither do later ones', async () => {
  const { auth, arrive } = await slowPage({ audience: undefined })
  expect(readPayload((await auth.getToken({ audience: 'api' }))!)).toMatchObject({ aud: 'api' })
  arrive()
  await auth.markWritten()
  expect(readPayload((await auth.getToken({ audience: 'other' }))!)).toMatchObject({ aud: 'other' })
})

test('a record that is old is read again first, so it waits for the later chunk', async () => {
  const keystore = memoryStore()
  const { auth, arrive } = await slowPage({ keystore })
  clock.advance(2000)
  const read = vi.spyOn(keystore, 'read')
  const asked = auth.getToken()
  expect(read).not.toHaveBeenCalled()
  arrive()
  await asked
  expect(read).toHaveBeenCalled()
})

test('a token from before the later chunk is not used after it once another tab has signed out', async () => {
  const keystore = memoryStore()
  const { auth, arrive } = await slowPage({ keystore })
  expect(await auth.getToken()).not.toBeNull()
  const other = await slowPage({ keystore })
  other.arrive()
  await other.auth.signOut()
  clock.advance(2000)
  const { read } = keystore
  vi.spyOn(keystore, 'read').mockImplementation(async () => (await new Promise(setImmediate), read()))
  const asked = auth.getToken()
  arrive()
  await expect(asked).rejects.toMatchObject({ code: 'IDENTITY_CHANGED' })
  expect(await auth.getToken()).toBeNull()
})

test('if the later chunk cannot be loaded, the known identity still signs', async () => {
  const auth = createAuthWith(offline)({ audience: AUDIENCE, keystore: memoryStore(), clock: clock.now })
  await auth.ready
  clock.advance(60 * 60_000)
  const { principal } = await verifier.verify((await auth.getToken())!)
  expect(principal).toBe(auth.getState().session?.principal)
})

describe("the account's token in the record", () => {
  /** A device with an account whose token was fetched, and the token. */
  async function signedIn(): Promise<{ options: AuthOptions; token: string }> {
    const browser = testBrowser(memoryAccountServer(clock.now), clock)
    const auth = await browser.load()
    await auth.upgrade(() => browser.account.signUp('ada'))
    const token = (await auth.getToken())!
    return { options: { account: browser.account.provider, keystore: browser.store }, token }
  }

  test('needs no later chunk while it is fresh', async () => {
    const { options, token } = await signedIn()
    const { auth, arrive } = await slowPage(options)
    expect(await auth.getToken()).toBe(token)
    arrive()
    await auth.listIdentities()
    expect(await auth.getToken()).toBe(token)
  })

  test('is not used if a new one is asked for', async () => {
    const { options, token } = await signedIn()
    const { auth, arrive } = await slowPage(options)
    clock.advance(1000)
    const asked = auth.getToken({ fresh: true })
    arrive()
    expect(await asked).not.toBe(token)
  })

  test('is not used in its last minute', async () => {
    const { options, token } = await signedIn()
    const { exp } = readPayload(token) as { exp: number }
    clock.advance(exp * 1000 - clock.now() - 60_000)
    const { auth, arrive } = await slowPage(options)
    const asked = auth.getToken()
    arrive()
    expect(await asked).not.toBe(token)
  })

  test('is not used after its expiry if the clock, which is wrong, was corrected before the reload', async () => {
    const browser = testBrowser(
      memoryAccountServer(() => clock.now() + 3_600_000),
      clock,
    )
    const before = await browser.load()
    await before.upgrade(() => browser.account.signUp('ada'))
    before.reportToken('expired')
    const token = await before.getToken()
    const { iat, exp } = readPayload(token!) as { iat: number; exp: number }
    clock.advance((exp - iat) * 1000)
    const { auth, arrive } = await slowPage({ account: browser.account.provider, keystore: browser.store })
    const asked = auth.getToken()
    arrive()
    expect(await asked).not.toBe(token)
  })

  test('is not used once the record is old: another tab may have signed out', async () => {
    const { options } = await signedIn()
    const { auth } = await slowPage(options)
    const { auth: other, arrive } = await slowPage(options)
    arrive()
    await other.signOut()
    clock.advance(2000)
    const later = createAuthWith(async () => lazy)({ audience: AUDIENCE, clock: clock.now, ...options })
    expect(await later.getToken()).toBeNull()
    const asked = auth.getToken()
    expect(await Promise.race([asked, 'waits'])).toBe('waits')
  })
})

test("if the later chunk cannot be loaded, the account's token in an old record is not used: it may be signed out", async () => {
  const browser = testBrowser(memoryAccountServer(clock.now), clock)
  const other = await browser.load()
  await other.upgrade(() => browser.account.signUp('ada'))
  const token = await other.getToken()
  const given = { audience: AUDIENCE, account: browser.account.provider, keystore: browser.store, clock: clock.now }
  const auth = createAuthWith(offline)(given)
  expect(await auth.getToken()).toBe(token)
  await other.signOut()
  clock.advance(60_000)
  await expect(auth.getToken()).rejects.toMatchObject({ code: 'OFFLINE' })
})

test('if the later chunk cannot be loaded, a token that a server has to issue is OFFLINE', async () => {
  const browser = testBrowser(memoryAccountServer(clock.now), clock)
  await (await browser.load()).upgrade(() => browser.account.signUp('ada'))
  const common = { audience: AUDIENCE, account: browser.account.provider, clock: clock.now }
  const external = createAuthWith(offline)({ ...common, keystore: browser.store })
  await expect(external.getToken({ fresh: true })).rejects.toMatchObject({ code: 'OFFLINE' })
  const audiences = { 'https://api.example': { audience: 'api', via: 'exchange' } } as const
  const exchanged = createAuthWith(offline)({ ...common, keystore: memoryStore(), audiences })
  await expect(exchanged.getToken({ audience: 'api' })).rejects.toMatchObject({ code: 'OFFLINE' })
  expect(readPayload((await exchanged.getToken())!)).toMatchObject({ aud: AUDIENCE })
})

test('a store that failed at the start and is back is read by the later chunk', async () => {
  const keystore = memoryStore()
  await slowPage({ keystore })
  vi.spyOn(keystore, 'read').mockRejectedValueOnce(new Error('blocked'))
  const { auth, arrive } = await slowPage({ keystore })
  expect(auth.getState()).toMatchObject({ session: null, storage: { problem: 'KEYSTORE_UNAVAILABLE' } })
  const asked = auth.getToken()
  arrive()
  const { principal } = await verifier.verify((await asked)!)
  expect(auth.getState()).toMatchObject({ authMode: 'local-first', phase: 'ready', session: { principal } })
})
