import fc from 'fast-check'
import { appendFileSync } from 'node:fs'
import { afterAll, beforeAll, test, vi } from 'vitest'
import { openSqlite } from '../../adapters/better-auth/testing/database.testing.ts'
import type { Act } from './act.ts'
import { textOf } from './act.ts'
import { anyAct, play } from './sequence.ts'
import { SETTINGS } from './settings.ts'
import { type ExploredServer, exploredServer } from './server.ts'

const RUNS = Number(process.env['HUNT'] ?? 200)
const SEED = Number(process.env['HUNT_SEED'] ?? 1)
const OUT = process.env['HUNT_OUT'] ?? '/tmp/scratch/explore/hunt.txt'
const START = Date.parse('2026-11-29T12:00:00Z')
beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'], now: START }))
afterAll(() => void vi.useRealTimers())

test('hunt', { timeout: 3_600_000 }, async () => {
  const servers: ExploredServer[] = []
  for (const setting of SETTINGS)
    servers.push(await exploredServer(openSqlite(), setting, (ms) => vi.setSystemTime(Date.now() + ms)))
  const stats = new Map<string, number>()
  const seen = new Map<string, number>()
  const run = async (s: number, acts: readonly Act[]): Promise<string | null> => {
    vi.setSystemTime(START)
    try { await play(servers[s]!, acts, stats); return null } catch (e) { return (e as Error).stack?.includes('BrokenSequence') ? (e as Error).message : `THROWN ${(e as Error).stack}` }
  }
  const sign = (m: string) => m.split('\n')[0]!.replace(/account \w+/g, 'account X').replace(/two accounts.*/, 'two accounts').replace(/\bis [\w-]{8}$/,'is X').replace(/[A-Za-z0-9]{32}/g, 'ID')
  const t = performance.now()
  let n = 0
  let failed = 0
  for (const [s, acts] of fc.sample(fc.tuple(fc.nat(SETTINGS.length - 1), fc.array(anyAct, { minLength: 4, maxLength: 24, size: 'max' })), { numRuns: RUNS, seed: SEED })) {
    n++
    let message = await run(s, acts)
    if (message === null) continue
    failed++
    if (process.env['HUNT_FIRST']) { console.warn(`FIRST ${n} ${Math.round((performance.now() - t) / 100) / 10} s: ${sign(message)} <= ${acts.length} acts`); return }
    const first = sign(message)
    seen.set(first, (seen.get(first) ?? 0) + 1)
    if (seen.get(first)! > 3) continue
    let small = acts
    for (let changed = true; changed;) {
      changed = false
      for (let at = small.length - 1; at >= 0; at--) {
        const less = small.filter((_, i) => i !== at)
        const m = await run(s, less)
        if (m !== null && sign(m) === first) { small = less; message = m; changed = true }
      }
    }
    appendFileSync(OUT, `\n=== #${n} setting ${s} ${JSON.stringify(small)}\n${small.map(textOf).join(' | ')}\n${message}\n`)
  }
  const report = `\n##### ${n} sequences, ${failed} broken, ${Math.round((performance.now() - t) / 1000)} s, seed ${SEED}\n${[...seen].map(([k, v]) => `${v} x ${k}`).join('\n')}\n`
  appendFileSync(OUT, report)
  if (process.env['HUNT_STATS']) appendFileSync(OUT, [...stats].sort().map(([k, v]) => `${v} ${k}`).join('\n'))
  if (process.env['HUNT_FIRST']) console.warn(`NONE in ${n}, ${Math.round((performance.now() - t) / 100) / 10} s`)
  console.warn(report)
})
