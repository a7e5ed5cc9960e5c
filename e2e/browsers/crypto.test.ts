import { hkdfSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import type { Vector } from '../harness/vectors.ts'
import { isRecent, test } from './fixture.ts'

const { identities } = JSON.parse(
  readFileSync(new URL('../../lib/vectors/latchkey-v1.json', import.meta.url), 'utf8'),
) as { identities: Vector[] }

for (const suite of isRecent ? (['native', 'noble'] as const) : (['noble'] as const)) {
  test(`every vector gives the same bytes: ${suite}`, async ({ start, freshOrigin, report }) => {
    const page = await (await start()).newPage(await freshOrigin())
    for (const expected of identities) {
      expect(expected).toMatchObject(
        await page.evaluate(([vector, name]) => harness.reproduceVector(vector, name), [expected, suite] as const),
      )
    }
    report({ vectors: identities.length })
  })
}

test('the probe chooses, and the principal is the same', async ({ start, freshOrigin, report }) => {
  const page = await (await start()).newPage(await freshOrigin())
  const chosen = { native: 0, noble: 0 }
  for (const { secret, principal } of identities) {
    const made = await page.evaluate((given) => harness.chooseSuite(given), secret)
    expect(made.principal).toBe(principal)
    chosen[made.suite as keyof typeof chosen]++
  }
  report(chosen)
})

test('500 random secrets sign alike natively and in JavaScript', async ({ start, freshOrigin, report }) => {
  const page = await (await start()).newPage(await freshOrigin())
  const comparisons = await page.evaluate(() => harness.compareSuites(500))
  const [same, different, refused] = (['same', 'different', 'refused'] as const).map((kind) =>
    comparisons.filter(({ native }) => native === kind),
  )
  report({ same: same!.length, different: different!.length, refused: refused!.length })
  // The one kind of key that an engine is known to refuse.
  if (isRecent) expect(refused!.filter(({ secret }) => seedOf(secret)[0] !== 0)).toEqual([])
  else expect(refused).toHaveLength(500)
  expect(different).toEqual([])
  expect(comparisons.filter(({ isSame }) => !isSame)).toEqual([])
  expect(refused!.filter(({ chosen }) => chosen !== 'noble')).toEqual([])
  expect(comparisons).toHaveLength(500)
})

/** The Ed25519 seed of a secret. */
function seedOf(secret: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', Buffer.from(secret, 'base64url'), '', 'latchkey/v1/sign', 32))
}
