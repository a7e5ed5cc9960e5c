import { expect } from 'vitest'
import { isRecent, test } from './fixture.ts'

for (const store of ['indexedDbStore', 'memoryStore'] as const) {
  test(`${store} passes the acceptance suite`, async ({ start, freshOrigin, report }) => {
    const page = await (await start()).newPage(await freshOrigin())
    const outcomes = await page.evaluate((kind) => harness.acceptStore(kind), store)
    report({ cases: outcomes.length })
    expect(outcomes.length).toBeGreaterThan(5)
    expect(outcomes.filter(({ error }) => error !== null)).toEqual([])
  })
}

test('a database deleted from another tab blocks no tab, and the identity comes back', async ({
  start,
  freshOrigin,
  report,
}) => {
  const [browser, origin] = [await start(), await freshOrigin()]
  const [first, second] = [await browser.newPage(origin), await browser.newPage(origin)]
  const before = await first.evaluate(() => harness.startAuth())
  expect(await second.evaluate(() => harness.deleteDatabase())).toBe('deleted')
  const left = [
    await first.evaluate(() => harness.countIdentities()),
    await second.evaluate(() => harness.countIdentities()),
  ]
  const seen = await second.evaluate(() => harness.startAuth())
  const again = await first.evaluate(() => harness.ensureIdentity())
  report({
    left: left.join(' and '),
    seen: seen.storage.problem ?? 'nothing',
    again: again === before.session?.principal ? 'same' : 'different',
  })
  expect(before.session?.principal).toBeDefined()
  expect(left).toEqual([0, 0])
  expect(seen).toMatchObject({ phase: 'ready', session: null, storage: { problem: 'KEYSTORE_VANISHED' } })
  expect(again).toBe(before.session?.principal)
})

test('a persist() that is not answered does not hold auth.ready', async ({ start, freshOrigin, report }) => {
  const page = await (await start()).newPage(await freshOrigin())
  const { authMode, storage, persist } = await page.evaluate(() => harness.startWhileAsking())
  report({ 'persist()': persist, durability: storage.durability })
  expect(authMode).toBe('local-first')
})

const denials = {
  'a page without an origin': { storage: 'kept', path: '/opaque', problems: ['KEYSTORE_OPAQUE'] },
  // WebKitGTK has no such setting: there IndexedDB and locks are missing altogether, as in Lockdown Mode.
  'a browser that denies storage': {
    storage: 'off',
    path: '/',
    problems: ['KEYSTORE_BLOCKED', 'KEYSTORE_UNAVAILABLE'],
  },
} as const

for (const [where, { storage, path, problems }] of Object.entries(denials)) {
  if (storage === 'off' && !isRecent) continue
  test(`${where} is ready, with a problem and no identity`, async ({ start, freshOrigin, report }) => {
    const page = await (await start(storage)).newPage(`${await freshOrigin()}${path}`)
    const state = await page.evaluate(() => harness.startAuth())
    const asked = await page.evaluate(() => harness.ensureIdentity())
    const [thrown, hasLocks] = await page.evaluate(
      async () => [await harness.tryDatabase(), 'locks' in navigator] as const,
    )
    report({ thrown, locks: hasLocks ? 'there' : 'missing', problem: state.storage.problem ?? 'none' })
    expect(state).toMatchObject({ phase: 'ready', session: null })
    expect(problems).toContain(state.storage.problem)
    expect(asked).toBe(state.storage.problem)
  })
}
