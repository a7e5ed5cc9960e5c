import { createTokenVerifier } from 'latchkey/server'
import { nobleSuite, testDevice } from 'latchkey/testing'
import { expect } from 'vitest'
import type { Page } from './browser.ts'
import { isRecent, test } from './fixture.ts'

/** Only WebCrypto has keys that cannot be copied. */
const PROTECTION = isRecent ? ('hardened' as const) : ('extractable' as const)

const OPTIONS = { harden: 'always', initialMode: 'anonymous' } as const

/** Every engine takes its key. */
const COMMON = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'

/** The first two give a seed that begins with a zero byte, which WebKitGTK refuses; the others such a public key. */
const AWKWARD = [
  'JgR323z1sqTO_GuoJ9xoO77BJ2QSjm7kLzIHZ26Ly0I',
  'Adi111xg3PpfDscMQ6qza5NbaaV0-Fkud5B7DS2OQl8',
  '9X6mIXpDEgY5NQUEIiqJcjqu6-9L6Ismy5elusMpaqg',
  'xrg3s0-5JfHDPK7ppYjUQMOux5tKsYIQ_9aR0gG8wgM',
]

/** The principal that the page is, and the one whose token a server took. */
async function whoSigns(page: Page, origin: string): Promise<(string | undefined)[]> {
  const { session } = await page.evaluate((options) => harness.startAuth(options), OPTIONS)
  const token = await page.evaluate(() => harness.signToken())
  const { principal } = await createTokenVerifier({ audience: origin }).verify(token!)
  return [session?.principal, principal]
}

test('a hardened identity signs on after a reload and a restart', async ({ start, freshOrigin, report }) => {
  const [browser, origin] = [await start(), await freshOrigin()]
  const { principal } = await testDevice(COMMON, nobleSuite)
  const page = await browser.newPage(origin)
  await page.evaluate((options) => harness.startAuth(options), OPTIONS)
  expect(await page.evaluate((secret) => harness.importSecret(secret), COMMON)).toBe(principal)
  await page.evaluate((protection) => harness.waitForProtection(protection), PROTECTION)
  await page.visit(origin)
  expect(await whoSigns(page, origin)).toEqual([principal, principal])
  await browser.close()
  const later = await (await start()).newPage(origin)
  expect(await whoSigns(later, origin)).toEqual([principal, principal])
  const { storage } = await later.evaluate(() => harness.startAuth())
  report({ protection: storage.protection })
  expect(storage.protection).toBe(PROTECTION)
})

test('a key that the engine refuses stays a key: the same principal, reloads included', async ({
  start,
  freshOrigin,
  report,
}) => {
  const browser = await start()
  const kept: string[] = []
  for (const secret of AWKWARD) {
    const origin = await freshOrigin()
    const { principal } = await testDevice(secret, nobleSuite)
    const page = await browser.newPage(origin)
    await page.evaluate((options) => harness.startAuth(options), OPTIONS)
    expect(await page.evaluate((given) => harness.importSecret(given), secret)).toBe(principal)
    expect(await whoSigns(page, origin)).toEqual([principal, principal])
    await page.visit(origin)
    expect(await whoSigns(page, origin)).toEqual([principal, principal])
    kept.push((await page.evaluate((given) => harness.chooseSuite(given), secret)).suite)
  }
  report({
    native: kept.filter((suite) => suite === 'native').length,
    noble: kept.filter((suite) => suite === 'noble').length,
  })
})
