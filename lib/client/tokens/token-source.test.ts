import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { isLatchkeyError } from '../../errors.ts'
import type { CryptoSuite } from '../../identity/crypto.ts'
import { nativeSuite } from '../../identity/native.ts'
import type { AccountEntry, Keyring } from '../../keystore/record.ts'
import { memoryAccountServer } from '../../testing/memory-account.ts'
import { manualClock } from '../../testing/clock.ts'
import { hasLooked, readPayload, testBrowser } from '../client.testing.ts'

const MINUTE = 60_000

async function upgraded() {
  const clock = manualClock()
  const server = memoryAccountServer(clock.now)
  const browser = testBrowser(server, clock)
  const auth = await browser.load()
  await auth.upgrade(() => browser.account.signUp('ada'))
  return { server, browser, auth, ada: server.accounts.get('ada')! }
}

describe('in local-first mode', () => {
  test('a token is kept until shortly before it expires', async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    const first = await auth.getToken()
    browser.clock.advance(13 * MINUTE)
    expect(await auth.getToken()).toBe(first)
    browser.clock.advance(2 * MINUTE)
    expect(await auth.getToken()).not.toBe(first)
  })

  test('each audience has its own', async () => {
    const auth = await testBrowser().load()
    const other = await auth.getToken({ audience: 'https://api.example' })
    expect(readPayload(other!)).toMatchObject({ aud: 'https://api.example' })
    expect(readPayload((await auth.getToken())!)).toMatchObject({ aud: 'https://app.example' })
  })

  test.each([[5], [{}], [null], [''], [['https://app.example']]])(
    'an audience that is none is refused: %j',
    async (audience) => {
      const auth = await testBrowser().load()
      await expect(auth.getToken({ audience: audience as never })).rejects.toBeInstanceOf(TypeError)
      expect(await auth.getToken({ audience: undefined as never })).not.toBeNull()
    },
  )

  test('many callers at once share one', async () => {
    const auth = await testBrowser().load()
    const tokens = await Promise.all(Array.from({ length: 10 }, () => auth.getToken({ fresh: true })))
    expect(new Set(tokens).size).toBe(1)
  })

  test('after a sign-out the next identity signs with its own key', async () => {
    const auth = await testBrowser().load()
    const before = await auth.getToken()
    await auth.signOut()
    const { principal } = await auth.ensureIdentity()
    const token = await auth.getToken()
    expect(readPayload(token!)).toMatchObject({ sub: principal })
    expect(token).not.toBe(before)
  })

  test('a caller from before a sign-out gets nothing, and leaves nothing to the next identity', async () => {
    let sign = (): void => {}
    const maySign = new Promise<void>((resolve) => (sign = resolve))
    let keys = 0
    // The first key is made with the identity; the second one is what the token waits for.
    const slow: CryptoSuite = {
      ...nativeSuite,
      async signingKey(seed) {
        if (++keys === 2) await maySign
        return nativeSuite.signingKey(seed)
      },
    }
    const browser = testBrowser()
    const auth = await browser.load({ crypto: slow })
    const asked = auth.getToken().catch((error: unknown) => error)
    await vi.waitFor(() => expect(keys).toBe(2), { timeout: 30_000 })
    await auth.signOut()
    const { principal } = await auth.ensureIdentity()
    sign()
    expect(isLatchkeyError(await asked, 'IDENTITY_CHANGED')).toBe(true)
    expect(readPayload((await auth.getToken())!)).toMatchObject({ sub: principal })
  })

  test('an identity that another tab took out of force signs nothing more', async () => {
    const browser = testBrowser()
    const [here, there] = [await browser.load(), await browser.load()]
    await hasLooked(browser, 2)
    await there.signOut()
    await here.markWritten()
    await expect(here.getToken()).rejects.toMatchObject({ code: 'IDENTITY_CHANGED' })
  })

  test('a token needs an audience where there is no location', async () => {
    const browser = testBrowser()
    const auth = await browser.load({ audience: undefined } as never)
    await expect(auth.getToken()).rejects.toBeInstanceOf(TypeError)
  })
})

describe('in external mode', () => {
  test("the token is the account's", async () => {
    const { auth, ada } = await upgraded()
    expect(readPayload((await auth.getToken())!)).toMatchObject({ sub: ada.principal, auth_mode: 'external' })
  })

  test('its claims are shown, and known at an offline start', async () => {
    const { auth, ada, browser } = await upgraded()
    ada.claims = { role: 'editor' }
    await auth.getToken()
    expect(auth.getState().session?.claims).toEqual({ role: 'editor' })
    browser.account.online = false
    expect((await browser.load()).getState().session).toEqual(auth.getState().session)
  })

  test('readClaims chooses what is shown', async () => {
    const { browser, ada } = await upgraded()
    ada.claims = { role: 'editor', internal: 'x' }
    const auth = await browser.load({ readClaims: ({ role }) => ({ role }) })
    await auth.getToken()
    expect(auth.getState().session?.claims).toEqual({ role: 'editor' })
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('the app is broken')
      },
      1,
    ],
    ['returns null', () => null, 0],
  ])('a readClaims that %s keeps no one from a token: it has no claims', async (_, readClaims, reports) => {
    const reported = vi.fn()
    vi.stubGlobal('reportError', reported)
    onTestFinished(() => void vi.unstubAllGlobals())
    const { browser, ada } = await upgraded()
    const auth = await browser.load({ readClaims: readClaims as never })
    ada.claims = { role: 'editor' }
    expect(readPayload((await auth.getToken({ fresh: true }))!)).toMatchObject({ sub: ada.principal })
    expect(auth.getState().session?.claims).toEqual({})
    expect(reported).toHaveBeenCalledTimes(reports)
  })

  test('one request serves many callers (checklist 10: once however many requests fail together)', async () => {
    const { auth, browser } = await upgraded()
    await Promise.all(Array.from({ length: 10 }, () => auth.getToken()))
    expect(browser.account.calls.filter((name) => name === 'getToken')).toHaveLength(1)
  })

  test('unreachable is OFFLINE, and changes nothing', async () => {
    const { auth, browser } = await upgraded()
    const state = auth.getState()
    browser.account.online = false
    await expect(auth.getToken()).rejects.toMatchObject({ code: 'OFFLINE' })
    expect(auth.getState()).toBe(state)
  })

  test('unreachable, a token that is still valid still serves', async () => {
    const { auth, browser } = await upgraded()
    const token = await auth.getToken()
    browser.account.online = false
    browser.clock.advance(14.5 * MINUTE)
    expect(await auth.getToken()).toBe(token)
    browser.clock.advance(MINUTE)
    await expect(auth.getToken()).rejects.toMatchObject({ code: 'OFFLINE' })
  })

  test('unreachable, a token with an alias that another tab removed serves no longer', async () => {
    const { auth, browser, ada } = await upgraded()
    ada.aliases = ['freed-principal']
    await auth.getToken({ fresh: true })
    const other = await browser.load()
    await other.unlinkAlias('freed-principal')
    other.close()
    browser.account.online = false
    browser.clock.advance(14.5 * MINUTE)
    await expect(auth.getToken()).rejects.toMatchObject({ code: 'OFFLINE' })
    expect(auth.getState().session?.principals).toEqual([ada.principal])
  })

  test('a session that is gone is told at the next refresh, though the token is still valid', async () => {
    const { auth, browser } = await upgraded()
    await auth.getToken()
    browser.clock.advance(14.5 * MINUTE)
    browser.account.setSession(null)
    await expect(auth.getToken()).rejects.toMatchObject({ code: 'SESSION_MISSING' })
  })

  test('its claims are kept with its own entry alone', async () => {
    const { auth, ada, browser } = await upgraded()
    const other: AccountEntry = {
      kind: 'account',
      accountId: 'other',
      principal: 'other',
      aliases: [],
      recoverable: true,
      claims: { role: 'reader' },
      verifiedAt: 1,
    }
    await browser.store.update((found) => ({ ...(found as Keyring), entries: [...(found as Keyring).entries, other] }))
    ada.claims = { role: 'editor' }
    await auth.getToken()
    expect(
      ((await browser.store.read()) as Keyring).entries.flatMap((entry) =>
        entry.kind === 'account' ? [entry.claims] : [],
      ),
    ).toEqual([{ role: 'editor' }, { role: 'reader' }])
  })

  test('its aliases are those of the session at once, here and after a reload', async () => {
    const { auth, ada, browser } = await upgraded()
    await auth.getToken()
    ada.aliases = ['another-principal']
    const token = await auth.getToken({ fresh: true })
    expect(auth.getState().session?.principals).toEqual([ada.principal, 'another-principal'])
    // It is the fresh one: the tokens with the earlier aliases are gone.
    expect(await auth.getToken()).toBe(token)
    browser.account.online = false
    expect((await browser.load()).getState().session?.principals).toEqual([ada.principal, 'another-principal'])
  })

  test('its aliases end with a token that has them no longer', async () => {
    const { auth, ada } = await upgraded()
    ada.aliases = ['another-principal']
    await auth.getToken({ fresh: true })
    ada.aliases = []
    await auth.getToken({ fresh: true })
    expect(auth.getState().session?.principals).toEqual([ada.principal])
  })

  test('a token whose aliases an adoption or its undo has changed meanwhile is not used, here or elsewhere', async () => {
    const { auth, ada, browser } = await upgraded()
    const { getToken } = browser.account.provider
    ada.aliases = ['freed-principal']
    await auth.getToken({ fresh: true })
    vi.spyOn(browser.account.provider, 'getToken').mockImplementationOnce(async () => {
      const late = await getToken()
      await auth.unlinkAlias('freed-principal')
      return late
    })
    const token = await auth.getToken({ fresh: true })
    expect(readPayload(token!)['aliases']).toEqual([])
    expect(auth.getState().session?.principals).toEqual([ada.principal])
    const { entries } = (await browser.store.read()) as Keyring
    const account = entries.find((entry) => entry.kind === 'account') as AccountEntry
    expect(readPayload(account.token!.jwt)['aliases']).toEqual([])
    expect(await (await browser.load()).getToken()).toBe(token)
  })

  test('its aliases mean nothing if another issuer signs the tokens', async () => {
    const { auth, ada, browser } = await upgraded()
    browser.account.provider.isTokenOf = () => true
    ada.claims = { aliases: ['ada@example.com'] }
    await auth.getToken({ fresh: true })
    expect(auth.getState().session?.principals).toEqual([ada.principal])
  })

  test.each(['another-principal', [1], { 0: 'another-principal' }])(
    'its aliases are a list of texts, not %j',
    async (aliases) => {
      const { auth, ada } = await upgraded()
      ada.claims = { aliases }
      await auth.getToken({ fresh: true })
      expect(auth.getState().session?.principals).toEqual([ada.principal])
    },
  )

  test('a session that is gone is an error, and the person stays who they are', async () => {
    const { auth, browser, ada } = await upgraded()
    browser.account.setSession(null)
    await expect(auth.getToken()).rejects.toMatchObject({ code: 'SESSION_MISSING' })
    expect(auth.getState()).toMatchObject({
      authMode: 'external',
      error: 'missing',
      session: { principal: ada.principal },
    })
  })

  test('a fresh token of the same principal ends the error', async () => {
    const { auth, browser } = await upgraded()
    browser.account.setSession(null)
    await auth.getToken().catch(() => {})
    browser.account.setSession('ada')
    await auth.getToken()
    expect(auth.getState().error).toBeUndefined()
  })

  test('a token of another principal is refused', async () => {
    const { auth, browser, server, ada } = await upgraded()
    server.accounts.set('eve', { accountId: 'eve', principal: 'another', aliases: [], recoverable: false, claims: {} })
    browser.account.setSession('eve')
    await expect(auth.getToken()).rejects.toMatchObject({ code: 'PRINCIPAL_MISMATCH' })
    expect(auth.getState()).toMatchObject({ error: 'invalid', session: { principal: ada.principal } })
  })

  test('an answer that is no JWT is refused', async () => {
    const { auth, browser } = await upgraded()
    vi.spyOn(browser.account.provider, 'getToken').mockResolvedValue('not a token')
    await expect(auth.getToken()).rejects.toMatchObject({ code: 'PRINCIPAL_MISMATCH' })
  })

  test('a caller from before a sign-out gets no token of the next person', async () => {
    const { auth, browser } = await upgraded()
    let answer: (token: string) => void = () => {}
    vi.spyOn(browser.account.provider, 'getToken').mockReturnValue(new Promise((resolve) => (answer = resolve)))
    const asked = auth.getToken().catch((error: unknown) => error)
    await auth.signOut()
    await auth.ensureIdentity()
    answer(`e30.${btoa(JSON.stringify({ sub: 'somebody' })).replaceAll('=', '')}.`)
    expect(isLatchkeyError(await asked)).toBe(true)
    expect(auth.getState().error).toBeUndefined()
  })

  test('and the next person does not wait for the answer to the one before', async () => {
    const { auth, browser } = await upgraded()
    vi.spyOn(browser.account.provider, 'getToken').mockReturnValue(new Promise(() => {}))
    auth.getToken().catch(() => {})
    await vi.waitFor(() => expect(browser.account.provider.getToken).toHaveBeenCalled(), { timeout: 30_000 })
    await auth.signOut()
    const { principal } = await auth.ensureIdentity()
    expect(readPayload((await auth.getToken())!)).toMatchObject({ sub: principal })
  })
})
