import { describe, expect, test, vi } from 'vitest'
import { LatchkeyError } from '../../errors.ts'
import { parseKeyring } from '../../keystore/keyring.ts'
import { manualClock } from '../../testing/clock.ts'
import { memoryAccountServer } from '../../testing/memory-account.ts'
import { hasLooked, testBrowser } from '../client.testing.ts'

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
