import { describe, expect, test } from 'vitest'
import { onEachEngine } from '../testing/engines.testing.ts'
import { load, settled } from '../testing/pages.testing.ts'
import { person } from '../testing/server.testing.ts'
import { betterAuthAccount } from './index.ts'

const ada = person('ada')

onEachEngine((newServer) => {
  async function signedIn(options = {}) {
    const server = await newServer({ user: { deleteUser: { enabled: true } }, ...options })
    const browser = server.browser()
    const auth = await load(browser)
    expect(await auth.upgrade(() => browser.client.signUp.email(ada))).toMatchObject({ outcome: 'upgraded' })
    return { server, browser, auth }
  }

  describe('a session that the app ends through the account client', () => {
    test('ends the mode: signOut (checklist 36: sign-outs of the app itself)', async () => {
      const { browser, auth } = await signedIn()
      expect((await browser.client.signOut()).error).toBeNull()
      await settled(auth, { authMode: 'anonymous', phase: 'ready' })
      expect(await auth.getToken()).toBeNull()
      await settled(await browser.load(), { authMode: 'anonymous', phase: 'ready' })
    })

    test('ends the mode: deleteUser', async () => {
      const { browser, auth } = await signedIn()
      expect((await browser.client.deleteUser({ password: ada.password })).error).toBeNull()
      await settled(auth, { authMode: 'anonymous', phase: 'ready' })
    })

    test('ends the mode: revokeSessions', async () => {
      const { browser, auth } = await signedIn()
      expect((await browser.client.revokeSessions()).error).toBeNull()
      await settled(auth, { authMode: 'anonymous', phase: 'ready' })
    })

    test('leaves it as it was where another one was revoked', async () => {
      const { browser, auth } = await signedIn()
      expect((await browser.client.revokeOtherSessions()).error).toBeNull()
      await expect
        .poll(() => browser.requests.filter(({ url }) => url.includes('/latchkey/session?peek')).length, {
          timeout: 30_000,
        })
        .toBeGreaterThan(2)
      expect(auth.getState()).toMatchObject({ authMode: 'external', phase: 'ready' })
    })
  })

  test('what the plugin itself asks, and reading a session, are no changes', async () => {
    const { browser, auth } = await signedIn()
    const account = betterAuthAccount(browser.client as never)
    const changes: string[] = []
    const stop = account.subscribe!((change) => void changes.push(change))
    expect(await account.getSession({ peek: true })).not.toBeNull()
    expect(await account.getToken()).not.toBeNull()
    expect((await browser.client.getSession()).data).not.toBeNull()
    expect(await auth.upgrade(() => browser.client.signIn.email(ada))).toMatchObject({ outcome: 'upgraded' })
    expect(changes).toEqual([])
    expect((await browser.client.signIn.email(ada)).error).toBeNull()
    expect(changes).toEqual(['begun'])
    await account.signOut()
    expect(changes).toEqual(['begun'])
    expect((await browser.client.signOut()).error).toBeNull()
    expect(changes).toEqual(['begun', 'ended'])
    stop()
  })

  test('a session that the app begins outside upgrade waits for confirmation, without a reload (checklist 36: sign-ins of the app itself)', async () => {
    const server = await newServer()
    const browser = server.browser()
    const auth = await load(browser)
    const { principal } = auth.getState().session!
    expect((await browser.client.signUp.email(ada)).error).toBeNull()
    await settled(auth, { phase: 'pending', authMode: 'local-first', session: { principal } })
    expect(auth.getState().upgrade?.account?.identifiers).toEqual([])
  })
})
