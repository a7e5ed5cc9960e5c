import { readFileSync } from 'node:fs'
import { createSessionResolver, createOutcomeCounter } from 'latchkey/server'
import { testDevice } from 'latchkey/testing'
import { expect, test } from 'vitest'
import { toPrometheus } from './operations/metrics.ts'

const AUDIENCE = 'https://notes.example'

test('the docs show the very file that is run here', () => {
  const [, shown] = /^```ts\n\/\/ metrics\.ts\n([\s\S]*?)^```$/m.exec(
    readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8'),
  )!
  expect(shown).toBe(readFileSync(new URL('operations/metrics.ts', import.meta.url), 'utf8'))
})

test('outcomes become what Prometheus reads', async () => {
  const { count, counts } = createOutcomeCounter()
  expect(toPrometheus(counts()).match(/^# TYPE \w+ counter$/gm)).toHaveLength(2)
  const resolver = createSessionResolver({
    localFirst: { audience: AUDIENCE, afterUpgrade: 'allow' },
    onOutcome: count,
  })
  const device = await testDevice()
  const tokens = [
    await device.token({ audience: AUDIENCE }),
    await device.token({ audience: AUDIENCE }),
    await device.token({ audience: 'https://other.example' }),
  ]
  for (const authorization of [...tokens.map((token) => `Bearer ${token}`), 'Bearer x', undefined])
    await resolver.resolve({ authorization })
  const text = toPrometheus(counts())
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  expect(samples.toSorted()).toEqual([
    'latchkey_accepted_total{source="local-first"} 2',
    'latchkey_accepted_total{source="none"} 1',
    'latchkey_refused_total{reason="TOKEN_AUDIENCE_MISMATCH"} 1',
    'latchkey_refused_total{reason="TOKEN_MALFORMED"} 1',
  ])
  // The grammar of a line: a name, labels, a number; the last line ends too.
  for (const sample of samples) expect(sample).toMatch(/^[a-z_]+\{[a-z]+="[\w-]+"\} \d+$/)
  expect(text.endsWith('\n')).toBe(true)
  expect(text).not.toContain(device.principal)
})
