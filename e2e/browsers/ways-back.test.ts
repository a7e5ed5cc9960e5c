import { expect } from 'vitest'
import type { Page } from './browser.ts'
import { isRecent, test } from './fixture.ts'

const SAME = { isSamePrincipal: true, isSameKey: true }

const WAYS = {
  'words, without an account': (page: Page) => page.evaluate(() => harness.bringBackByWords(false)),
  'words, with an account: the keys': (page: Page) => page.evaluate(() => harness.bringBackByWords(true)),
  'pairing, the old device shows the code': (page: Page) => page.evaluate(() => harness.bringBackByPairing('old')),
  'pairing, the new device shows the code': (page: Page) => page.evaluate(() => harness.bringBackByPairing('new')),
}

for (const [way, bringBack] of Object.entries(WAYS)) {
  // The server in the page verifies with WebCrypto.
  if (way.includes('with an account') && !isRecent) continue
  test(`an identity comes back by ${way}`, async ({ start, freshOrigin }) => {
    expect(await bringBack(await (await start()).newPage(await freshOrigin()))).toEqual(SAME)
  })
}
