import { IDBFactory } from 'fake-indexeddb'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { indexedDbStore } from '../../keystore/indexed-db.ts'
import { testBrowser } from '../client.testing.ts'
import type { Auth, AuthOptions } from '../auth.ts'

let open: Auth[] = []
beforeEach(() => vi.stubGlobal('indexedDB', new IDBFactory()))
afterEach(() => {
  for (const auth of open) auth.close()
  open = []
  vi.unstubAllGlobals()
})

/** Two tabs of one browser: a record on the disk, a channel between them. */
async function twoTabs(options: AuthOptions = {}) {
  const browser = testBrowser(undefined, undefined, indexedDbStore('app'))
  const [here, there] = [
    await browser.load({ keystore: indexedDbStore('app'), ...options }),
    await browser.load({ keystore: indexedDbStore('app'), ...options }),
  ]
  open.push(here, there)
  // The acts load after the identity: from here on both tabs listen.
  await Promise.all([here.markWritten(), there.markWritten()])
  return { browser, here, there }
}

describe('a tab hears', () => {
  test('of an upgrade and a sign-out in another one', async () => {
    const { browser, here, there } = await twoTabs()
    await there.upgrade(() => browser.account.signUp('ada'))
    await expect.poll(() => here.getState()).toMatchObject({ authMode: 'external', session: there.getState().session })
    await there.signOut()
    await expect.poll(() => here.getState()).toMatchObject({ authMode: 'anonymous', session: null })
    expect(await here.getToken()).toBeNull()
  })

  test.each([
    ['', 1000],
    [', although the clock was set back', -1000],
  ])('that the account server confirmed the session that it refused here%s', async (_, step) => {
    const { browser, here, there } = await twoTabs()
    await there.upgrade(() => browser.account.signUp('ada'))
    await expect.poll(() => here.getState().authMode).toBe('external')
    browser.account.setSession(null)
    await here.getToken().catch(() => {})
    expect(here.getState().error).toBe('missing')
    browser.clock.advance(step)
    await there.upgrade(() => browser.account.signIn('ada'))
    await expect.poll(() => here.getState().error).toBeUndefined()
  })

  test('of a backup in another one', async () => {
    const { here, there } = await twoTabs()
    expect(here.getState().storage).toMatchObject({ durability: 'evictable', advice: 'back-up' })
    await there.confirmBackup(await there.exportSecret())
    await expect.poll(() => here.getState().storage).toEqual(there.getState().storage)
    expect(here.getState().storage).toMatchObject({ durability: 'recoverable', advice: 'none' })
  })

  test('of the first key in another one, whose data the account does not restore', async () => {
    const { browser, here, there } = await twoTabs({ harden: 'never' })
    await there.upgrade(async () => {
      await browser.account.signUp('ada')
      browser.server.accounts.get('ada')!.recoverable = true
    })
    await expect.poll(() => here.getState().storage.durability).toBe('recoverable')
    await there.deriveKey('notes')
    expect(there.getState().storage).toMatchObject({ durability: 'evictable', advice: 'back-up' })
    await expect.poll(() => here.getState().storage).toEqual(there.getState().storage)
  })

  test('nothing from a message itself: only the record counts', async () => {
    const { here, there } = await twoTabs()
    const own = here.getState().session!.principal
    const seen = new Set<string | undefined>()
    here.subscribe(() => seen.add(here.getState().session?.principal))
    const channel = new BroadcastChannel('latchkey:app')
    channel.postMessage({ authMode: 'external', session: { principal: 'eve' }, current: null })
    await there.signOut()
    await expect.poll(() => here.getState().authMode).toBe('anonymous')
    channel.close()
    expect([...seen].filter((principal) => principal !== undefined && principal !== own)).toEqual([])
  })
})
