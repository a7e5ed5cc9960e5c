// `npm run check:code`: lengths of functions and files, wide lines and import circles of lib and adapters, tests apart.
// Fails when there is a wide line, or a circle of value imports or of any imports.
// `node e2e/tools/measure/code.mjs ROOT` measures another tree.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = resolve(process.argv[2] ?? fileURLToPath(new URL('../../..', import.meta.url)))
const WIDTH = 120

/** @typedef {{ path: string, text: string, source: ts.SourceFile }} Module */
/** @typedef {Map<string, Set<string>>} Graph from a file to those that it imports */

/** @returns {Module[]} what ships */
function shippedModules() {
  const names = ['lib', 'adapters'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(root, folder, name)),
  )
  const paths = names.filter((name) => /\.tsx?$/.test(name) && !/\.(test|testing|d)\.tsx?$/.test(name))
  return paths.toSorted().map((path) => {
    const text = readFileSync(path, 'utf8')
    return { path, text, source: ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true) }
  })
}

/** @param {Module} module @returns {{ name: string, lines: number }[]} */
function functionsOf({ path, source }) {
  /** @type {{ name: string, lines: number }[]} */
  const found = []
  const lineOf = (/** @type {number} */ position) => source.getLineAndCharacterOfPosition(position).line
  const visit = (/** @type {ts.Node} */ node) => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body) {
      const start = lineOf(node.getStart())
      found.push({ name: `${relative(root, path)}:${start + 1}`, lines: lineOf(node.end) - start + 1 })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/** @param {ts.Statement} statement @returns {boolean} whether nothing of it is left at run time */
function isOnlyTypes(statement) {
  if (ts.isExportDeclaration(statement)) {
    const clause = statement.exportClause
    const named = clause && ts.isNamedExports(clause) ? clause.elements : []
    return statement.isTypeOnly || (named.length > 0 && named.every(({ isTypeOnly }) => isTypeOnly))
  }
  const clause = ts.isImportDeclaration(statement) ? statement.importClause : undefined
  if (!clause) return false
  if (clause.isTypeOnly) return true
  const named = clause.namedBindings && ts.isNamedImports(clause.namedBindings) ? clause.namedBindings.elements : []
  return !clause.name && named.length > 0 && named.every(({ isTypeOnly }) => isTypeOnly)
}

/** @param {Module[]} modules @param {boolean} withTypes @returns {Graph} static imports and re-exports */
function importsOf(modules, withTypes) {
  return new Map(
    modules.map(({ path, source }) => {
      const targets = source.statements.flatMap((statement) => {
        if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return []
        if (!withTypes && isOnlyTypes(statement)) return []
        const specifier = statement.moduleSpecifier
        if (!specifier || !ts.isStringLiteral(specifier) || !specifier.text.startsWith('.')) return []
        const target = resolve(dirname(path), specifier.text)
        return existsSync(target) ? [target] : []
      })
      return [path, new Set(targets)]
    }),
  )
}

/** @param {Graph} graph @returns {string[][]} the groups of files that reach each other (Tarjan) */
function circlesOf(graph) {
  /** @type {Map<string, { index: number, low: number, isOpen: boolean }>} */
  const marks = new Map()
  /** @type {string[]} */
  const stack = []
  /** @type {string[][]} */
  const circles = []
  const visit = (/** @type {string} */ path) => {
    const mark = { index: marks.size, low: marks.size, isOpen: true }
    marks.set(path, mark)
    stack.push(path)
    for (const next of graph.get(path) ?? []) {
      const known = marks.get(next)
      if (!known) mark.low = Math.min(mark.low, visit(next).low)
      else if (known.isOpen) mark.low = Math.min(mark.low, known.index)
    }
    if (mark.low === mark.index) {
      const group = stack.splice(stack.indexOf(path))
      for (const member of group) /** @type {{ isOpen: boolean }} */ (marks.get(member)).isOpen = false
      if (group.length > 1 || graph.get(path)?.has(path)) circles.push(group)
    }
    return mark
  }
  for (const path of graph.keys()) if (!marks.has(path)) visit(path)
  return circles
}

/** @param {number[]} values @returns {string} */
function spread(values) {
  const sorted = values.toSorted((left, right) => left - right)
  const at = (/** @type {number} */ share) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
  return `median ${at(0.5)}, p90 ${at(0.9)}, max ${at(1)}`
}

const modules = shippedModules()
const functions = modules.flatMap(functionsOf)
const lines = modules.flatMap(({ path, text }) =>
  text
    .trimEnd()
    .split('\n')
    .map((line, index) => ({ place: `${relative(root, path)}:${index + 1}`, width: line.length })),
)
const wide = lines.filter(({ width }) => width > WIDTH)
const longest = functions.toSorted((left, right) => right.lines - left.lines).slice(0, 3)
console.log(`${modules.length} files, ${lines.length} lines, ${functions.length} functions`)
console.log(`Lines of a function: ${spread(functions.map(({ lines: own }) => own))}`)
console.log(`  longest: ${longest.map(({ name, lines: own }) => `${name} (${own})`).join(', ')}`)
console.log(`Lines of a file: ${spread(modules.map(({ text }) => text.trimEnd().split('\n').length))}`)
console.log(`Lines over ${WIDTH} columns: ${wide.length} (${((100 * wide.length) / lines.length).toFixed(2)} %)`)
for (const { place, width } of wide) console.log(`  ${place} (${width})`)
if (wide.length > 0) process.exitCode = 1

for (const [kind, withTypes] of /** @type {const} */ ([
  ['value imports', false],
  ['all imports, types among them', true],
])) {
  const circles = circlesOf(importsOf(modules, withTypes))
  console.log(`Circles of ${kind}: ${circles.length}`)
  for (const circle of circles) console.log(`  ${circle.map((path) => relative(root, path)).join(', ')}`)
  if (circles.length > 0) process.exitCode = 1
}
