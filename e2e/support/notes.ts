import { randomUUID } from 'node:crypto'
import type { Page } from '@playwright/test'
import type { Device, DeviceOptions } from 'latchkey/playwright'
import { test as base, expect } from './servers.ts'

/** A person's credentials. */
export interface Person {
  readonly email: string
  readonly password: string
}

/** `test` with the demo and devices that have it open. */
export const test = base.extend<{ openNotes: (options?: DeviceOptions) => Promise<Device> }>({
  baseURL: async ({ app }, use) => use(app.url),
  openNotes: async ({ device }, use) =>
    use(async (options) => {
      const made = await device({ extraHTTPHeaders: { 'x-forwarded-for': nextAddress() }, ...options })
      await made.page.goto('/')
      await made.waitForState({ phase: 'ready' })
      return made
    }),
})

export { expect }

let devices = 0

/** An address of its own for each device: the server limits the requests of an address, however fast the specs are. */
function nextAddress(): string {
  devices++
  return `10.0.${devices >> 8}.${devices & 255}`
}

/** A person whom the server does not know yet. */
export function newPerson(): Person {
  return { email: `${randomUUID()}@example.com`, password: 'correct horse battery' }
}

export async function writeNote(page: Page, title: string): Promise<void> {
  await page.getByTestId('new-note').click()
  await page.getByTestId('note-title').fill(title)
  await expect(page.getByTestId('note-item').filter({ hasText: title })).toBeVisible()
}

export async function expectNotes(page: Page, ...titles: string[]): Promise<void> {
  await expect(page.getByTestId('note-item').locator('.item-heading')).toHaveText(titles)
}

export async function expectSynced(page: Page): Promise<void> {
  await expect(page.getByTestId('sync-status')).toHaveAttribute('data-status', 'synced')
  await expect(page.getByTestId('unsynced')).toHaveAttribute('data-count', '0')
}

/** Fills in the dialog for an account and sends it. */
export async function enter(page: Page, intent: 'sign-up' | 'sign-in', { email, password }: Person): Promise<void> {
  await page.getByTestId('open-auth').click()
  const dialog = page.getByTestId('auth-dialog')
  if (intent === 'sign-up') await dialog.getByTestId('auth-switch').click()
  await expect(dialog).toHaveAttribute('data-intent', intent)
  await dialog.getByTestId('auth-email').fill(email)
  await dialog.getByTestId('auth-password').fill(password)
  await dialog.getByTestId('auth-submit').click()
}

export async function signUp(device: Device, person: Person, page: Page = device.page): Promise<void> {
  await enter(page, 'sign-up', person)
  await device.waitForState({ authMode: 'external', phase: 'ready' }, { page })
}

export async function signIn(device: Device, person: Person): Promise<void> {
  await enter(device.page, 'sign-in', person)
  await device.waitForState({ authMode: 'external', phase: 'ready' })
}

export async function signOut(device: Device): Promise<void> {
  await device.page.getByTestId('account-menu').click()
  await device.page.getByTestId('sign-out').click()
  await device.waitForState({ authMode: 'anonymous', phase: 'ready' })
}

/** Waits until the service worker can serve the app without a network. */
export async function readyForOffline(page: Page): Promise<void> {
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null)
}
