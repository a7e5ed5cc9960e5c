import type { Page } from '@playwright/test'
import decodeQR from 'qr/decode.js'
import { expect, expectNotes, expectSynced, test, writeNote } from '../support/notes.ts'

async function backUp(page: Page): Promise<string[]> {
  await page.getByTestId('account-menu').click()
  await page.getByTestId('open-backup').click()
  const list = page.getByTestId('backup-sheet').locator('li')
  await expect(list).toHaveCount(24)
  const words = await list.allTextContents()
  await page.getByTestId('backup-written').click()
  const step = page.getByTestId('backup-test')
  for (const field of await step.locator('label').all()) {
    const place = Number(/\d+/.exec((await field.locator('span').textContent())!)![0])
    await field.locator('input').fill(words[place - 1]!)
  }
  await page.getByTestId('backup-check').click()
  await expect(page.getByTestId('backup-dialog')).toBeHidden()
  return words
}

/** The text of the code as a camera would read it. */
async function scan(page: Page): Promise<string> {
  const picture = await page.getByTestId('pairing-qr').screenshot()
  const { width, height, pixels } = await page.evaluate(
    async (bytes) => {
      const image = await createImageBitmap(new Blob([new Uint8Array(bytes)], { type: 'image/png' }))
      const context = new OffscreenCanvas(image.width, image.height).getContext('2d')!
      context.drawImage(image, 0, 0)
      const { width, height, data } = context.getImageData(0, 0, image.width, image.height)
      return { width, height, pixels: [...data] }
    },
    [...picture],
  )
  return decodeQR({ width, height, data: Uint8Array.from(pixels) })
}

test('24 words bring the identity and its notes to a device that has none of its own', async ({ openNotes }) => {
  const first = await openNotes()
  await writeNote(first.page, 'On paper')
  await expectSynced(first.page)
  const words = await backUp(first.page)
  await expect(first.page.getByTestId('nudge')).toBeHidden()
  expect((await first.state()).storage).toMatchObject({ durability: 'recoverable', advice: 'none' })

  const second = await openNotes()
  const { page } = second
  await page.getByTestId('have-it-elsewhere').click()
  await page.getByTestId('restore-words').fill(words.join(' '))
  await page.getByTestId('restore-read').click()
  await expect(page.getByTestId('restore-preview')).toContainText('The server has its notes.')
  await page.getByTestId('restore-import').click()
  await expect(page.getByTestId('restore-dialog')).toBeHidden()
  expect(await second.principal()).toBe(await first.principal())
  await expectNotes(page, 'On paper')
})

test('a code on one device and four digits from the other one bring the notes over', async ({ openNotes }) => {
  const first = await openNotes()
  await writeNote(first.page, 'By camera')
  await expectSynced(first.page)
  await first.page.getByTestId('account-menu').click()
  await first.page.getByTestId('add-device').click()
  await first.page.getByTestId('pairing-qr').locator('svg').waitFor()
  const link = await scan(first.page)

  const second = await openNotes()
  const { page } = second
  const before = await second.principal()
  await page.goto(link)
  await page.reload()
  expect(await second.principal()).toBe(before)
  await page.goto(link)
  await page.getByTestId('pairing-join-now').click()
  expect(page.url()).not.toContain('latchkey-pair')
  await expect(page.getByTestId('pairing-check')).toHaveText(/^\d{4}$/)
  const digits = await page.getByTestId('pairing-check').textContent()
  await first.page.getByTestId('pairing-typed').fill(digits!)
  await first.page.getByTestId('pairing-approve').click()
  await page.getByTestId('pairing-accept').click()
  await expect(page.getByTestId('pairing-dialog')).toBeHidden()
  await expect(first.page.getByTestId('pairing-dialog')).toBeHidden()
  expect(await second.principal()).toBe(await first.principal())
  await expectNotes(page, 'By camera')
})
