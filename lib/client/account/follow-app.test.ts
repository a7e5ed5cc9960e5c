import { expect, test, vi } from 'vitest'
import { parseKeyring } from '../../keystore/keyring.ts'
import type { RecordStore } from '../../keystore/store.ts'
import { memoryStore } from '../../keystore/memory.ts'
import { testBrowser } from '../client.testing.ts'
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
  const auth = await browser.load({ account: provider })
  await expect.poll(() => tell).toBeDefined()
  const outbox = async () => parseKeyring(await store.read())!.outbox
  return { browser, auth, provider, outbox, tell: (change: SessionChange) => tell!(change) }
}

/** A promise, and the function that resolves it. */
function gate(): { passed: Promise<void>; open: () => void } {
  let open = (): void => {}
  const passed = new Promise<void>((resolve) => (open = resolve))
  return { passed, open }
}

test('a session that the app ended ends the mode here too', async () => {
  const { browser, auth, tell } = await world()
  browser.account.setSession(null)
  tell('ended')
  await expect.poll(() => auth.getState().authMode).toBe('anonymous')
})

test('a sign-in of another tab, after the account server said that the session is gone, stays', async () => {
  const { browser, auth, provider, tell, outbox } = await world()
  const other = await browser.load()
  browser.account.setSession(null)
  const [asked, answered] = [gate(), gate()]
  const { getSession } = provider
  vi.spyOn(provider, 'getSession').mockImplementationOnce(async (options) => {
    const found = await getSession(options)
    asked.open()
    await answered.passed
    return found
  })
  const looks = vi.spyOn(provider, 'getSession')
  tell('ended')
  await asked.passed
  expect(await other.upgrade(() => browser.account.signIn('ada'))).toMatchObject({ outcome: 'upgraded' })
  const before = looks.mock.calls.length
  answered.open()
  // It looks again instead.
  await expect.poll(() => looks.mock.calls.length).toBeGreaterThan(before)
  expect(auth.getState()).toMatchObject({ authMode: 'external', phase: 'ready' })
  expect(await outbox()).toEqual([])
  expect(browser.account.session).toBe('ada')
})

test('so does one that is written right before the sign-out would be', async () => {
  const kept = memoryStore()
  let beforeUpdate: (() => Promise<unknown>) | undefined
  const store: RecordStore = {
    ...kept,
    async update(updater) {
      const act = beforeUpdate
      beforeUpdate = undefined
      await act?.()
      return kept.update(updater)
    },
  }
  const { browser, auth, provider, tell, outbox } = await world(store)
  const other = await browser.load()
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
