import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, inject, test } from 'vitest'
import { ENGINES } from '../databases/engines.mjs'
import { type Finding, type Results, tableOf } from '../databases/table.mjs'

const at = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const results = JSON.parse(readFileSync(at('../databases/results.json'), 'utf8')) as Results

/** Those whose driver this repository has. The others: `npm run test:databases`. */
const HERE = ['better-sqlite3', 'postgres', 'postgres-dialect', 'postgres-serializable']

/** Fewer than in the campaign. */
const ROUNDS = '3'

test.each(HERE)(
  'two servers of the built package meet on %s (checklist 33: the plugin on SQLite and Postgres)',
  async (engine) => {
    const { url } = (await (await fetch(inject('postgres'))).json()) as { url: string }
    const env = { ...process.env, LATCHKEY_POSTGRES: url }
    const run = promisify(execFile)(process.execPath, [at('../databases/run.mjs'), engine, ROUNDS], { env })
    const findings = JSON.parse((await run).stdout) as Finding[]
    expect(findings.filter(({ ok }) => !ok)).toEqual([])
    expect(findings.map(({ name }) => name)).toEqual(results[engine]!.checks.map(({ name }) => name))
  },
)

test('the page of databases shows the last run of the campaign (checklist 33: the plugin on the other databases that pass, in the last run)', async () => {
  const page = readFileSync(at('../../docs/databases.md'), 'utf8')
  const shown = page.replace(/^\| database [\s\S]*?(?=\n\n)/m, () => tableOf(results))
  await expect(shown).toMatchFileSnapshot('../../docs/databases.md')
})

test('the results are those of engines that exist', () => {
  const ids = new Set(ENGINES.map(({ id }) => id))
  expect(Object.keys(results).filter((id) => !ids.has(id))).toEqual([])
})
