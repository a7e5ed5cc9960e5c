import { expect, test, vi } from 'vitest'
import { LatchkeyError } from '../../errors.ts'
import { parseKeyring } from '../../keystore/keyring.ts'
import type { RecordStore } from '../../keystore/store.ts'
import { memoryStore } from '../../keystore/memory.ts'
import type { Auth } from '../auth.ts'
import { type TestBrowser, hasLooked, testBrowser } from '../client.testing.ts'
import type { AccountProvider, SessionChange } from '../shared/account-provider.ts'

/** A page of a signed-in user, which hears what the app does through its account client. */
async function world(store: RecordStore = memoryStore()) {
  const browser = testBrowser(undefined, undefined, store)
  const first = await browser.load()
  await first.upgrade(() => browser.account.signUp('ada'))
  first.close()
  let tell: ((change: SessionChange) => void) | undefined
  const provider: AccountProvider = {
    ...browser.account.provider,
    subscribe: (listener) => ((tell = listener), () => {}),
  }
  const asked = browser.account.calls.filter((call) => call === 'getSession').length
  const auth = await browser.load({ account: provider })
  await expect.poll(() => tell).toBeDefined()
  await hasLooked(browser, asked + 1)
  const outbox = async () => parseKeyring(await store.read())!.outbox
  return { browser, auth, provider, outbox, tell: (change: SessionChange) => tell!(change) }
}

/** Another tab, which has asked about the session. */
async function anotherTab(browser: TestBrowser): Promise<Auth> {
  const asked = browser.account.calls.filter((call) => call === 'getSession').length
  const other = await browser.load()
  await hasLooked(browser, asked + 1)
  return other
}

/** A promise, and the function that resolves it. */
function gate(): { passed: Promise<void>; open: () => void } {
  let open = (): void => {}
  const passed = new Promise<void>((resolve) => (open = resolve))
  return { passed, open }
}

/** Holds back the answer to the next question about the session. */
function heldAnswer(provider: AccountProvider): { asked: Promise<void>; answer: () => void } {
  const [asked, answered] = [gate(), gate()]
  const { getSession } = provider
  vi.spyOn(provider, 'getSession').mockImplementationOnce(async (options) => {
    const found = await getSession(options)
    asked.open()
    await answered.passed
    return found
  })
  return { asked: asked.passed, answer: answered.open }
}

test('a session that the app ended ends the mode here too', async () => {
  const { browser, auth, tell } = await world()
  browser.account.setSession(null)
  tell('ended')
  await expect.poll(() => auth.getState().authMode).toBe('anonymous')
})

test('also if the question about it fails', async () => {
  const { browser, auth, provider, tell } = await world()
  browser.account.setSession(null)
  vi.spyOn(provider, 'getSession').mockRejectedValueOnce(new LatchkeyError('OFFLINE'))
  tell('ended')
  await expect.poll(() => auth.getState().authMode).toBe('anonymous')
})

test('also if the page is left before the question is answered', async () => {
  const { browser, auth, provider, tell } = await world()
  browser.account.setSession(null)
  browser.account.online = false
  const looks = vi.spyOn(provider, 'getSession')
  tell('ended')
  await expect.poll(() => looks.mock.settledResults.some(({ type }) => type === 'rejected')).toBe(true)
  auth.close()
  browser.account.online = true
  const next = await browser.load()
  await expect.poll(() => next.getState().authMode).toBe('anonymous')
})

test.each([
  ['', false],
  [', although the page is left right after that', true],
])('if the session is there all the same, one that is missing later is only told%s', async (_, isLost) => {
  const { browser, auth, provider, tell } = await world()
  const { getSession } = provider
  const looks = vi.spyOn(provider, 'getSession').mockImplementation(async (options) => {
    if (isLost && !options?.peek) throw new LatchkeyError('OFFLINE')
    return getSession(options)
  })
  tell('ended')
  // A look without `peek`: what the account server said has been stored.
  await expect.poll(() => looks.mock.calls.some(([given]) => !given?.peek)).toBe(true)
  await auth.listIdentities()
  auth.close()
  browser.account.setSession(null)
  const next = await browser.load()
  await expect.poll(() => next.getState().error).toBe('missing')
  expect(next.getState().authMode).toBe('external')
})

test('a sign-in of another tab, after the account server said that the session is gone, stays', async () => {
  const { browser, auth, provider, tell, outbox } = await world()
  const other = await anotherTab(browser)
  browser.account.setSession(null)
  const { asked, answer } = heldAnswer(provider)
  const looks = vi.spyOn(provider, 'getSession')
  tell('ended')
  await asked
  expect(await other.upgrade(() => browser.account.signIn('ada'))).toMatchObject({ outcome: 'upgraded' })
  const before = looks.mock.calls.length
  answer()
  // It looks again instead.
  await expect.poll(() => looks.mock.calls.length).toBeGreaterThan(before)
  expect(auth.getState()).toMatchObject({ authMode: 'external', phase: 'ready' })
  expect(await outbox()).toEqual([])
  expect(browser.account.session).toBe('ada')
})

test('so does one that is written right before the sign-out would be', async () => {
  const kept = memoryStore()
  let beforeUpdate: (() => Promise<unknown>) | undefined
  let updates = 0
  const store: RecordStore = {
    ...kept,
    async update(updater) {
      // The first one notes that the app has ended the session.
      const act = beforeUpdate && ++updates === 2 ? beforeUpdate : undefined
      if (act) beforeUpdate = undefined
      await act?.()
      return kept.update(updater)
    },
  }
  const { browser, auth, provider, tell, outbox } = await world(store)
  const other = await anotherTab(browser)
  browser.account.setSession(null)
  const looks = vi.spyOn(provider, 'getSession')
  beforeUpdate = () => other.upgrade(() => browser.account.signIn('ada'))
  tell('ended')
  await expect.poll(() => looks.mock.calls.length).toBeGreaterThan(1)
  expect(beforeUpdate).toBeUndefined()
  expect(auth.getState()).toMatchObject({ authMode: 'external', phase: 'ready' })
  expect(await outbox()).toEqual([])
  expect(browser.account.session).toBe('ada')
})

test.each(['eve', 'ada'])('so does one of the app itself, by %s, from before the answer', async (name) => {
  const { browser, auth, provider, tell, outbox } = await world()
  browser.account.setSession(null)
  const { asked, answer } = heldAnswer(provider)
  tell('ended')
  await asked
  browser.server.accounts.set('eve', { accountId: 'eve', principal: 'eve', aliases: [], recoverable: true, claims: {} })
  browser.account.setSession(name)
  browser.clock.advance(1000)
  answer()
  await expect.poll(() => auth.getState().authMode).toBe('anonymous')
  await expect.poll(outbox).toEqual([])
  expect(browser.account.session).toBe(name)
})
