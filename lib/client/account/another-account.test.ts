import { describe, expect, test, vi } from 'vitest'
import { LatchkeyError } from '../../errors.ts'
import { currentEntry, parseKeyring } from '../../keystore/keyring.ts'
import { memoryStore } from '../../keystore/memory.ts'
import { manualClock } from '../../testing/clock.ts'
import { createFaults, faultyStore } from '../../testing/faulty-store.ts'
import { memoryAccountServer } from '../../testing/memory-account.ts'
import { hasLooked, testBrowser } from '../client.testing.ts'
import type { AccountProvider, SessionChange } from '../shared/account-provider.ts'

/** A second device of an account that was deleted on the first one; its user signs up again. */
async function deletedElsewhere() {
  const clock = manualClock()
  const server = memoryAccountServer(clock.now)
  const first = testBrowser(server, clock)
  const firstAuth = await first.load()
  await firstAuth.upgrade(() => first.account.signUp('ada'))
  const browser = testBrowser(server, clock)
  const auth = await browser.load()
  await hasLooked(browser)
  await auth.upgrade(() => browser.account.signIn('ada'))
  const { principal } = auth.getState().session!
  browser.account.setSession(null)
  const again = await auth.upgrade(async () => {
    const answer = await browser.account.signUp('ada-again')
    server.accounts.delete('ada')
    return answer
  })
  return { auth, browser, server, principal, again }
}

describe('signing up again after the account was deleted elsewhere', () => {
  test('keeps the new account, and leaves the decision to the user', async () => {
    const { auth, browser, server, again, principal } = await deletedElsewhere()
    const { accountId, principal: fresh } = server.accounts.get('ada-again')!
    expect(again).toMatchObject({ outcome: 'taken', conflict: { isTaken: true, account: { accountId } } })
    expect(auth.getState()).toMatchObject({ phase: 'conflict', authMode: 'external', session: { principal } })
    expect((await browser.load()).getState()).toMatchObject({ phase: 'conflict', session: { principal } })
    expect(await auth.resolveConflict('switch')).toMatchObject({ outcome: 'switched', session: { principal: fresh } })
    const { entries, intent } = parseKeyring(await browser.store.read())!
    expect(entries.map((entry) => (entry.kind === 'account' ? entry.accountId : entry.kind))).not.toContain('ada')
    expect(intent).toBeNull()
  })

  test('a sign-out meanwhile ends the session of either account', async () => {
    const { auth, browser } = await deletedElsewhere()
    await auth.signOut()
    await hasLooked(browser, 2)
    expect(auth.getState()).toMatchObject({ phase: 'ready', authMode: 'anonymous' })
    await expect.poll(() => browser.account.session, { timeout: 30_000 }).toBeNull()
    await expect.poll(async () => parseKeyring(await browser.store.read())!.outbox, { timeout: 30_000 }).toEqual([])
  })
})

test('the current account after its reset keeps the key of its former principal, whose rows it may still link', async () => {
  const clock = manualClock()
  const server = memoryAccountServer(clock.now)
  const browser = testBrowser(server, clock)
  const auth = await browser.load()
  await hasLooked(browser)
  await auth.upgrade(async () => {
    const answer = await browser.account.signUp('ada')
    server.accounts.get('ada')!.recoverable = true
    return answer
  })
  const { principal } = auth.getState().session!
  Object.assign(server.accounts.get('ada')!, { principal: 'after-the-reset' })
  vi.spyOn(browser.account.provider, 'link').mockRejectedValue(new LatchkeyError('ACCOUNT_HANDED_OVER'))
  await auth.upgrade(() => browser.account.signIn('ada'))
  expect(auth.getState()).toMatchObject({ authMode: 'external', session: { principal: 'after-the-reset' } })
  const { entries } = parseKeyring(await browser.store.read())!
  expect(entries.filter(({ kind }) => kind === 'device')).toMatchObject([{ principal }])
})

describe('the current account after its reset', () => {
  /** @param nth - which write of the sign-in after the reset fails */
  async function signInAgain(fault: 'rejects' | 'answerLost', nth: number) {
    const clock = manualClock()
    const server = memoryAccountServer(clock.now)
    const faults = createFaults()
    const browser = testBrowser(server, clock, faultyStore(memoryStore(), faults))
    const auth = await browser.load()
    await hasLooked(browser)
    await auth.upgrade(() => browser.account.signUp('ada'))
    const { principal } = auth.getState().session!
    Object.assign(server.accounts.get('ada')!, { principal: 'after-the-reset' })
    vi.spyOn(browser.account.provider, 'link').mockRejectedValue(new LatchkeyError('ACCOUNT_HANDED_OVER'))
    faults.arm(fault, 'update', nth)
    const { outcome } = await auth.upgrade(() => browser.account.signIn('ada'))
    const { struck } = faults
    faults.disarm()
    return {
      outcome,
      struck,
      before: principal,
      stored: currentEntry(parseKeyring(await browser.store.read()))!.principal,
    }
  }

  test.each(['rejects', 'answerLost'] as const)(
    'is stored, or the sign-in says that it was not: a write %s',
    async (fault) => {
      const seen = []
      for (let nth = 1, isOver = false; !isOver; nth++) {
        const { outcome, struck, before, stored } = await signInAgain(fault, nth)
        expect([outcome, stored]).toEqual(outcome === 'failed' ? ['failed', before] : [outcome, 'after-the-reset'])
        seen.push(outcome)
        isOver = !struck
      }
      expect(seen.length).toBeGreaterThan(1)
    },
  )
})

describe('a session of another account in place of that of the current account', () => {
  /** Ada is current, bob has an account too, and the page hears what the app does through its account client. */
  async function world() {
    const clock = manualClock()
    const server = memoryAccountServer(clock.now)
    await server.connect().signUp('bob')
    const { accountId } = server.accounts.get('bob')!
    const browser = testBrowser(server, clock)
    let tell: ((change: SessionChange) => void) | undefined
    const provider: AccountProvider = {
      ...browser.account.provider,
      subscribe: (listener) => ((tell = listener), () => {}),
    }
    const auth = await browser.load({ account: provider })
    await expect.poll(() => tell).toBeDefined()
    await hasLooked(browser)
    expect(await auth.upgrade(() => browser.account.signUp('ada'))).toMatchObject({ outcome: 'upgraded' })
    const { principal } = auth.getState().session!
    const begin = (name: string | null): void => {
      browser.account.setSession(name)
      tell!('begun')
    }
    const current = { authMode: 'external', session: { principal } } as const
    const waiting = { ...current, phase: 'pending', error: 'missing', upgrade: { account: { accountId } } }
    return { browser, server, provider, auth, begin, current, waiting }
  }

  test('waits and is shown, also in the next page, and cancelUpgrade ends it', async () => {
    const { browser, auth, begin, current, waiting } = await world()
    begin('bob')
    await expect.poll(() => auth.getState()).toMatchObject(waiting)
    const next = await browser.load()
    await expect.poll(() => next.getState()).toMatchObject(waiting)
    await auth.cancelUpgrade()
    expect(browser.account.session).toBeNull()
    expect(auth.getState()).toMatchObject({ ...current, phase: 'ready', error: 'missing' })
    expect(auth.getState().upgrade).toBeUndefined()
    expect(parseKeyring(await browser.store.read())!.outbox).toEqual([])
    expect(await auth.upgrade(() => browser.account.signIn('ada'))).toMatchObject({ outcome: 'upgraded' })
    expect(auth.getState()).toMatchObject({ ...current, phase: 'ready' })
    expect(auth.getState().error).toBeUndefined()
  })

  test('waits if an upgrade that was cancelled has made it', async () => {
    const { browser, auth, waiting } = await world()
    let signedIn = (): void => {}
    const isThere = new Promise<void>((resolve) => (signedIn = resolve))
    const result = auth.upgrade(async () => {
      await browser.account.signIn('bob')
      signedIn()
      return new Promise(() => {})
    })
    await isThere
    await auth.cancelUpgrade()
    expect(await result).toMatchObject({ outcome: 'failed', error: { code: 'UPGRADE_CANCELLED' } })
    await expect.poll(() => auth.getState()).toMatchObject(waiting)
    await auth.cancelUpgrade()
    expect(browser.account.session).toBeNull()
  })

  test('waits if it was planted while `run` went on', async () => {
    const { browser, provider, auth, current, waiting } = await world()
    const { getSession } = provider
    vi.spyOn(provider, 'getSession').mockImplementation(async (options) => {
      const found = await getSession(options)
      return found && { ...found, provenBy: 'a key of another device' }
    })
    const planted = await auth.upgrade(async () => {
      const answer = await browser.account.requestLink('ada@example.com')
      browser.account.setSession('bob')
      return answer
    })
    expect(planted).toMatchObject({ outcome: 'pending', account: waiting.upgrade.account })
    expect(auth.getState()).toMatchObject({ ...current, phase: 'pending', upgrade: waiting.upgrade })
  })

  test.each([
    ['the one of the current account is there again', 'ada', undefined],
    ['there is none any more', null, 'missing'],
  ])('waits no longer once %s', async (_, name, error) => {
    const { auth, begin, current, waiting } = await world()
    begin('bob')
    await expect.poll(() => auth.getState()).toMatchObject(waiting)
    begin(name)
    await expect.poll(() => auth.getState().upgrade).toBeUndefined()
    expect(auth.getState()).toMatchObject({ ...current, phase: 'ready' })
    expect(auth.getState().error).toBe(error)
  })

  test('that is gone when the user confirms it waits no longer', async () => {
    const { browser, auth, begin, current, waiting } = await world()
    begin('bob')
    await expect.poll(() => auth.getState()).toMatchObject(waiting)
    browser.account.setSession(null)
    expect(await auth.acceptAccount()).toMatchObject({ outcome: 'failed', error: { code: 'SESSION_MISSING' } })
    expect(auth.getState()).toMatchObject({ ...current, phase: 'ready' })
    expect(auth.getState().upgrade).toEqual({ failure: 'SESSION_MISSING' })
  })

  test('leads to a decision if the user confirms it', async () => {
    const { server, auth, begin, current, waiting } = await world()
    begin('bob')
    await expect.poll(() => auth.getState()).toMatchObject(waiting)
    expect(await auth.acceptAccount()).toMatchObject({ outcome: 'taken', conflict: waiting.upgrade })
    expect(auth.getState()).toMatchObject({ ...current, phase: 'conflict' })
    const { principal } = server.accounts.get('bob')!
    expect(await auth.resolveConflict('switch')).toMatchObject({ outcome: 'switched', session: { principal } })
  })

  test('ends with a sign-out', async () => {
    const { browser, auth, begin, waiting } = await world()
    begin('bob')
    await expect.poll(() => auth.getState()).toMatchObject(waiting)
    await auth.signOut()
    expect(auth.getState()).toMatchObject({ authMode: 'anonymous', phase: 'ready' })
    await expect.poll(() => browser.account.session).toBeNull()
    await expect.poll(async () => parseKeyring(await browser.store.read())!.outbox).toEqual([])
  })
})
