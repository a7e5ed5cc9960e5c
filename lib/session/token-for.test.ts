import { afterEach, describe, expect, test, vi } from 'vitest'
import { LatchkeyError } from '../errors.ts'
import { claimsOf, rest, testIdentity, testTime } from './session.testing.ts'
import { type TokenForOptions, tokenFor } from './token-for.ts'

const API = 'https://sync.example'
const EXCHANGE = { audiences: { [API]: { audience: API, via: 'exchange' as const } }, harden: 'never' as const }

afterEach(() => vi.unstubAllGlobals())

async function world(options: Partial<TokenForOptions> = {}) {
  const time = testTime()
  const identity = await testIdentity(time, EXCHANGE)
  const token = tokenFor(identity.auth, { audience: API, timer: time.timer, ...options })
  return { time, token, ...identity }
}

/** What a promise has done so far. */
async function stateOf(promise: Promise<unknown>): Promise<unknown> {
  await rest()
  const state = promise.then(
    (value) => value,
    (error: unknown) => (error as LatchkeyError).code,
  )
  return Promise.race([state, rest().then(() => 'open')])
}

describe('a token function', () => {
  test('returns a token for its audience', async () => {
    const { token, principal } = await world()
    expect(claimsOf((await token())!)).toMatchObject({ aud: API, sub: principal() })
  })

  test('returns the same one while it is good, and another one on demand', async () => {
    const { token, account } = await world()
    const first = await token()
    expect(await token()).toBe(first)
    expect(account.calls.filter((call) => call === 'exchange')).toHaveLength(1)
    await token({ fresh: true })
    expect(account.calls.filter((call) => call === 'exchange')).toHaveLength(2)
  })

  test('returns null without an identity', async () => {
    const { token, auth } = await world()
    await auth.signOut({ force: true })
    expect(await token()).toBe(null)
  })

  test('returns null for another user than its own', async () => {
    const { principal, auth, token } = await world()
    const [own, other] = [principal()!, 'ada'].map((one) => tokenFor(auth, { audience: API, principal: one }))
    expect(claimsOf((await own!())!)).toMatchObject({ sub: principal() })
    expect(await other!()).toBe(null)
    expect(await token()).not.toBe(null)
  })

  test('returns null if the user changes while the token is fetched', async () => {
    const { principal, auth } = await world()
    const before = principal()!
    const changing: typeof auth = {
      ...auth,
      async getToken(request) {
        await auth.signOut({ force: true })
        await auth.ensureIdentity()
        return auth.getToken(request)
      },
    }
    expect(await tokenFor(changing, { audience: API, principal: before })()).toBe(null)
    expect(claimsOf((await tokenFor(changing, { audience: API })())!)).toMatchObject({ sub: principal() })
  })

  test('rejects if there will be no token', async () => {
    const { token, auth, account, server } = await world()
    await auth.upgrade(() => account.signUp('ada'))
    expect(server.accounts.has('ada')).toBe(true)
    account.setSession(null)
    await expect(token()).rejects.toMatchObject({ code: 'SESSION_MISSING' })
  })

  test.each([[{ onOffline: 'never' }], [{ onOffline: true }]])('refuses %j', async (options) => {
    const { auth } = await world()
    expect(() => tokenFor(auth, options as never)).toThrow(TypeError)
  })
})

describe('unreachable is neither null nor rejected', () => {
  test('the promise stays open, with a backoff, until the account server answers', async () => {
    const { token, account, time, principal } = await world()
    account.online = false
    const asked = token()
    expect(await stateOf(asked)).toBe('open')
    await time.advance(10_000)
    expect(await stateOf(asked)).toBe('open')
    expect(account.calls.filter((call) => call === 'exchange').length).toBeLessThan(8)
    account.online = true
    await time.advance(60_000)
    expect(claimsOf((await asked)!)).toMatchObject({ sub: principal() })
    expect(time.waiting()).toBe(0)
  })

  test('the network that is back is asked at once', async () => {
    const page = new EventTarget()
    vi.stubGlobal('addEventListener', page.addEventListener.bind(page))
    const { token, account } = await world()
    account.online = false
    const asked = token()
    expect(await stateOf(asked)).toBe('open')
    account.online = true
    page.dispatchEvent(new Event('online'))
    expect(await asked).not.toBe(null)
  })

  test('a sign-out ends the wait with null', async () => {
    const { token, account, auth } = await world()
    account.online = false
    const asked = token()
    expect(await stateOf(asked)).toBe('open')
    await auth.signOut({ force: true })
    expect(await asked).toBe(null)
  })

  test('a signal ends the wait with its reason', async () => {
    const ending = new AbortController()
    const { token, account, time } = await world({ signal: ending.signal })
    account.online = false
    const asked = token()
    expect(await stateOf(asked)).toBe('open')
    ending.abort(new LatchkeyError('SESSION_ENDED'))
    expect(await stateOf(asked)).toBe('SESSION_ENDED')
    expect(time.waiting()).toBe(0)
  })

  test('an engine that tries again by itself gets the error', async () => {
    const { token, account } = await world({ onOffline: 'throw' })
    account.online = false
    await expect(token()).rejects.toMatchObject({ code: 'OFFLINE' })
  })

  test('what is no matter of the network is rejected at once', async () => {
    const { auth, time } = await world()
    const broken = { ...auth, getToken: () => Promise.reject(new TypeError('audience: expected string')) }
    await expect(tokenFor(broken, { timer: time.timer })()).rejects.toThrow(TypeError)
    const lost = { ...auth, getToken: () => Promise.reject(new TypeError('Failed to fetch')) }
    expect(await stateOf(tokenFor(lost, { timer: time.timer })())).toBe('open')
  })
})
