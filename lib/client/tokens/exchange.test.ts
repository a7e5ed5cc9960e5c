import { describe, expect, test, vi } from 'vitest'
import { LatchkeyError } from '../../errors.ts'
import { manualClock } from '../../testing/clock.ts'
import { memoryAccountServer } from '../../testing/memory-account.ts'
import { readPayload, testBrowser } from '../client.testing.ts'

const SYNC = 'https://sync.example'

function world() {
  const [clock, serverClock] = [manualClock(), manualClock()]
  const server = memoryAccountServer(serverClock.now)
  const browser = testBrowser(server, clock)
  const exchanges = () => browser.account.calls.filter((call) => call === 'exchange').length
  return {
    clock,
    serverClock,
    server,
    browser,
    exchanges,
    load: () => browser.load({ audiences: { [SYNC]: { audience: SYNC, via: 'exchange' } }, harden: 'never' }),
  }
}

describe('a token for an audience that is exchanged', () => {
  test('comes for a proof of the device, and is kept like any other', async () => {
    const { load, exchanges, clock, serverClock } = world()
    const auth = await load()
    const token = (await auth.getToken({ audience: SYNC }))!
    expect(readPayload(token)).toMatchObject({
      sub: auth.getState().session!.principal,
      aud: SYNC,
      auth_mode: 'local-first',
    })
    expect(await auth.getToken({ audience: SYNC })).toBe(token)
    expect(exchanges()).toBe(1)
    for (const each of [clock, serverClock]) each.advance(14.5 * 60_000)
    expect(await auth.getToken({ audience: SYNC })).not.toBe(token)
    expect(exchanges()).toBe(2)
  })

  test('is asked for once by many callers', async () => {
    const { load, exchanges } = world()
    const auth = await load()
    const tokens = await Promise.all(Array.from({ length: 5 }, () => auth.getToken({ audience: SYNC })))
    expect(new Set(tokens).size).toBe(1)
    expect(exchanges()).toBe(1)
  })

  test("comes for the account's session after an upgrade", async () => {
    const { load, browser } = world()
    const auth = await load()
    await auth.getToken({ audience: SYNC })
    await auth.upgrade(() => browser.account.signUp('ada'))
    expect(readPayload((await auth.getToken({ audience: SYNC }))!)).toMatchObject({
      sub: auth.getState().session!.principal,
      auth_mode: 'external',
    })
  })

  test('brings the aliases of the account with it', async () => {
    const { load, browser, server } = world()
    const auth = await load()
    await auth.upgrade(() => browser.account.signUp('ada'))
    await auth.getToken()
    const { principal } = auth.getState().session!
    server.accounts.get('ada')!.aliases = ['another-principal']
    const token = (await auth.getToken({ audience: SYNC }))!
    expect(auth.getState().session?.principals).toEqual([principal, 'another-principal'])
    expect(await auth.getToken({ audience: SYNC })).toBe(token)
    // The page's own token still has the earlier ones.
    expect(readPayload((await auth.getToken())!)).toMatchObject({ aliases: ['another-principal'] })
  })

  test('is asked for again if an alias was removed while the request was on its way', async () => {
    const { load, browser, server, exchanges } = world()
    const auth = await load()
    await auth.upgrade(() => browser.account.signUp('ada'))
    server.accounts.get('ada')!.aliases = ['freed-principal']
    await auth.getToken({ fresh: true })
    const { exchange } = browser.account.provider
    vi.spyOn(browser.account.provider, 'exchange').mockImplementationOnce(async (...given) => {
      const late = await exchange!(...given)
      await auth.unlinkAlias('freed-principal')
      return late
    })
    expect(readPayload((await auth.getToken({ audience: SYNC }))!)).toMatchObject({ aliases: [] })
    expect(exchanges()).toBe(2)
    expect(auth.getState().session?.principals).toEqual([auth.getState().session?.principal])
  })

  test("is another one than the page's own, which the device signs by itself", async () => {
    const { load, exchanges } = world()
    const auth = await load()
    expect(readPayload((await auth.getToken())!)).toMatchObject({
      aud: 'https://app.example',
      iss: 'urn:latchkey:local-first',
    })
    expect(exchanges()).toBe(0)
  })

  test('without a network is OFFLINE, unless one is still good', async () => {
    const { load, browser, clock } = world()
    const auth = await load()
    browser.account.online = false
    await expect(auth.getToken({ audience: SYNC })).rejects.toMatchObject({ code: 'OFFLINE' })
    browser.account.online = true
    const token = await auth.getToken({ audience: SYNC })
    browser.account.online = false
    clock.advance(14.5 * 60_000)
    expect(await auth.getToken({ audience: SYNC })).toBe(token)
  })

  test('is had with a wrong clock too: the account server tells the time', async () => {
    const { load, clock } = world()
    clock.advance(-40 * 60_000)
    const auth = await load()
    expect(await auth.getToken({ audience: SYNC })).not.toBeNull()
  })

  test('is refused to a device whose account took over, and the state says so', async () => {
    const { load, server } = world()
    const auth = await load()
    const { principal } = auth.getState().session!
    server.accounts.set('ada', { accountId: 'ada', principal, aliases: [], recoverable: true, claims: {} })
    await expect(auth.getToken({ audience: SYNC })).rejects.toMatchObject({ code: 'PRINCIPAL_DISABLED' })
    expect(auth.getState()).toMatchObject({ error: 'disabled', session: { principal } })
  })

  test.each(['disabled', 'missing'])(
    'comes late, and says nothing about the identity that took the place of the one before: %s',
    async (answer) => {
      const { load, browser } = world()
      const auth = await load()
      if (answer === 'missing') await auth.upgrade(() => browser.account.signUp('ada'))
      vi.spyOn(browser.account.provider, 'exchange').mockImplementationOnce(async () => {
        await auth.signOut()
        await auth.ensureIdentity()
        if (answer === 'disabled') throw new LatchkeyError('PRINCIPAL_DISABLED')
        return null
      })
      await expect(auth.getToken({ audience: SYNC })).rejects.toMatchObject({ code: 'IDENTITY_CHANGED' })
      expect(auth.getState().authMode).toBe('local-first')
      expect(auth.getState().error).toBeUndefined()
    },
  )

  test('is refused to the device after its account took over meanwhile: the account is not disabled', async () => {
    const { load, browser } = world()
    const auth = await load()
    vi.spyOn(browser.account.provider, 'exchange').mockImplementationOnce(async () => {
      expect(await auth.upgrade(() => browser.account.signUp('ada'))).toMatchObject({ outcome: 'upgraded' })
      throw new LatchkeyError('PRINCIPAL_DISABLED')
    })
    await expect(auth.getToken({ audience: SYNC })).rejects.toMatchObject({ code: 'PRINCIPAL_DISABLED' })
    expect(auth.getState().authMode).toBe('external')
    expect(auth.getState().error).toBeUndefined()
  })

  test('of an account whose session ended is missing', async () => {
    const { load, browser } = world()
    const auth = await load()
    await auth.upgrade(() => browser.account.signUp('ada'))
    browser.account.setSession(null)
    await expect(auth.getToken({ audience: SYNC })).rejects.toMatchObject({ code: 'SESSION_MISSING' })
    expect(auth.getState().error).toBe('missing')
  })

  test('for another user is refused', async () => {
    const { load, browser, server } = world()
    const auth = await load()
    await auth.upgrade(() => browser.account.signUp('ada'))
    server.accounts.set('eve', { accountId: 'eve', principal: 'eve', aliases: [], recoverable: true, claims: {} })
    browser.account.setSession('eve')
    await expect(auth.getToken({ audience: SYNC })).rejects.toMatchObject({ code: 'PRINCIPAL_MISMATCH' })
  })

  test("from a provider without an exchange is the app's mistake", async () => {
    const { browser } = world()
    const { exchange: _, ...provider } = browser.account.provider
    const auth = await browser.load({ audiences: { [SYNC]: { audience: SYNC, via: 'exchange' } }, account: provider })
    await expect(auth.getToken({ audience: SYNC })).rejects.toBeInstanceOf(TypeError)
  })
})
