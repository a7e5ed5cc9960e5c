import { describe, expect, test, vi } from 'vitest'
import { LatchkeyError } from '../../errors.ts'
import type { AccountEntry, Keyring } from '../../keystore/record.ts'
import { type TestBrowser, testBrowser } from '../client.testing.ts'

/** A page with an account, as it is after a reload whose look at the session waits. */
async function reloaded() {
  const browser = testBrowser()
  const first = await browser.load()
  expect(await first.upgrade(() => browser.account.signUp('ada'))).toMatchObject({ outcome: 'upgraded' })
  first.close()
  await browser.clock.advance(1000)
  let release = (): void => {}
  const held = new Promise<void>((resolve) => (release = resolve))
  const getSession = browser.account.provider.getSession.bind(browser.account.provider)
  const spy = vi.spyOn(browser.account.provider, 'getSession').mockImplementation(async (options) => {
    // The answer of the time of the question.
    const answer = await getSession(options)
    await held
    return answer
  })
  return { browser, spy, release, getSession }
}

async function accountIn({ store }: TestBrowser): Promise<AccountEntry> {
  const { entries, current } = (await store.read()) as Keyring
  return entries.find((entry): entry is AccountEntry => `account:${(entry as AccountEntry).accountId}` === current)!
}

describe('the session of the current account', () => {
  test('is confirmed: no error, and the time of it is in the record', async () => {
    const { browser, release } = await reloaded()
    const before = await accountIn(browser)
    const auth = await browser.load()
    release()
    await vi.waitFor(async () => expect((await accountIn(browser)).verifiedAt).toBeGreaterThan(before.verifiedAt), {
      timeout: 30_000,
    })
    expect(auth.getState()).toMatchObject({ authMode: 'external', session: { principal: before.principal } })
    expect(auth.getState().error).toBeUndefined()
  })

  test('is confirmed with the aliases that another device gave it', async () => {
    const { browser, release } = await reloaded()
    Object.assign(browser.server.accounts.get('ada')!, { aliases: ['another-principal'] })
    const auth = await browser.load()
    release()
    await vi.waitFor(() => expect(auth.getState().session?.principals).toContain('another-principal'), {
      timeout: 30_000,
    })
    expect((await accountIn(browser)).aliases).toContain('another-principal')
  })

  for (const [name, change] of [
    ['there is none', (browser: TestBrowser) => browser.account.setSession(null)],
    ['it is that of another account', (browser: TestBrowser) => browser.account.signUp('bob')],
  ] as const)
    test(`is missing if ${name}: the identity stays`, async () => {
      const { browser, release } = await reloaded()
      const { principal } = await accountIn(browser)
      await change(browser)
      const auth = await browser.load()
      release()
      await vi.waitFor(() => expect(auth.getState().error).toBe('missing'), { timeout: 30_000 })
      expect(auth.getState()).toMatchObject({ authMode: 'external', session: { principal } })
    })

  test('is missing if an alias may not be linked after a reset, until a new session links it', async () => {
    const browser = testBrowser()
    const load = () => browser.load({ harden: 'never' })
    const first = await load()
    const { principal } = first.getState().session!
    const ada = { accountId: 'ada', principal: 'one', aliases: [principal], recoverable: true, claims: {} }
    browser.server.accounts.set('ada', ada)
    expect(await first.upgrade(() => browser.account.signIn('ada'))).toMatchObject({
      session: { principals: ['one', principal] },
    })
    first.close()
    browser.server.accounts.set('ada', { ...ada, principal: 'two', aliases: ['one'] })
    vi.spyOn(browser.account.provider, 'link').mockRejectedValueOnce(new LatchkeyError('PROVIDER_REFUSED'))
    const auth = await load()
    await vi.waitFor(() => expect(auth.getState().error).toBe('missing'), { timeout: 30_000 })
    expect(auth.getState().session?.principals).toEqual(['one', principal])
    expect(await auth.upgrade(() => browser.account.signIn('ada'))).toMatchObject({
      outcome: 'upgraded',
      session: { principals: ['two', 'one', principal] },
    })
  })

  test('is not missing to the next user of the page, who came while the server was asked about the one before', async () => {
    const { browser, release, spy, getSession } = await reloaded()
    browser.account.setSession(null)
    const auth = await browser.load()
    await vi.waitFor(() => expect(spy).toHaveBeenCalled(), { timeout: 30_000 })
    spy.mockImplementation(getSession)
    await auth.signOut({ force: true })
    expect(await auth.upgrade(() => browser.account.signUp('bob'))).not.toMatchObject({ outcome: 'failed' })
    const state = auth.getState()
    expect(state.authMode).toBe('external')
    release()
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(auth.getState().error).toBeUndefined()
    expect(auth.getState().session).toEqual(state.session)
  })
})
