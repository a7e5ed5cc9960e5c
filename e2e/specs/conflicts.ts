import type { Page } from '@playwright/test'
import type { Device } from 'latchkey/playwright'
import { type Person, enter, expect, expectSynced, signUp, somebody, writeNote } from './notes.ts'

type OpenNotes = () => Promise<Device>

/** Ada's account with a note, and a second device of hers that has one of its own. */
export async function twoDevices(openNotes: OpenNotes): Promise<{ ada: Person; first: Device; second: Device; here: string; account: string }> {
  const ada = somebody()
  const first = await openNotes()
  await writeNote(first.page, 'In the account')
  await signUp(first, ada)
  await expectSynced(first.page)
  const second = await openNotes()
  await writeNote(second.page, 'On the second device')
  await expectSynced(second.page)
  return { ada, first, second, here: (await second.principal())!, account: (await first.principal())! }
}

/** The same, with the question asked on the second device. */
export async function conflicted(openNotes: OpenNotes): ReturnType<typeof twoDevices> {
  const given = await twoDevices(openNotes)
  await enter(given.second.page, 'sign-in', given.ada)
  await given.second.waitForState({ phase: 'conflict' })
  await expect(dialogOf(given.second.page)).toBeVisible()
  return given
}

export const dialogOf = (page: Page) => page.getByTestId('conflict-dialog')

export async function decide(device: Device, choice: 'adopt' | 'switch' | 'cancel', page: Page = device.page): Promise<void> {
  await page.getByTestId(`conflict-${choice}`).click()
  await device.waitForState({ phase: 'ready' }, { page })
  await expect(dialogOf(page)).toBeHidden()
}

/** Of both, the latest change first. */
export const adoptedNotes = ['On the second device', 'In the account']
