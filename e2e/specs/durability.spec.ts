import type { Page } from '@playwright/test'
import { expect, expectSynced, newPerson, signUp, test, writeNote } from '../support/notes.ts'

/** What the browser answers from now on when this page asks for storage that stays. */
async function grantPersistence(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page)
  const { targetInfo } = await session.send('Target.getTargetInfo')
  const { browserContextId = '' } = targetInfo
  const browser = await page.context().browser()!.newBrowserCDPSession()
  await browser.send('Browser.grantPermissions', {
    permissions: ['durableStorage'],
    origin: new URL(page.url()).origin,
    browserContextId,
  })
}

test('the identity panel says how well the identity is kept, and asks the browser to keep it better', async ({
  openNotes,
}) => {
  const { page } = await openNotes()
  await page.getByTestId('account-menu').click()
  await expect(page.getByTestId('durability')).toHaveText(
    'In this browser, which may delete it if space runs low or after a long absence',
  )
  await expect(page.getByTestId('protection')).toHaveText('Can still be copied for a backup, so guard this device')
  await page.getByTestId('keep').click()
  await expect(page.getByTestId('keep-words')).toContainText('made no promise')
  await grantPersistence(page)
  await page.getByTestId('keep').click()
  await expect(page.getByTestId('keep-words')).toHaveText('This browser promised to keep it.')
  await expect(page.getByTestId('durability')).toHaveText(
    'In this browser, which promised to keep it until you clear it yourself',
  )
  await expect(page.getByTestId('keep')).toBeHidden()
})

test('with an account it is the account that counts', async ({ openNotes }) => {
  const device = await openNotes()
  const { page } = device
  await signUp(device, newPerson())
  await page.getByTestId('account-menu').click()
  await expect(page.getByTestId('durability')).toHaveText('In your account, as long as you know its password')
  await expect(page.getByTestId('keep')).toBeHidden()
})

test('a browser that forbids storage is explained, with what can be done', async ({ device, baseURL }) => {
  const { page, waitForState } = await device()
  await page.addInitScript(() => {
    IDBFactory.prototype.open = () => {
      throw new DOMException('denied', 'SecurityError')
    }
  })
  await page.goto(baseURL!)
  expect((await waitForState({ phase: 'ready' })).storage.problem).toBe('KEYSTORE_BLOCKED')
  await expect(page.getByTestId('storage-problem')).toContainText('Allow cookies and site data')
  await expect(page.getByTestId('storage-retry')).toHaveText('Try again')
})

test('site data that was cleared is told from a first visit, and nothing is made up', async ({ openNotes }) => {
  const { page, waitForState, principal } = await openNotes()
  const before = await principal()
  await writeNote(page, 'Of a person')
  await expectSynced(page)
  await page.evaluate(
    () =>
      new Promise<void>((resolve, reject) => {
        const request = indexedDB.deleteDatabase('latchkey:latchkey')
        request.onsuccess = () => resolve()
        request.onerror = reject
      }),
  )
  await page.reload()
  expect(await waitForState({ phase: 'ready' })).toMatchObject({
    session: null,
    storage: { problem: 'KEYSTORE_VANISHED' },
  })
  await expect(page.getByTestId('storage-problem')).toContainText('was cleared')
  await page.getByTestId('storage-retry').filter({ hasText: 'Start over' }).click()
  await waitForState({ authMode: 'local-first', phase: 'ready' })
  expect(await principal()).not.toBe(before)
  await expect(page.getByTestId('storage-problem')).toBeHidden()
})
