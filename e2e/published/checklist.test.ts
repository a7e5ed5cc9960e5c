import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { CHECKLIST, NOT_SHOWN } from './checklist.ts'

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

/** A test, or a group of tests, that says which line it shows, and in a few words what of it. */
interface Shown {
  readonly line: number
  readonly words: string
  readonly file: string
  readonly name: string
}

const MARK = / \(checklist (\d+): ([^()]+(?:\([^()]*\)[^()]*)*)\)/g
const lines = CHECKLIST.flatMap(({ lines: own }) => own)
const numbers = lines.map((_, index) => index + 1)
const shown = ['lib', 'adapters', 'e2e/browsers', 'e2e/published', 'e2e/specs', 'e2e/support']
  .flatMap(testsIn)
  .flatMap(shownBy)

function testsIn(folder: string): string[] {
  const files = readdirSync(`${root}/${folder}`, { recursive: true, encoding: 'utf8' }).map(
    (name) => `${folder}/${name}`,
  )
  return files.filter((file) => /\.(?:test|spec|testing)\.ts$|^e2e\/(?:specs|support)\/.*\.ts$/.test(file)).toSorted()
}

function shownBy(file: string): Shown[] {
  return namesIn(file).flatMap(({ name, groups }) => {
    const bare = [...groups, name].map((each) => each.replace(MARK, '')).join(' › ')
    if (bare.includes('checklist')) throw new Error(`${file}: ${name} is not written as (checklist 3: its words)`)
    return [...name.matchAll(MARK)].map(([, line, words]) => ({ line: Number(line), words: words!, file, name: bare }))
  })
}

interface Named {
  readonly name: string
  /** The names of the groups around it, the outermost first. */
  readonly groups: readonly string[]
}

/** Every text that is part of the name of a test or of a group, also in a table of cases. */
function namesIn(file: string): Named[] {
  const source = ts.createSourceFile(file, readFileSync(`${root}/${file}`, 'utf8'), ts.ScriptTarget.ESNext, true)
  const names: Named[] = []
  const visit = (node: ts.Node, isName: boolean, groups: readonly string[]): void => {
    if (isName && isText(node)) names.push({ name: textOf(node), groups })
    const call = ts.isCallExpression(node) && ['test', 'describe'].includes(rootOf(node)) ? node : undefined
    const title = call?.arguments[0]
    const inside = title && isText(title) ? [...groups, textOf(title)] : groups
    const isNamed = ts.isFunctionLike(node) ? false : isName || call !== undefined
    ts.forEachChild(node, (child) => visit(child, isNamed, ts.isFunctionLike(child) ? inside : groups))
  }
  visit(source, false, [])
  return names
}

function isText(node: ts.Node): node is ts.StringLiteralLike | ts.TemplateExpression {
  return ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)
}

function textOf(node: ts.StringLiteralLike | ts.TemplateExpression): string {
  return ts.isStringLiteralLike(node) ? node.text : node.getText().slice(1, -1)
}

/** `test` of `test.each(…)(…)`. */
function rootOf(node: ts.Node): string {
  if (ts.isCallExpression(node) || ts.isPropertyAccessExpression(node)) return rootOf(node.expression)
  return node.getText()
}

describe('what the module must be able to show', () => {
  test('has 36 lines, and none is numbered otherwise', () => {
    expect(numbers).toHaveLength(36)
    expect(shown.filter(({ line }) => !numbers.includes(line))).toEqual([])
  })

  test.each(numbers)('line %i is named by a test, or said not to be shown yet', (line) => {
    const isNamed = shown.some((each) => each.line === line)
    expect(isNamed, isNamed ? 'a test names it: take it out of NOT_SHOWN' : 'no test names it').toBe(
      !NOT_SHOWN.has(line),
    )
  })

  test('is the page that leads from each line to its tests', async () => {
    let line = 0
    const groups = CHECKLIST.flatMap(({ title, lines: own }) => [
      '',
      `## ${title}`,
      ...own.flatMap((words) => ['', `**${++line}.** ${words}`, '', ...testsOf(line)]),
    ])
    const page = [
      '# Required behaviours and their tests',
      '',
      'Each numbered line is a behaviour, followed by the tests that would fail without it. The tests quote the number in their names, as in `(checklist 3: …)`: `npx vitest run -t "checklist 3:"` runs them, and `npx playwright test -g "checklist 3:"` runs those in a browser.',
      ...groups,
      '',
    ]
    await expect(page.join('\n')).toMatchFileSnapshot('../../docs/checklist.md')
  })
})

function testsOf(line: number): string[] {
  const found = shown
    .filter((each) => each.line === line)
    .map(({ file, name, words }) => `- _${words}_ in \`${file}\`: ${name}`)
  return found.length > 0 ? found : [`- Not shown yet: ${NOT_SHOWN.get(line)}`]
}
