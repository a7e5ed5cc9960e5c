import { afterEach, describe, expect, test, vi } from 'vitest'
import { createSessionResolver } from '../../server/resolver.ts'
import { type ManualClock, manualClock } from '../../testing/clock.ts'
import { type MemoryAccountServer, memoryAccountServer } from '../../testing/memory-account.ts'
import { createProofVerifier } from '../../tokens/verify.ts'
import { type TestBrowser, readPayload, testBrowser, watchedSuite } from '../client.testing.ts'
import type { Auth, AuthOptions } from '../auth.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

afterEach(() => vi.unstubAllGlobals())

/** A device whose clock is wrong by so much, and an account server. */
function deviceWrongBy(milliseconds: number): {
  right: ManualClock
  server: MemoryAccountServer
  browser: TestBrowser
} {
  const right = manualClock()
  const server = memoryAccountServer(right.now)
  return { right, server, browser: testBrowser(server, manualClock(right.now() + milliseconds)) }
}

/** The same device in an app, and an app server that takes local-first tokens. */
async function wrongBy(
  milliseconds: number,
  options: AuthOptions = {},
): Promise<{
  auth: Auth
  clock: ManualClock
  calls: readonly string[]
  asked: string[]
  signUp: () => Promise<unknown>
}> {
  const { right, browser } = deviceWrongBy(milliseconds)
  const resolver = createSessionResolver({
    localFirst: { audience: 'https://app.example', afterUpgrade: 'allow' },
    clock: right.now,
  })
  const asked: string[] = []
  vi.stubGlobal('fetch', async (request: Request) => {
    const resolution = await resolver.resolve(request)
    asked.push(resolution.ok ? 'ok' : resolution.error)
    return resolution.ok ? new Response('yes') : resolution.response()
  })
  const auth = await browser.load({ audiences: { 'https://app.example': 'https://app.example' }, ...options })
  return {
    auth,
    clock: browser.clock,
    calls: browser.account.calls,
    asked,
    signUp: () => browser.account.signUp('ada'),
  }
}

describe.each([2, 10, 60, -2, -20, -60])(
  'a clock that is wrong by %i minutes (checklist 30: a wrong clock)',
  (minutes) => {
    test('costs one refusal at most, which the app does not see', async () => {
      const { auth, asked } = await wrongBy(minutes * MINUTE)
      const states: unknown[] = []
      auth.subscribe(() => states.push(auth.getState().error))
      expect((await auth.fetch('https://app.example/notes')).status).toBe(200)
      expect((await auth.fetch('https://app.example/notes')).status).toBe(200)
      expect(asked.filter((answer) => answer === 'expired').length).toBeLessThanOrEqual(1)
      expect(states.filter(Boolean)).toEqual([])
    })

    test('does not keep anybody from signing up', async () => {
      const { auth, signUp } = await wrongBy(minutes * MINUTE)
      expect(await auth.upgrade(signUp)).toMatchObject({ outcome: 'upgraded' })
      expect(await auth.getToken()).toBe(await auth.getToken())
    })

    test('does not keep anybody from an account whose session was there at the load of the page', async () => {
      const { server, browser } = deviceWrongBy(minutes * MINUTE)
      const ada = { accountId: 'ada', principal: 'ada', aliases: [], recoverable: true, claims: {}, open: true }
      server.accounts.set('ada', ada)
      browser.account.setSession('ada')
      const auth = await browser.load()
      const { principal } = auth.getState().session!
      await vi.waitFor(() => expect(auth.getState().upgrade?.account).toBeDefined(), { timeout: 30_000 })
      expect(await auth.acceptAccount()).toMatchObject({ outcome: 'upgraded', session: { principal } })
    })

    test('does not keep anybody from adopting into an account', async () => {
      const { server, browser } = deviceWrongBy(minutes * MINUTE)
      const ada = { accountId: 'ada', principal: 'ada', aliases: [], recoverable: true, claims: {} }
      server.accounts.set('ada', ada)
      browser.account.setSession('ada')
      const auth = await browser.load()
      const { principal } = auth.getState().session!
      await auth.markWritten()
      await vi.waitFor(() => expect(auth.getState().upgrade?.account).toBeDefined(), { timeout: 30_000 })
      expect(await auth.acceptAccount()).toMatchObject({ outcome: 'conflict' })
      const principals = ['ada', principal]
      expect(await auth.resolveConflict('adopt')).toMatchObject({ outcome: 'adopted', session: { principals } })
    })

    test('does not keep another device from being let into the account', async () => {
      const { right, browser } = deviceWrongBy(minutes * MINUTE)
      const first = await browser.load()
      expect(await first.upgrade(() => browser.account.signUp('ada'))).toMatchObject({ outcome: 'upgraded' })
      first.close()
      const thumbprint = 'A'.repeat(43)
      const proof = await (await browser.load()).provePairing({ thumbprint })
      const { audience } = browser.account.provider
      const verifier = createProofVerifier({ audience, clock: right.now })
      expect(await verifier.verify(proof, { purpose: 'pair', pairTo: thumbprint })).toBeDefined()
    })
  },
)

describe.each([2, -2])('a clock that is wrong by %i hours', (hours) => {
  const ADA = 'ada@example.com'

  /** An upgrade that waits: it began before the clock was corrected, and again afterwards. */
  async function waiting() {
    const device = deviceWrongBy(hours * HOUR)
    const { browser } = device
    const auth = await browser.load()
    const { principal } = auth.getState().session!
    for (const _ of ['before', 'after'])
      expect(await auth.upgrade(() => browser.account.requestLink(ADA))).toMatchObject({
        outcome: 'pending',
        pending: { expected: ADA },
      })
    return { ...device, auth, principal }
  }

  /** Her mailed link was followed. */
  function followLink({ server, browser }: ReturnType<typeof deviceWrongBy>): void {
    const ada = { accountId: 'ada', principal: 'ada', aliases: [], recoverable: true, claims: {}, open: true }
    server.accounts.set('ada', { ...ada, identifiers: [ADA] })
    browser.account.setSession('ada')
  }

  test('does not change how long an upgrade waits, over reloads too', async () => {
    const { browser } = await waiting()
    browser.clock.advance(HOUR - 1)
    expect((await browser.load()).getState()).toMatchObject({
      phase: 'pending',
      upgrade: { pending: { expected: ADA, expiresAt: browser.clock.now() + 1 } },
    })
    browser.clock.advance(1)
    expect((await browser.load()).getState().upgrade).toBeUndefined()
  })

  test('does not keep a mailed link from completing the upgrade after a reload', async () => {
    const given = await waiting()
    const { browser, principal } = given
    given.auth.close()
    followLink(given)
    const auth = await browser.load()
    await vi.waitFor(() => expect(auth.getState()).toMatchObject({ authMode: 'external', session: { principal } }), {
      timeout: 30_000,
    })
  })

  test('does not keep it from completing the upgrade without a reload', async () => {
    const given = await waiting()
    const { auth, browser, principal } = given
    followLink(given)
    const bind = vi.spyOn(browser.account.provider, 'bind')
    expect(await auth.upgrade(() => browser.account.requestLink(ADA))).toMatchObject({
      outcome: 'upgraded',
      session: { principal },
    })
    expect(bind.mock.lastCall?.[1]).toMatchObject({ accountId: 'ada', identifier: ADA })
  })
})

describe('the correction', () => {
  test('is not made before a server refuses a token', async () => {
    const { auth, calls } = await wrongBy(20_000)
    await auth.fetch('https://app.example/notes')
    expect(calls).not.toContain('getTime')
  })

  test('does not follow a server that is further away than a day', async () => {
    const { auth, asked } = await wrongBy(25 * HOUR)
    expect((await auth.fetch('https://app.example/notes')).status).toBe(401)
    expect(asked).toEqual(['expired', 'expired'])
    expect(auth.getState()).toMatchObject({ error: 'expired', session: {} })
  })

  test("is made anew when the device's clock was put right meanwhile", async () => {
    const { auth, clock } = await wrongBy(-HOUR)
    await auth.fetch('https://app.example/notes')
    clock.advance(HOUR)
    expect((await auth.fetch('https://app.example/notes')).status).toBe(200)
  })

  test('reaches what a page that is being left sends: its token was signed before', async () => {
    const { crypto, firstSignature } = watchedSuite()
    const { auth, asked } = await wrongBy(HOUR, { crypto })
    await firstSignature
    expect((await auth.fetch('https://app.example/notes')).status).toBe(200)
    const last = await auth.fetch('https://app.example/notes', { method: 'POST', body: '{}', keepalive: true })
    expect([last.status, asked]).toEqual([200, ['expired', 'ok', 'ok']])
  })

  test.each([1, -1])('reaches the tokens of other origins: %i hour', async (hours) => {
    const { auth, asked } = await wrongBy(hours * HOUR)
    const audience = 'https://api.example'
    const early = await auth.getToken({ audience })
    await auth.fetch('https://app.example/notes')
    expect(asked).toEqual(['expired', 'ok'])
    const token = await auth.getToken({ audience })
    expect(token).not.toBe(early)
    expect(readPayload(token!)['iat']).toBe(manualClock().now() / 1000)
  })

  test('is left out where the account server does not tell the time', async () => {
    const browser = testBrowser(undefined, manualClock(manualClock().now() + HOUR))
    const auth = await browser.load({
      account: { ...browser.account.provider, getTime: () => Promise.reject(new Error('no clock')) },
    })
    auth.reportToken('expired')
    expect(readPayload((await auth.getToken())!)['iat']).toBe(browser.clock.now() / 1000)
  })

  test('is not made by an answer that waited in a frozen page', async () => {
    const browser = testBrowser()
    const { clock, account } = browser
    const getTime = vi.fn(async () => {
      const time = clock.now()
      clock.advance(HOUR)
      return time
    })
    const auth = await browser.load({ account: { ...account.provider, getTime } })
    await auth.getToken()
    auth.reportToken('expired')
    expect(readPayload((await auth.getToken())!)['iat']).toBe(clock.now() / 1000)
    expect(getTime).toHaveBeenCalledTimes(1)
  })

  test.each(['nonsense', '__proto__', 'Expired', '', 5])(
    'a report with an unknown reason counts as invalid: %j',
    async (reason) => {
      const auth = await testBrowser().load()
      auth.reportToken(reason as never)
      expect(auth.getState().error).toBe('invalid')
      auth.reportToken(null)
      expect(auth.getState().error).toBeUndefined()
    },
  )

  test('helps an app that reports the refusal itself', async () => {
    const { auth } = await wrongBy(HOUR)
    await auth.getToken()
    auth.reportToken('expired')
    expect(auth.getState().error).toBe('expired')
    const iat = readPayload((await auth.getToken())!)['iat'] as number
    expect(iat).toBe(manualClock().now() / 1000)
    auth.reportToken(null)
    expect(auth.getState().error).toBeUndefined()
  })
})
