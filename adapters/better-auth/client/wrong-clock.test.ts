import { describe, expect, test } from 'vitest'
import type { Auth } from '../../../lib/index.ts'
import type { Keyring } from '../../../lib/keystore/record.ts'
import { onEachEngine } from '../testing/engines.testing.ts'
import { load, settled } from '../testing/pages.testing.ts'
import { post } from '../testing/requests.testing.ts'
import { person } from '../testing/server.testing.ts'

const ada = person('ada')
const MINUTE = 60_000

onEachEngine((newServer) => {
  /** A browser whose clock and network a test sets, and Ada's account, created on another device. */
  async function world(ahead: number) {
    const server = await newServer()
    const elsewhere = server.browser()
    const first = await elsewhere.load()
    await first.upgrade(() => elsewhere.client.signUp.email(ada))
    first.close()
    const browser = server.browser()
    const setting = { ahead, isOnline: true, lost: 0 }
    Object.defineProperty(browser, 'intercept', {
      configurable: true,
      get: () => (_: Request, forward: () => Promise<Response>) =>
        setting.isOnline ? forward() : (setting.lost++, Promise.reject(new TypeError('fetch failed'))),
      set() {},
    })
    const options = { clock: () => Date.now() + setting.ahead, harden: 'never' as const }
    const open = () => load(browser, options)
    /** Leaves without a network; the page is closed, and opened again with one. */
    async function leave(auth: Auth, act: 'signOut' | 'cancelUpgrade'): Promise<void> {
      setting.isOnline = false
      await auth[act]()
      await expect.poll(() => setting.lost, { timeout: 30_000 }).toBeGreaterThan(0)
      auth.close()
      setting.isOnline = true
    }
    const outbox = async () => ((await browser.store.read()) as Keyring).outbox
    const alive = async () => (await browser.client.getSession()).data !== null
    return { server, browser, setting, open, leave, outbox, alive }
  }

  describe('a sign-out without a network, on a device whose clock is wrong,', () => {
    const ACTS = ['signOut', 'cancelUpgrade'] as const
    const WRONG = [5 * MINUTE, 120 * MINUTE, -120 * MINUTE]
    const CASES = ACTS.flatMap((act) => WRONG.map((ahead) => [act, ahead] as const))

    test.each(CASES)('ends the session of a conflict: %s, %i ms ahead', async (act, ahead) => {
      const { browser, open, leave, outbox, alive } = await world(ahead)
      const auth = await open()
      await auth.markWritten()
      expect(await auth.upgrade(() => browser.client.signIn.email(ada))).toMatchObject({ outcome: 'conflict' })
      await leave(auth, act)
      const next = await open()
      await expect.poll(outbox, { timeout: 30_000 }).toEqual([])
      expect(await alive()).toBe(false)
      expect(next.getState().upgrade?.account).toBeUndefined()
      next.close()
    })

    test('ends the session of an account that waited, though the clock was set forward since', async () => {
      const { browser, setting, open, leave, outbox, alive } = await world(0)
      const auth = await open()
      expect((await browser.client.signIn.email(ada)).error).toBeNull()
      await settled(auth, { phase: 'pending', upgrade: { account: {} } })
      await leave(auth, 'cancelUpgrade')
      setting.ahead = MINUTE
      const next = await open()
      await expect.poll(outbox, { timeout: 30_000 }).toEqual([])
      expect(await alive()).toBe(false)
      expect(next.getState().upgrade?.account).toBeUndefined()
      next.close()
    })

    test.each([MINUTE, 120 * MINUTE])(
      'does not end a newer session, although the clock was set back by %i ms',
      async (step) => {
        const { browser, setting, open, leave, outbox, alive } = await world(step)
        const auth = await open()
        expect(await auth.upgrade(() => browser.client.signIn.email(ada))).toMatchObject({ outcome: 'switched' })
        await leave(auth, 'signOut')
        setting.ahead = 0
        await browser.send('/sign-in/email', post(ada))
        const next = await open()
        await settled(next, { phase: 'pending', upgrade: { account: {} } })
        expect(await alive()).toBe(true)
        expect(await outbox()).toHaveLength(1)
        next.close()
      },
    )
  })
})
