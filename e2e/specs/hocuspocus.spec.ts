import type { BrowserContext, Page } from '@playwright/test'
import type { DocumentPage } from '../harness/documents.ts'
import { enter, expect, principalOf, someEmail, start, test as base } from '../support/account.ts'
import { type HocuspocusServer, startHocuspocusServer } from '../support/hocuspocus-server.ts'

declare global {
  var documents: DocumentPage
}

const test = base.extend<{ readonly hocuspocus: HocuspocusServer }>({
  hocuspocus: async ({ server }, use) => {
    const hocuspocus = await startHocuspocusServer(server.url)
    await use(hocuspocus)
    await hocuspocus.close()
  },
})

/** Opens a tab with a document that is connected. */
async function openDocument(context: BrowserContext, origin: string, { url }: HocuspocusServer): Promise<Page> {
  const page = await context.newPage()
  await start(page, `${origin}/documents`)
  await page.evaluate((at) => documents.connect(at), url)
  await expect.poll(() => page.evaluate(() => documents.state().status)).toBe('connected')
  return page
}

const write = (page: Page, text: string): Promise<void> => page.evaluate((given) => documents.write(given), text)

/** Waits until all pages have all texts. */
async function expectTexts(pages: readonly Page[], texts: readonly string[]): Promise<void> {
  for (const page of pages)
    for (const text of texts) await expect.poll(() => page.evaluate(() => documents.text())).toContain(text)
}

test('two tabs and two devices of one person have one document, over an upgrade and an adoption (checklist 35: upgrade, second device, adoption)', async ({
  device,
  server,
  hocuspocus,
}) => {
  const { context } = await device()
  const tabs = [
    await openDocument(context, server.url, hocuspocus),
    await openDocument(context, server.url, hocuspocus),
  ]
  await write(tabs[0]!, 'first tab, ')
  await write(tabs[1]!, 'second tab, ')
  await expectTexts(tabs, ['first tab, ', 'second tab, '])

  const email = someEmail()
  expect(await enter(tabs[0]!, 'signUp', email)).toBe('upgraded')
  await write(tabs[1]!, 'after the upgrade, ')
  await expectTexts(tabs, ['after the upgrade, '])

  const other = await openDocument((await device()).context, server.url, hocuspocus)
  await write(other, 'other device, ')
  const alias = (await principalOf(other))!
  await expect.poll(() => hocuspocus.text(`notes:${alias}`)).toBe('other device, ')
  // The app tells nothing about the document.
  expect(await enter(other, 'signIn', email)).toBe('conflict')
  await other.evaluate(() => account.auth.resolveConflict('adopt'))
  expect(await principalOf(other)).toBe(await principalOf(tabs[0]!))
  await expectTexts([...tabs, other], ['first tab, ', 'second tab, ', 'after the upgrade, ', 'other device, '])

  await other.evaluate(() => account.auth.signOut({ force: true }))
  await write(other, 'after the sign-out, ')
  await write(tabs[0]!, 'the end, ')
  await expectTexts(tabs, ['the end, '])
  expect(await tabs[1]!.evaluate(() => documents.text())).not.toContain('after the sign-out')
})

test('what was written before there was a connection arrives, and the next person on the device sees nothing of it (checklist 35: offline writes, sign-out, next person)', async ({
  device,
  server,
  hocuspocus,
}) => {
  const page = await (await device()).context.newPage()
  await start(page, `${server.url}/documents`)
  await write(page, 'offline, ')
  await page.evaluate((at) => documents.connect(at), hocuspocus.url)
  const principal = (await principalOf(page))!
  await expect.poll(() => hocuspocus.text(`notes:${principal}`)).toBe('offline, ')

  await page.evaluate(() => account.auth.signOut({ force: true }))
  await page.evaluate(() => account.auth.ensureIdentity())
  const next = (await principalOf(page))!
  expect(next).not.toBe(principal)
  await expect.poll(() => page.evaluate(() => documents.state())).toEqual({ status: 'connected', principal: next })
  expect(await page.evaluate(() => documents.text())).toBe('')
  await write(page, 'of the next')
  await expect.poll(() => hocuspocus.text(`notes:${next}`)).toBe('of the next')
})
