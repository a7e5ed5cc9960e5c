import { expect } from 'vitest'
import { test } from './fixture.ts'

for (const store of ['indexedDbStore', 'memoryStore'] as const) {
  test(`${store} passes the acceptance suite`, async ({ start, freshOrigin, report }) => {
    const page = await (await start()).newPage(await freshOrigin())
    const outcomes = await page.evaluate((kind) => harness.acceptStore(kind), store)
    report({ cases: outcomes.length })
    expect(outcomes.length).toBeGreaterThan(5)
    expect(outcomes.filter(({ error }) => error !== null)).toEqual([])
  })
}

test('a database deleted from another tab blocks nobody', async ({ start, freshOrigin, report }) => {
  const [browser, origin] = [await start(), await freshOrigin()]
  const [first, second] = [await browser.newPage(origin), await browser.newPage(origin)]
  expect(await first.evaluate(() => harness.startAuth())).toMatchObject({ authMode: 'local-first' })
  expect(await second.evaluate(() => harness.deleteDatabase())).toBe('deleted')
  const left = [await first.evaluate(() => harness.readRecord()), await second.evaluate(() => harness.readRecord())]
  expect(left).toEqual([{ identities: 0 }, { identities: 0 }])
  const again = await second.evaluate(() => harness.startAuth())
  expect(again.phase).toBe('ready')
  report({ state: again.storage.problem ?? again.authMode })
})

test('a persist() that is not answered does not hold auth.ready', async ({ start, freshOrigin, report }) => {
  const page = await (await start()).newPage(await freshOrigin())
  const { authMode, persist } = await page.evaluate(() => harness.startWhileAsking())
  report({ 'persist()': persist })
  expect(authMode).toBe('local-first')
})

for (const [where, { storage, path }] of Object.entries({
  'a page without an origin': { storage: 'kept', path: '/opaque' },
  'a browser that denies storage': { storage: 'off', path: '/' },
} as const)) {
  test(`${where} is ready, with a problem and no identity`, async ({ start, freshOrigin, report }) => {
    const page = await (await start(storage)).newPage(`${await freshOrigin()}${path}`)
    const { session, storage: found } = await page.evaluate(() => harness.startAuth())
    report({ problem: found.problem ?? 'none', thrown: await page.evaluate(() => harness.tryDatabase()) })
    expect(session).toBeNull()
    expect(found.problem).toMatch(/^KEYSTORE_/)
  })
}
