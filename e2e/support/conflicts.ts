import type { Page } from '@playwright/test'
import type { Device } from 'latchkey/playwright'
import { type Person, enter, expect, expectSynced, newPerson, signUp, writeNote } from './notes.ts'

type OpenNotes = () => Promise<Device>

/** Ada's account with a note, and a second device of hers that has one of its own. */
export async function twoDevices(
  openNotes: OpenNotes,
): Promise<{ ada: Person; first: Device; second: Device; here: string; account: string }> {
  const ada = newPerson()
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
  await ask(given.second, given.ada)
  return given
}

/** A third device of Ada's, with a note of its own. */
export async function thirdDevice(openNotes: OpenNotes): Promise<Device> {
  const third = await openNotes()
  await writeNote(third.page, 'On the third device')
  await expectSynced(third.page)
  return third
}

/** Three devices, with the question asked on the second and on the third at once. */
export async function bothConflicted(
  openNotes: OpenNotes,
): Promise<Awaited<ReturnType<typeof twoDevices>> & { third: Device; there: string }> {
  const given = await conflicted(openNotes)
  const third = await thirdDevice(openNotes)
  await ask(third, given.ada)
  return { ...given, third, there: (await third.principal())! }
}

/** Signs in to an account that is another one than this device's. */
export async function ask(device: Device, person: Person): Promise<void> {
  await enter(device.page, 'sign-in', person)
  await device.waitForState({ phase: 'conflict' })
  await expect(dialogOf(device.page)).toBeVisible()
}

/** Takes the last adoption back, on any device of the account. */
export async function undo({ page }: Device): Promise<void> {
  await page.getByTestId('account-menu').click()
  await page.getByTestId('adopted').getByRole('button', { name: 'Undo' }).click()
  await page.getByTestId('undo-anyway').click()
}

/** Goes on as the identity that was put aside here. */
export async function openKeptAside(device: Device): Promise<void> {
  await device.page.getByTestId('account-menu').click()
  await device.page.getByTestId('kept-aside').getByRole('button', { name: 'open' }).click()
  await device.page.getByTestId('open-aside-anyway').click()
  await device.waitForState({ authMode: 'local-first' })
}

export const dialogOf = (page: Page) => page.getByTestId('conflict-dialog')

export async function decide(
  device: Device,
  choice: 'adopt' | 'switch' | 'cancel',
  page: Page = device.page,
): Promise<void> {
  await page.getByTestId(`conflict-${choice}`).click()
  await device.waitForState({ phase: 'ready' }, { page })
  await expect(dialogOf(page)).toBeHidden()
}

/** Of both, the latest change first. */
export const adoptedNotes = ['On the second device', 'In the account']
