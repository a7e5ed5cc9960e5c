import { expect } from 'vitest'
import { test } from './fixture.ts'

const [ROUNDS, PAGES] = [20, 8]

test(`${PAGES} pages released at once make one identity`, async ({ start, freshOrigin, report }) => {
  const browser = await start()
  const identities: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    // A first visit each time: an origin that this browser has never seen.
    const origin = await freshOrigin()
    const pages = await Promise.all(Array.from({ length: PAGES }, () => browser.newPage(origin)))
    await pages[0]!.evaluate(() => harness.closeGate())
    await Promise.all(pages.map((page) => page.evaluate(() => harness.joinRace())))
    await pages[0]!.evaluate((count) => harness.startRace(count), PAGES)
    const principals = await Promise.all(pages.map((page) => page.evaluate(() => harness.finishRace())))
    const kept = await pages[0]!.evaluate(() => harness.countIdentities())
    expect(principals[0]).toMatch(/^[0-9a-f-]{36}$/)
    expect(kept).toBe(1)
    identities.push(new Set(principals).size)
    await Promise.all(pages.map((page) => page.close()))
  }
  report({ rounds: ROUNDS, pages: ROUNDS * PAGES, identities: identities.reduce((sum, count) => sum + count, 0) })
  expect(identities).toEqual(Array.from({ length: ROUNDS }, () => 1))
})
