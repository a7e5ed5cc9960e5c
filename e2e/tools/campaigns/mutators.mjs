// The small changes that the mutation tester makes to a module, each of which a test should notice.
import ts from 'typescript'

/**
 * @typedef {object} Mutant
 * @property {string} mutator - the kind of change
 * @property {number} start - the offset of what is replaced
 * @property {number} end
 * @property {string} replacement
 * @property {string} before - the replaced text
 * @property {string} line - the source line where it starts, trimmed
 * @property {number} lineNumber - from 1
 * @property {number} nth - among the same changes on the line, from 1
 * @property {number} owner - the offset of the innermost function, or -1 in a module's own statements
 */

const { SyntaxKind } = ts

/** @type {Readonly<Record<number, readonly string[]>>} */
const OPERATORS = {
  [SyntaxKind.EqualsEqualsEqualsToken]: ['!=='],
  [SyntaxKind.ExclamationEqualsEqualsToken]: ['==='],
  [SyntaxKind.LessThanToken]: ['<='],
  [SyntaxKind.LessThanEqualsToken]: ['<'],
  [SyntaxKind.GreaterThanToken]: ['>='],
  [SyntaxKind.GreaterThanEqualsToken]: ['>'],
  [SyntaxKind.AmpersandAmpersandToken]: ['||'],
  [SyntaxKind.BarBarToken]: ['&&'],
  [SyntaxKind.PlusToken]: ['-'],
  [SyntaxKind.MinusToken]: ['+'],
  [SyntaxKind.AsteriskToken]: ['/'],
  [SyntaxKind.SlashToken]: ['*'],
}

/**
 * Lists the mutants of a module. Types, imports, and the text of messages are left alone.
 *
 * @param {string} file - its name
 * @param {string} text
 * @returns {Mutant[]}
 */
export function mutantsOf(file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  /** @type {Mutant[]} */
  const mutants = []
  /** @param {ts.Node} node @param {number} owner */
  const visit = (node, owner) => {
    if (isLeftAlone(node)) return
    for (const { mutator, replacement, of = node } of node === source ? [] : changesOf(node)) {
      const start = of.getStart(source)
      const { line } = source.getLineAndCharacterOfPosition(start)
      const lines = source.getLineStarts()
      const before = text.slice(start, of.end)
      const place = { mutator, before, replacement, lineNumber: line + 1 }
      mutants.push({
        ...place,
        start,
        end: of.end,
        line: text.slice(lines[line], lines[line + 1]).trim(),
        nth: 1 + mutants.filter((other) => isSame(other, place)).length,
        owner,
      })
    }
    const inner = isFunction(node) ? node.getStart(source) : owner
    ts.forEachChild(node, (child) => visit(child, inner))
  }
  visit(source, -1)
  return mutants
}

/**
 * Makes a module tell which of its functions run: `latchkeyReached` is called with the offset of each, -1 for the
 * module.
 *
 * @param {string} file - as the probes name it
 * @param {string} text
 */
export function withProbes(file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  /** @type {{ at: number, text: string }[]} */
  const inserted = []
  /** @param {number} owner */
  const probe = (owner) => `globalThis.latchkeyReached?.(${JSON.stringify(`${file}:${owner}`)})`
  /** @param {ts.Node} node */
  const visit = (node) => {
    if (isFunction(node) && node.body) {
      const call = probe(node.getStart(source))
      if (ts.isBlock(node.body)) inserted.push({ at: node.body.getStart(source) + 1, text: ` ${call};` })
      else inserted.push({ at: node.body.getStart(source), text: `(${call}, ` }, { at: node.body.end, text: ')' })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  // At the end: imports come first, and what fails before is not reached.
  let result = text
  for (const { at, text: added } of inserted.toSorted((one, other) => other.at - one.at))
    result = result.slice(0, at) + added + result.slice(at)
  return `${result}\n;${probe(-1)}\n`
}

/** @param {Mutant} other @param {Pick<Mutant, 'mutator' | 'before' | 'replacement' | 'lineNumber'>} place */
function isSame(other, { mutator, before, replacement, lineNumber }) {
  return (
    other.lineNumber === lineNumber &&
    other.mutator === mutator &&
    other.before === before &&
    other.replacement === replacement
  )
}

/** @param {ts.Node} node @returns {node is ts.FunctionLikeDeclaration} */
function isFunction(node) {
  return ts.isFunctionLike(node) && 'body' in node
}

/** Types, imports and exports, and what an error or a log says: its code stands first. @param {ts.Node} node */
function isLeftAlone(node) {
  if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return true
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node) || ts.isModuleDeclaration(node)) return true
  const { parent } = node
  if (!parent) return false
  if (ts.isNewExpression(parent) && parent.arguments && parent.expression.getText().endsWith('Error')) {
    const at = parent.arguments.findIndex((argument) => argument === node)
    return at > 0 || (at === 0 && !/^'[A-Z_]+'$/.test(node.getText()))
  }
  return ts.isCallExpression(parent) && parent.expression.getText().startsWith('console.') && parent.expression !== node
}

/** @param {ts.Node} node @returns {{ mutator: string, replacement: string, of?: ts.Node }[]} */
function changesOf(node) {
  return [
    ...operatorChanges(node),
    ...conditionChanges(node),
    ...statementChanges(node),
    ...returnChanges(node),
    ...literalChanges(node),
    ...removals(node),
  ]
}

/** @param {ts.Node} node */
function operatorChanges(node) {
  if (ts.isPrefixUnaryExpression(node) && node.operator === SyntaxKind.ExclamationToken && !isReturned(node))
    return [{ mutator: 'negation', replacement: node.operand.getText() }]
  if (!ts.isBinaryExpression(node)) return []
  const { kind } = node.operatorToken
  const isText = kind === SyntaxKind.PlusToken && [node.left, node.right].some(isTextual)
  if (isText) return []
  return (OPERATORS[kind] ?? []).map((replacement) => ({ mutator: 'operator', replacement, of: node.operatorToken }))
}

/** @param {ts.Expression} node @returns {boolean} */
function isTextual(node) {
  return (
    ts.isStringLiteralLike(node) ||
    ts.isTemplateExpression(node) ||
    (ts.isBinaryExpression(node) && isTextual(node.left))
  )
}

/** @param {ts.Node} node */
function conditionChanges(node) {
  if (ts.isIfStatement(node)) return asConstants(node.expression)
  if (ts.isConditionalExpression(node)) return asConstants(node.condition)
  if (ts.isWhileStatement(node)) return [{ mutator: 'condition', replacement: 'false', of: node.expression }]
  return []
}

/** @param {ts.Expression} of */
function asConstants(of) {
  return ['true', 'false'].map((replacement) => ({ mutator: 'condition', replacement, of }))
}

/** @param {ts.Node} node */
function statementChanges(node) {
  const removed = [{ mutator: 'removed statement', replacement: ';' }]
  // A condition that is always false removes it already.
  const isWholeBranch =
    ts.isIfStatement(node.parent) && node.parent.thenStatement === node && !node.parent.elseStatement
  if (isWholeBranch) return []
  if (ts.isThrowStatement(node)) return removed
  if (!ts.isExpressionStatement(node)) return []
  const { expression } = node
  const call = ts.isAwaitExpression(expression) || ts.isVoidExpression(expression) ? expression.expression : expression
  if (ts.isCallExpression(call) && /^(console\.|super$)/.test(call.expression.getText())) return []
  const isAssignment = ts.isBinaryExpression(call) && ts.isAssignmentOperator(call.operatorToken.kind)
  return ts.isCallExpression(call) || ts.isDeleteExpression(call) || isAssignment ? removed : []
}

/** @param {ts.Node} node */
function returnChanges(node) {
  const isArrow = ts.isArrowFunction(node) && !ts.isBlock(node.body)
  const value = ts.isReturnStatement(node) ? node.expression : isArrow ? node.body : undefined
  if (!value || !ts.isExpression(value) || !isBoolean(value)) return []
  return [{ mutator: 'negated return', replacement: `!(${value.getText()})`, of: value }]
}

/** @param {ts.Node} node */
function isReturned(node) {
  return ts.isReturnStatement(node.parent) || (ts.isArrowFunction(node.parent) && node.parent.body === node)
}

const COMPARISONS = new Set([
  SyntaxKind.EqualsEqualsEqualsToken,
  SyntaxKind.ExclamationEqualsEqualsToken,
  SyntaxKind.LessThanToken,
  SyntaxKind.LessThanEqualsToken,
  SyntaxKind.GreaterThanToken,
  SyntaxKind.GreaterThanEqualsToken,
  SyntaxKind.InKeyword,
  SyntaxKind.InstanceOfKeyword,
])

/** By its form, or by the return type of the function. @param {ts.Expression} value @returns {boolean} */
function isBoolean(value) {
  if (ts.isParenthesizedExpression(value)) return isBoolean(value.expression)
  if (ts.isPrefixUnaryExpression(value)) return value.operator === SyntaxKind.ExclamationToken
  if (ts.isBinaryExpression(value)) {
    const { left, operatorToken, right } = value
    if (COMPARISONS.has(operatorToken.kind)) return true
    const isLogical = [SyntaxKind.AmpersandAmpersandToken, SyntaxKind.BarBarToken].includes(operatorToken.kind)
    return isLogical && isBoolean(left) && isBoolean(right)
  }
  if (value.kind === SyntaxKind.TrueKeyword || value.kind === SyntaxKind.FalseKeyword) return false
  const isCall = ts.isCallExpression(value) && ts.isPropertyAccessExpression(value.expression)
  return (
    isCall && /^(has|is[A-Z]\w*|every|some|includes|startsWith|endsWith|test|verify)$/.test(value.expression.name.text)
  )
}

/** @param {ts.Node} node */
function literalChanges(node) {
  if (node.kind === SyntaxKind.TrueKeyword) return [{ mutator: 'boolean', replacement: 'false' }]
  if (node.kind === SyntaxKind.FalseKeyword) return [{ mutator: 'boolean', replacement: 'true' }]
  const isName = 'name' in node.parent && node.parent.name === node
  if (ts.isNumericLiteral(node) && !isName) return [{ mutator: 'number', replacement: String(Number(node.text) + 1) }]
  if (ts.isStringLiteral(node) && node.text !== '' && !isName) return [{ mutator: 'string', replacement: "''" }]
  return []
}

/** @param {ts.Node} node */
function removals(node) {
  if (node.questionDotToken) {
    // Before a call or an element, the dot goes too.
    const replacement = ts.isPropertyAccessExpression(node) ? '.' : ''
    return [{ mutator: 'optional chaining', replacement, of: node.questionDotToken }]
  }
  if (ts.isArrayLiteralExpression(node) && !isAssigned(node)) return node.elements.map((of) => removed('element', of))
  if (ts.isObjectLiteralExpression(node) && isInWhere(node)) return node.properties.map((of) => removed('property', of))
  return []
}

/** In its place a hole would be an element too, so a spread of nothing. @param {string} what @param {ts.Node} of */
function removed(what, of) {
  return { mutator: `removed ${what}`, replacement: what === 'element' ? '...[]' : '...{}', of }
}

/** A pattern of assignment is written as a literal. @param {ts.Node} node */
function isAssigned(node) {
  return ts.isBinaryExpression(node.parent) && node.parent.left === node
}

/** @param {ts.Node} node @returns {boolean} */
function isInWhere(node) {
  for (let at = node.parent; at && !ts.isStatement(at); at = at.parent)
    if (ts.isPropertyAssignment(at) && at.name.getText() === 'where') return true
  return false
}
