import { expect } from 'vitest'
import type { Page } from './browser.ts'
import { test } from './fixture.ts'

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
  test(`an identity survives ${what} of the browser`, async ({ start, freshOrigin, report }) => {
    const origin = await freshOrigin()
    const principals = new Set<string | undefined>()
    const rounds = 5
    for (let round = 0; round < rounds; round++) {
      const browser = await start()
      principals.add(await principalOf(await browser.newPage(origin)))
      await browser[leave]()
    }
    report({ starts: rounds, identities: principals.size })
    expect([...principals]).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/)])
  })
}

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
  const keys = await page.evaluate(() => harness.keepKeys().then(() => 'stored', (error: Error) => error.name))
  await browser.close()
  const later = await (await start('private')).newPage(origin)
  expect(await principalOf(later)).not.toBe(principal)
  report({ keys })
})
