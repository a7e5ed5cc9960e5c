import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import type { Finding } from '../databases/acts.mjs'
import { bundle, readData } from '../runtimes/bundle.mjs'
import { ENGINES } from '../runtimes/engines.mjs'
import { RUNTIMES } from '../runtimes/runtimes.mjs'
import { type Results, engineTableOf, tableOf } from '../runtimes/table.mjs'

const at = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const results = JSON.parse(readFileSync(at('../runtimes/results.json'), 'utf8')) as Results

/** Runs a program in this Node, and returns what it prints. */
async function runHere(code: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-runtime-'))
  try {
    const file = join(folder, 'program.mjs')
    writeFileSync(file, code)
    return (await promisify(execFile)(process.execPath, [file])).stdout
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

test('the conformance suite passes in this Node, from one bundle that imports no module of a runtime (checklist 33: in Node)', async () => {
  const { code, imports } = await bundle('core-process')
  expect(imports).toEqual([])
  const findings = JSON.parse(await runHere(code)) as Finding[]
  expect(findings.filter(({ ok }) => !ok)).toEqual([])
  const kept = results.runtimes['node-20']!.core.map(({ name }) => name)
  expect(findings.map(({ name }) => name)).toEqual(
    readData().wycheproof ? kept : kept.filter((name) => name !== 'Wycheproof'),
  )
})

test('the client of a native app runs in a context that has nothing but the language (checklist 33: in the engine of a native app)', async () => {
  const { code, imports } = await bundle('client-engine', { format: 'iife' })
  expect(imports).toEqual([])
  const printed = await new Promise<string>((print) =>
    runInNewContext(code, { print, setTimeout: (work: () => void) => setTimeout(work) }),
  )
  expect((JSON.parse(printed) as Finding[]).filter(({ ok }) => !ok)).toEqual([])
})

test('the plugin refuses a Better Auth that keeps the requests of all people in one variable, and nothing else does', async () => {
  // The condition for which Better Auth has its fallback; `workerd` or `node` beside it would choose the real one.
  const { code } = await bundle('plugin-shared', { conditions: ['browser'], external: ['node:*'] })
  const answers = JSON.parse(await runHere(code)) as unknown[]
  expect(answers).toEqual([
    ['/sign-up/email', 503, 'RUNTIME_UNSUITABLE'],
    ['/sign-up/email', 200, null],
    ['/latchkey/session', 503, 'RUNTIME_UNSUITABLE'],
    ['/token', 503, 'RUNTIME_UNSUITABLE'],
    ['/get-session', 200, null],
  ])
})

test('the page of runtimes shows the last run of `npm run test:runtimes`', async () => {
  const page = readFileSync(at('../../docs/runtimes.md'), 'utf8')
  const shown = page
    .replace(/^\| runtime [\s\S]*?(?=\n\n)/m, () => tableOf(results))
    .replace(/^\| engine [\s\S]*?(?=\n\n)/m, () => engineTableOf(results))
  await expect(shown).toMatchFileSnapshot('../../docs/runtimes.md')
})

test('the results are those of every runtime and engine, and each has run (checklist 33: the server on Node, Bun, Deno and Workers, in the last run)', () => {
  expect(Object.keys(results.runtimes)).toEqual(RUNTIMES.map(({ id }) => id))
  for (const { core, plugin } of Object.values(results.runtimes)) {
    expect(core.map(({ name }) => name)).toEqual(['vectors', 'Wycheproof', 'small-order keys', 'resolver'])
    expect([...core, ...plugin].filter(({ ok }) => !ok)).toEqual([])
  }
  expect(Object.keys(results.engines)).toEqual(ENGINES.map(({ id }) => id))
  for (const { client } of Object.values(results.engines))
    expect(client.map(({ name, ok }) => [name, ok])).toEqual([
      ['vectors', true],
      ['identity', true],
      ['account', true],
    ])
})
