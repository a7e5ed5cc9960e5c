import { afterEach, describe, expect, test, vi } from 'vitest'
import { localLocks } from '../../../lib/client/shared/local-locks.ts'
import { type AuthOptions, type ConflictPolicy, type ConflictPreview, memoryStore } from '../../../lib/index.ts'
import type { Keyring } from '../../../lib/keystore/record.ts'
import { onEachEngine } from '../testing/engines.testing.ts'
import { load, settled } from '../testing/pages.testing.ts'
import { type TestServer, person } from '../testing/server.testing.ts'

const [ada, bob] = [person('ada'), person('bob')]

interface Asked {
  readonly preview: ConflictPreview
  answer(policy: ConflictPolicy): void
}

afterEach(() => {
  vi.unstubAllGlobals()
})

onEachEngine((newServer) => {
  /** Creates an account on another device, and returns its principal. */
  async function accountOf(server: TestServer, credentials: ReturnType<typeof person>): Promise<string> {
    const browser = server.browser()
    const auth = await browser.load()
    await auth.upgrade(() => browser.client.signUp.email(credentials))
    const { principal } = auth.getState().session!
    auth.close()
    return principal
  }

  /** A device that holds something, and the accounts of two people. */
  async function world(options: AuthOptions = {}) {
    const server = await newServer()
    const accounts = { ada: await accountOf(server, ada), bob: await accountOf(server, bob) }
    const browser = server.browser()
    const auth = await load(browser, options)
    await auth.markWritten()
    const device = auth.getState().session!.principal
    const signIn = (page: typeof auth, credentials: ReturnType<typeof person>) =>
      page.upgrade(() => browser.client.signIn.email(credentials))
    const aliases = async () => (await server.rows('latchkeyPrincipal')).filter(({ kind }) => kind === 'alias')
    return { server, browser, auth, accounts, device, signIn, aliases }
  }

  describe('a decision about a conflict that another tab has replaced', () => {
    /** This tab shows the conflict with Ada's account; another tab has the one with Bob's. */
    async function replaced() {
      const given = await world()
      expect(await given.signIn(given.auth, ada)).toMatchObject({ outcome: 'conflict' })
      const other = await given.browser.load()
      await other.cancelUpgrade()
      expect(await given.signIn(other, bob)).toMatchObject({ outcome: 'conflict' })
      const { conflict } = given.auth.getState().upgrade ?? {}
      expect(conflict!.account.principal).toBe(given.accounts.ada)
      return { ...given, other }
    }

    test.each(['adopt', 'switch', 'discard'] as const)('is not carried out: %s', async (decision) => {
      const { auth, accounts, device, aliases } = await replaced()
      expect(await auth.resolveConflict(decision, { force: true })).toMatchObject({
        outcome: 'failed',
        error: { code: 'IDENTITY_CHANGED' },
      })
      expect(await aliases()).toEqual([])
      expect(auth.getState()).toMatchObject({
        phase: 'conflict',
        session: { principal: device },
        upgrade: { conflict: { account: { principal: accounts.bob } } },
      })
      expect(await auth.resolveConflict('adopt')).toMatchObject({ session: { principals: [accounts.bob, device] } })
    })

    test('is not carried out: cancel', async () => {
      const { auth, browser, accounts } = await replaced()
      await expect(auth.cancelUpgrade()).rejects.toMatchObject({ code: 'IDENTITY_CHANGED' })
      expect(((await browser.store.read()) as Keyring).outbox).toEqual([])
      expect((await browser.client.getSession()).data?.user.email).toBe(bob.email)
      expect(auth.getState().upgrade?.conflict?.account.principal).toBe(accounts.bob)
    })
  })

  describe('a cancellation in a tab that has not seen what another tab did', () => {
    /** Both tabs ask whether to continue as Ada. */
    async function bothAsk(given: AuthOptions = {}) {
      const server = await newServer()
      await accountOf(server, ada)
      const browser = server.browser()
      await browser.client.signIn.email(ada)
      const beforeSignOut = vi.fn(() => ({ unsynced: 1 }))
      const options = { beforeSignOut, ...given }
      const [auth, other] = [await load(browser, options), await load(browser, options)]
      for (const page of [auth, other]) await settled(page, { phase: 'pending', upgrade: { account: {} } })
      const alive = async () => (await browser.client.getSession()).data?.user.email
      return { server, browser, auth, other, alive }
    }

    test('does not touch an account that the other tab accepted', async () => {
      const { browser, auth, other, alive } = await bothAsk()
      expect(await other.acceptAccount()).toMatchObject({ outcome: 'switched' })
      await expect(auth.cancelUpgrade()).rejects.toMatchObject({ code: 'IDENTITY_CHANGED' })
      expect(((await browser.store.read()) as Keyring).outbox).toEqual([])
      expect(await alive()).toBe(ada.email)
      expect([auth, other].map((page) => page.getState().authMode)).toEqual(['external', 'external'])
    })

    test('does not touch an account that the other tab accepted, although a write has told it of that', async () => {
      const { browser, auth, other, alive } = await bothAsk()
      expect(await other.acceptAccount()).toMatchObject({ outcome: 'switched' })
      await auth.markWritten()
      await expect(auth.cancelUpgrade()).rejects.toMatchObject({ code: 'IDENTITY_CHANGED' })
      expect(((await browser.store.read()) as Keyring).outbox).toEqual([])
      expect(await alive()).toBe(ada.email)
    })

    test('does not touch an account that the other tab is accepting', async () => {
      vi.stubGlobal('navigator', { locks: localLocks() })
      const { browser, auth, other, alive } = await bothAsk({ keystore: { ...memoryStore(), channel: 'two tabs' } })
      let cancelled: Promise<unknown> | undefined
      browser.intercept = (_, forward) => {
        cancelled = auth.cancelUpgrade().catch((error: unknown) => error)
        return forward()
      }
      expect(await other.acceptAccount()).toMatchObject({ outcome: 'switched' })
      expect(await cancelled).toMatchObject({ code: 'IDENTITY_CHANGED' })
      expect(await alive()).toBe(ada.email)
      expect(await other.getToken({ fresh: true })).not.toBeNull()
      expect(other.getState()).toMatchObject({ authMode: 'external', phase: 'ready' })
      for (const page of [auth, other]) page.close()
    })

    test('does not touch a conflict that the other tab has found', async () => {
      const { browser, auth, other, alive } = await bothAsk()
      await other.markWritten()
      expect(await other.acceptAccount()).toMatchObject({ outcome: 'conflict' })
      await expect(auth.cancelUpgrade()).rejects.toMatchObject({ code: 'IDENTITY_CHANGED' })
      expect(((await browser.store.read()) as Keyring).intent).toMatchObject({ conflict: {} })
      expect(await alive()).toBe(ada.email)
      expect(auth.getState().phase).toBe('conflict')
    })
  })

  describe("the policy's answer", () => {
    /** A policy that waits for an answer, for example that of a dialog. */
    async function asking() {
      const asked: Asked[] = []
      const onConflict = (preview: ConflictPreview) =>
        new Promise<ConflictPolicy>((answer) => asked.push({ preview, answer }))
      const given = await world({ onConflict })
      const heard = (times: number) => vi.waitFor(() => expect(asked).toHaveLength(times), { timeout: 30_000 })
      return { ...given, asked, heard }
    }

    test('about one account decides nothing about another', async () => {
      const { auth, accounts, device, signIn, asked, heard, aliases } = await asking()
      const first = signIn(auth, ada)
      await heard(1)
      expect(asked[0]!.preview.account.principal).toBe(accounts.ada)
      await auth.cancelUpgrade()
      const second = signIn(auth, bob)
      await heard(2)
      asked[0]!.answer('adopt')
      expect(await first).toMatchObject({ outcome: 'failed', error: { code: 'UPGRADE_CANCELLED' } })
      asked[1]!.answer('ask')
      expect(await second).toMatchObject({ outcome: 'conflict', conflict: { account: { principal: accounts.bob } } })
      expect(await aliases()).toEqual([])
      expect(auth.getState()).toMatchObject({ phase: 'conflict', session: { principal: device } })
    })

    test('about one account decides nothing about another that another tab has signed in to', async () => {
      const { auth, browser, accounts, device, signIn, asked, heard, aliases } = await asking()
      const first = signIn(auth, ada)
      await heard(1)
      const other = await browser.load()
      await other.cancelUpgrade()
      expect(await signIn(other, bob)).toMatchObject({ outcome: 'conflict' })
      asked[0]!.answer('adopt')
      expect(await first).toMatchObject({ outcome: 'failed', error: { code: 'IDENTITY_CHANGED' } })
      expect(await aliases()).toEqual([])
      await settled(auth, { phase: 'conflict', session: { principal: device } })
      expect(auth.getState().upgrade?.conflict?.account.principal).toBe(accounts.bob)
    })
  })
})
