import type { Page } from '@playwright/test'
import type { Device } from 'latchkey/playwright'
import {
  ask,
  bothConflicted,
  conflicted,
  decide,
  dialogOf,
  openKeptAside,
  thirdDevice,
  undo,
} from '../support/conflicts.ts'
import { expect, expectSynced, signIn, signOut, test } from '../support/notes.ts'

const ALL = ['In the account', 'On the second device', 'On the third device']

/** Starts the page again and looks at what it shows, in whichever order. */
async function expectAfterReload(device: Device, ...titles: string[]): Promise<void> {
  await device.page.reload()
  await expectTitles(device.page, ...titles)
}

async function expectTitles(page: Page, ...titles: string[]): Promise<void> {
  await expect
    .poll(async () => (await page.getByTestId('note-item').locator('.item-heading').allTextContents()).toSorted())
    .toEqual(titles.toSorted())
  await expectSynced(page)
}

async function rename({ page }: Device, from: string, to: string): Promise<void> {
  await page.getByTestId('note-item').filter({ hasText: from }).click()
  await page.getByTestId('note-title').fill(to)
  await expectSynced(page)
}

/** Keeps such requests of some devices back until each of them has sent one. */
async function together(address: string, ...devices: Device[]): Promise<void> {
  let release = (): void => {}
  const gate = new Promise<void>((resolve) => (release = resolve))
  const waiting = new Set<Device>()
  for (const device of devices) {
    await device.page.route(address, async (route) => {
      if (waiting.add(device).size === devices.length) release()
      await gate
      await route.continue()
    })
  }
}

/** Keeps such requests of a device back. */
async function hold({ page }: Device, address: string): Promise<{ readonly arrived: Promise<void>; release(): void }> {
  let arrive = (): void => {}
  let release = (): void => {}
  const arrived = new Promise<void>((resolve) => (arrive = resolve))
  const gate = new Promise<void>((resolve) => (release = resolve))
  await page.route(address, async (route) => {
    arrive()
    await gate
    await route.continue()
  })
  return { arrived, release }
}

const principalsOf = async (device: Device) => (await device.state()).session?.principals

test('two adopt at the same moment: nothing is lost, and every device sees and changes the rows of every other (checklist 27: never orphans)', async ({
  openNotes,
}) => {
  const { first, second, third, account, here, there } = await bothConflicted(openNotes)
  const devices = [first, second, third]
  await together('**/api/auth/latchkey/link', second, third)
  await Promise.all([decide(second, 'adopt'), decide(third, 'adopt')])
  for (const device of devices) await expectAfterReload(device, ...ALL)
  for (const device of devices) {
    const [canonical, ...aliases] = (await principalsOf(device))!
    expect(canonical).toBe(account)
    expect(aliases.toSorted()).toEqual([here, there].toSorted())
  }
  await rename(first, 'On the third device', 'Changed by the first')
  await expectAfterReload(second, 'In the account', 'On the second device', 'Changed by the first')
  await rename(second, 'In the account', 'Changed by the second')
  await expectAfterReload(third, 'Changed by the second', 'On the second device', 'Changed by the first')
  await rename(third, 'On the second device', 'Changed by the third')
  for (const device of devices)
    await expectAfterReload(device, 'Changed by the first', 'Changed by the second', 'Changed by the third')
})

test('the account is adopted to by another device while the question is open here: it goes on asking, and the answer still counts', async ({
  openNotes,
}) => {
  const { first, second, third, account, here, there } = await bothConflicted(openNotes)
  await decide(third, 'adopt')
  await expectTitles(third.page, 'In the account', 'On the third device')
  await expect(dialogOf(second.page)).toBeVisible()
  expect(await second.state()).toMatchObject({ phase: 'conflict', session: { principal: here } })
  await second.page.reload()
  await expect(second.page.getByTestId('conflict-there')).toContainText('2 notes')
  await expect(second.page.getByTestId('conflict-here')).toHaveText('1 note: “On the second device”')
  await decide(second, 'adopt')
  expect(await principalsOf(second)).toEqual([account, there, here])
  await expectTitles(second.page, ...ALL)
  for (const device of [first, third]) await expectAfterReload(device, ...ALL)
})

test("one adopts while another one's adoption is undone: each is done, and who was given up can come again", async ({
  openNotes,
}) => {
  const { ada, first, second, account, here } = await conflicted(openNotes)
  await decide(second, 'adopt')
  const third = await thirdDevice(openNotes)
  await ask(third, ada)
  const there = (await third.principal())!
  await first.page.reload()
  await expectTitles(first.page, 'In the account', 'On the second device')

  const undoing = hold(first, '**/api/auth/latchkey/unlink')
  const linking = hold(third, '**/api/auth/latchkey/link')
  const holds = await Promise.all([undoing, linking])
  const adopting = decide(third, 'adopt')
  await undo(first)
  await Promise.all(holds.map(({ arrived }) => arrived))
  for (const { release } of holds) release()
  await adopting
  await expect(first.page.getByTestId('announcement')).toContainText('Undone.')

  // The third may have been answered before the undo; what the server says at the next start counts.
  await expectAfterReload(third, 'In the account', 'On the third device')
  await expectAfterReload(first, 'In the account', 'On the third device')
  await expectAfterReload(second, 'In the account', 'On the third device')
  expect(await principalsOf(second)).toEqual([account, there])
  await openKeptAside(second)
  expect(await second.principal()).toBe(here)
  await expectTitles(second.page, 'On the second device')
  await ask(second, ada)
  await decide(second, 'adopt')
  await expectTitles(second.page, ...ALL)
  for (const device of [first, third]) await expectAfterReload(device, ...ALL)
})

test("one adopts while another signs out: its rows stay the account's, no session is left there, and it finds everything when it comes back", async ({
  openNotes,
}) => {
  const { ada, first, second, account, here } = await conflicted(openNotes)
  await decide(second, 'adopt')
  await expectTitles(second.page, 'In the account', 'On the second device')
  const third = await thirdDevice(openNotes)
  await ask(third, ada)
  const there = (await third.principal())!

  const linking = await hold(third, '**/api/auth/latchkey/link')
  const adopting = decide(third, 'adopt')
  await linking.arrived
  await signOut(second)
  linking.release()
  await adopting
  await expectTitles(third.page, ...ALL)
  await second.page.reload()
  expect(await second.waitForState({ phase: 'ready' })).toMatchObject({ authMode: 'anonymous', session: null })
  await expect(second.page.getByTestId('note-item')).toHaveCount(0)

  await signIn(second, ada)
  expect(await principalsOf(second)).toEqual([account, here, there])
  await expectTitles(second.page, ...ALL)
  await rename(second, 'On the third device', 'Found again')
  await expectAfterReload(first, 'In the account', 'On the second device', 'Found again')
})

test('a question that is answered in two tabs at once, in two ways, is answered once', async ({ openNotes }) => {
  const { second, account, here } = await conflicted(openNotes)
  const other = await second.newTab('/')
  await second.waitForState({ phase: 'conflict' }, { page: other })
  await expect(dialogOf(other)).toBeVisible()
  const linking = await hold(second, '**/api/auth/latchkey/link')
  const adopting = decide(second, 'adopt')
  await linking.arrived
  await other.getByTestId('conflict-switch').click()
  await expect(dialogOf(other)).toHaveAttribute('data-busy', '')
  linking.release()
  await adopting
  await second.waitForState({ phase: 'ready', authMode: 'external' }, { page: other })
  await expect(dialogOf(other)).toBeHidden()
  await expect(other.getByTestId('announcement')).toContainText('decided in another tab')
  for (const page of [second.page, other]) {
    expect((await second.state({ page })).session?.principals).toEqual([account, here])
    await expectTitles(page, 'In the account', 'On the second device')
  }
})
