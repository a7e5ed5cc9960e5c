import { createHash, generateKeyPairSync } from 'node:crypto'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LaunchOptions, Page } from '@playwright/test'
import { createTokenVerifier } from 'latchkey/server'
import { AUDIENCE, type Who } from '../harness/extension/who.ts'
import { type KeptBrowser, launchKept } from '../support/kept-browser.ts'
import { test as base, expect } from '../support/servers.ts'
import { buildExtension } from '../tools/servers/extension.mjs'

const publicKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'der' })

/** https://developer.chrome.com/docs/extensions/reference/manifest/key: 128 bits of a hash, in the letters a to p. */
const ID = [...createHash('sha256').update(publicKey).digest('hex').slice(0, 32)]
  .map((digit) => 'abcdefghijklmnop'[Number.parseInt(digit, 16)])
  .join('')

/** The part of Chromium that has no windows has no extensions either. */
const WHOLE_BROWSER: LaunchOptions = process.env['LATCHKEY_CHROMIUM']
  ? { executablePath: process.env['LATCHKEY_CHROMIUM'] }
  : {}

interface Fixtures {
  /** A folder with the extension in it, and room for others. */
  readonly place: string
  /** Starts a browser with the extension in that folder; the next one finds what the one before stored. */
  readonly launch: (folder: string) => Promise<KeptBrowser>
}

const test = base.extend<Fixtures>({
  // oxlint-disable-next-line no-empty-pattern -- Playwright reads the names of the fixtures from it
  place: async ({}, use) => {
    const place = mkdtempSync(join(tmpdir(), 'latchkey-extension-'))
    await buildExtension(join(place, 'extension'), publicKey.toString('base64'))
    await use(place)
    rmSync(place, { recursive: true, maxRetries: 5 })
  },
  launch: async ({ launchOptions, place }, use) => {
    const started: KeptBrowser[] = []
    await use(async (folder) => {
      const args = [
        ...(launchOptions.args ?? []),
        `--disable-extensions-except=${folder}`,
        `--load-extension=${folder}`,
      ]
      const browser = await launchKept(join(place, 'profile'), { ...launchOptions, ...WHOLE_BROWSER, args })
      started.push(browser)
      return browser
    })
    for (const browser of started) await browser.close()
  },
})

async function openPopup({ page }: KeptBrowser): Promise<Page> {
  await page.goto(`chrome-extension://${ID}/popup.html`)
  await page.waitForFunction(() => 'popup' in globalThis)
  return page
}

async function expectSigned({ principal, token }: Who): Promise<void> {
  const verified = await createTokenVerifier({ audience: AUDIENCE }).verify(token!)
  expect(verified.principal).toBe(principal)
}

test('the service worker and the popup of an extension have one identity, over restarts and a move of its folder (checklist 33: in a web extension)', async ({
  launch,
  place,
}) => {
  const browser = await launch(join(place, 'extension'))
  const page = await openPopup(browser)
  // At a first start both create one: the store decides.
  const [inPopup, inWorker] = await page.evaluate(async () => Promise.all([popup.who(), popup.ask()]))
  expect(inWorker.principal).toBe(inPopup.principal)
  await expectSigned(inPopup)
  await expectSigned(inWorker)

  await test.step('its origin is no audience', async () => {
    expect(await page.evaluate(() => popup.untold())).toBe('TypeError: audience: required')
  })

  await test.step('a service worker that the browser has stopped starts again', async () => {
    const session = await browser.context.newCDPSession(page)
    await session.send('ServiceWorker.enable')
    await session.send('ServiceWorker.stopAllWorkers')
    const again = await page.evaluate(() => popup.ask())
    expect(again.start).not.toBe(inWorker.start)
    expect(again.principal).toBe(inPopup.principal)
    await expectSigned(again)
  })

  await test.step('the id comes from the key, so another folder has the same identity', async () => {
    await browser.close()
    cpSync(join(place, 'extension'), join(place, 'moved'), { recursive: true })
    const moved = await openPopup(await launch(join(place, 'moved')))
    expect((await moved.evaluate(() => popup.ask())).principal).toBe(inPopup.principal)
  })
})
