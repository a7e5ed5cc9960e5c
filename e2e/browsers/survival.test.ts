import { expect } from 'vitest'
import type { Page } from './browser.ts'
import { isRecent, test } from './fixture.ts'

const ROUNDS = 5
const LEAVES = { 'a restart': 'close', 'a crash': 'kill' } as const

async function principalOf(page: Page): Promise<string | undefined> {
  const { session } = await page.evaluate(() => harness.startAuth())
  return session?.principal
}

test('an identity survives a reload', async ({ start, freshOrigin, report }) => {
  const origin = await freshOrigin()
  const page = await (await start()).newPage(origin)
  const principal = await principalOf(page)
  await page.visit(origin)
  const { session, storage } = await page.evaluate(() => harness.startAuth())
  report({ durability: storage.durability, protection: storage.protection })
  expect(principal).toBeDefined()
  expect(session?.principal).toBe(principal)
})

for (const [what, leave] of Object.entries(LEAVES)) {
  test(`an identity survives ${what} of the browser (checklist 5: stable across restarts)`, async ({
    start,
    freshOrigin,
    report,
  }) => {
    const made = new Map<string, string | undefined>()
    for (let round = 0; round < ROUNDS; round++) {
      const browser = await start()
      // A first visit each time: what is at stake is a record that was written a moment ago.
      const origin = await freshOrigin()
      made.set(origin, await principalOf(await browser.newPage(origin)))
      await browser[leave]()
    }
    const browser = await start()
    const found = new Map<string, string | undefined>()
    for (const origin of made.keys()) found.set(origin, await principalOf(await browser.newPage(origin)))
    report({ rounds: ROUNDS, identities: new Set([...made.values(), ...found.values()]).size })
    expect([...made.values()]).toEqual(Array.from({ length: ROUNDS }, () => expect.stringMatching(/^[0-9a-f-]{36}$/)))
    expect(found).toEqual(made)
  })
}

if (isRecent)
  test('keys that cannot be copied survive in IndexedDB and still work', async ({ start, freshOrigin, report }) => {
    const origin = await freshOrigin()
    const browser = await start()
    const page = await browser.newPage(origin)
    await page.evaluate(() => harness.keepKeys())
    await page.visit(origin)
    const afterReload = await page.evaluate(() => harness.useKeptKeys())
    await browser.close()
    const afterRestart = await (await (await start()).newPage(origin)).evaluate(() => harness.useKeptKeys())
    report({ reads: 2 })
    const sound = { isSignatureRight: true, isDerivationRight: true, isCopied: false }
    expect([afterReload, afterRestart]).toEqual([sound, sound])
  })

test('a private window keeps an identity until it is closed', async ({ start, freshOrigin, report }) => {
  const origin = await freshOrigin()
  const browser = await start('private')
  const page = await browser.newPage(origin)
  const principal = await principalOf(page)
  await page.visit(origin)
  expect(principal).toBeDefined()
  expect(await principalOf(page)).toBe(principal)
  const keys = await page.evaluate(() =>
    harness.keepKeys().then(
      () => 'stored',
      (error: Error) => error.name,
    ),
  )
  await browser.close()
  const later = await (await start('private')).newPage(origin)
  expect(await principalOf(later)).not.toBe(principal)
  report({ keys })
})
