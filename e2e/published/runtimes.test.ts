import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { Finding } from '../databases/acts.mjs'
import { bundle, readData } from '../runtimes/bundle.mjs'
import { RUNTIMES } from '../runtimes/runtimes.mjs'
import { type Results, tableOf } from '../runtimes/table.mjs'

const at = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const results = JSON.parse(readFileSync(at('../runtimes/results.json'), 'utf8')) as Results

test('the conformance suite passes in this Node, from one bundle that imports no module of a runtime', async () => {
  const { code, imports } = await bundle('core-process')
  expect(imports).toEqual([])
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-runtime-'))
  const file = join(folder, 'core.mjs')
  try {
    writeFileSync(file, code)
    const findings = JSON.parse((await promisify(execFile)(process.execPath, [file])).stdout) as Finding[]
    expect(findings.filter(({ ok }) => !ok)).toEqual([])
    const kept = results['node-20']!.core.map(({ name }) => name)
    expect(findings.map(({ name }) => name)).toEqual(
      readData().wycheproof ? kept : kept.filter((name) => name !== 'Wycheproof'),
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('the page of runtimes shows the last run of `npm run test:runtimes`', async () => {
  const page = readFileSync(at('../../docs/runtimes.md'), 'utf8')
  const shown = page.replace(/^\| runtime [\s\S]*?(?=\n\n)/m, () => tableOf(results))
  await expect(shown).toMatchFileSnapshot('../../docs/runtimes.md')
})

test('the results are those of every runtime, and each has run', () => {
  expect(Object.keys(results)).toEqual(RUNTIMES.map(({ id }) => id))
  for (const { core, plugin } of Object.values(results)) {
    expect(core.map(({ name }) => name)).toEqual(['vectors', 'Wycheproof', 'small-order keys', 'resolver'])
    expect([...core, ...plugin].filter(({ ok }) => !ok)).toEqual([])
  }
})
