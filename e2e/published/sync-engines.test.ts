import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { ENGINES } from '../engines/engines.mjs'
import { type Results, tableOf } from '../engines/table.mjs'

// `npm run test:sync-engines` compiles and runs the fixtures with the real engines.
const read = (path: string): string => readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8')
const results = JSON.parse(read('../engines/results.json')) as Results

const namesIn = (folder: string): string[] =>
  readdirSync(fileURLToPath(new URL(folder, import.meta.url))).map((name) => name.replace(/\.ts$/, ''))

test.each([
  ['engines', 'fixtures', ['tanstack-db', 'rxdb']],
  ['zero', 'fixtures', ['zero']],
  ['engines', 'recipes', namesIn('../engines/recipes')],
] as const)('docs/%s.md shows the very files of %s', (page, folder, names) => {
  const text = read(`../../docs/${page}.md`)
  for (const name of names)
    expect(text).toContain(`\`\`\`typescript\n// ${name}.ts\n${read(`../engines/${folder}/${name}.ts`)}\`\`\``)
})

test('no other code for an engine is on the page than what is compiled with its types', () => {
  const shown = [...read('../../docs/engines.md').matchAll(/^```(\w+)\n(?:\/\/ (\S+)\.ts\n)?/gm)]
  const names = [...namesIn('../engines/recipes'), 'tanstack-db', 'rxdb']
  expect(shown.flatMap(([, language, name]) => (language === 'sql' ? [] : [name])).sort()).toEqual(names.sort())
})

test('docs/triplit.md shows the roles and permissions that are run', () => {
  expect(read('../../docs/triplit.md')).toContain(`\`\`\`ts\n${read('../engines/fixtures/triplit.ts')}\`\`\``)
})

test('the page of engines shows the last run', async () => {
  const page = read('../../docs/engines.md')
  const shown = page.replace(/^\| line [\s\S]*?(?=\n\n)/m, () => tableOf(results))
  await expect(shown).toMatchFileSnapshot('../../docs/engines.md')
})

test('the page gives the reason of each line that does not apply to an engine', () => {
  const page = read('../../docs/engines.md')
  const reasons = Object.values(results).flatMap((findings) => findings.flatMap((found) => found.notApplicable ?? []))
  for (const reason of reasons) expect(page).toContain(reason)
})

test('the results are those of engines that exist, and no line of them failed (checklist 35: offline writes, upgrade, adoption with re-owned rows, sign-out, next person, in the last run)', () => {
  const ids = new Set(ENGINES.map(({ id }) => id))
  expect(Object.keys(results).filter((id) => !ids.has(id))).toEqual([])
  expect(Object.values(results).flatMap((findings) => findings.filter(({ ok }) => !ok))).toEqual([])
})
