// `node e2e/tools/measure/floor.mjs`: fails if code for browsers uses an API that the oldest supported browsers lack,
// or pages on insecure origins. The type checker names the interface of each member; MDN's compatibility data says
// since when it exists.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** The oldest supported versions. */
export const FLOOR = { chrome: '100', edge: '100', firefox: '102', safari: '16.4', safari_ios: '16.4' }

/**
 * What insecure origins lack and the code uses only where it exists, with the reason why this is safe: members or whole
 * interfaces.
 *
 * @type {Readonly<Record<string, string>>}
 */
const ONLY_IF_SECURE = {
  'Navigator.clipboard': 'the panel says that nothing was copied',
  'Clipboard.writeText': 'reached through `navigator.clipboard`',
  'NavigatorLocks.locks': 'asked for first: without it there are the locks of one page',
  LockManager: 'reached through `navigator.locks`',
  'Crypto.subtle': 'tried before use: without it @noble signs, and keys stay extractable',
  SubtleCrypto: 'reached through `Crypto.subtle`',
  'NavigatorStorage.storage': 'optional: without it storage counts as evictable',
  StorageManager: 'reached through `navigator.storage`',
  'Navigator.credentials': 'a failure of any kind there is `PASSKEY_UNAVAILABLE`',
  CredentialsContainer: 'reached through `navigator.credentials`',
  Credential: 'reached through `navigator.credentials`',
  PublicKeyCredential: 'reached through `navigator.credentials`',
  AuthenticatorAssertionResponse: 'reached through `navigator.credentials`',
}

/**
 * What old browsers lack and the code uses only where it exists, with the reason why this is safe.
 *
 * @type {Readonly<Record<string, string>>}
 */
const ONLY_IF_THERE = {
  'HTMLElement.popover': 'without it, the panel is not above the other content of a dialog',
  'HTMLElement.showPopover': 'an optional call, as `popover`',
  'IDBFactory.databases': 'asked only if it is a function: otherwise the storage of every alias is opened',
  'PublicKeyCredential.signalUnknownCredential': 'an optional call: without it, a passkey without a PRF stays',
}

const root = fileURLToPath(new URL('../../../', import.meta.url))
const bcd = JSON.parse(readFileSync(createRequire(import.meta.url).resolve('@mdn/browser-compat-data'), 'utf8'))

/** @param {string} added @param {string} floor */
function isNewer(added, floor) {
  const [one, other] = [added, floor].map((version) => version.replace('≤', '').split('.').map(Number))
  for (const place of [0, 1]) {
    const difference = (one[place] ?? 0) - (other[place] ?? 0)
    if (difference !== 0) return difference > 0
  }
  return false
}

/** @param {any} entry of the compatibility data @returns {string[]} browsers that lack it */
function lacking({ __compat: { support } }) {
  return Object.entries(FLOOR).flatMap(([browser, floor]) => {
    const statements = [support[browser] ?? []].flat()
    const isThere = statements.some(
      ({ version_added: added, version_removed: removed, flags, alternative_name: other, prefix }) =>
        typeof added === 'string' && !removed && !flags && !other && !prefix && !isNewer(added, floor),
    )
    return isThere ? [] : [`${browser} (since ${statements[0]?.version_added || 'never'})`]
  })
}

/** @param {ts.Declaration} declaration of a platform's member */
function isSecureOnly(declaration) {
  const comments = [declaration, declaration.parent].flatMap((node) => ts.getJSDocCommentsAndTags(node))
  return comments.some((comment) => comment.getText().includes('secure contexts'))
}

/** @param {string} owner @param {string} member @param {boolean} isStatic */
function entryOf(owner, member, isStatic) {
  const { api, javascript, webassembly } = bcd
  const plain = owner.replace(/^Readonly(Array|Map|Set)$/, '$1').replace(/(Constructor|EventMap)$/, '')
  const builtins = javascript.builtins
  const names = isStatic ? [`${member}_static`, member] : [member, `${member}_static`]
  for (const name of names) {
    const found =
      builtins[plain]?.[name] ??
      api[plain]?.[name] ??
      builtins.Intl?.[plain]?.[name] ??
      webassembly?.api?.[plain]?.[name]
    if (found?.__compat) return found
  }
  // Members of mixins are recorded where they are used.
  if (/Mixin|GlobalScope$|^Window|Handlers$|^Navigator|^Body$|NonElement|ParentNode|ChildNode/.test(owner))
    return (
      api[member] ?? api.Window?.[member] ?? api.Navigator?.[member] ?? api.Response?.[member] ?? api.Element?.[member]
    )
  return undefined
}

/** @param {ts.Declaration} declaration @returns {{ owner: string, isStatic: boolean } | undefined} */
function ownerOf({ parent }) {
  if (ts.isInterfaceDeclaration(parent))
    return { owner: parent.name.text, isStatic: parent.name.text.endsWith('Constructor') }
  if (ts.isTypeLiteralNode(parent) && ts.isVariableDeclaration(parent.parent))
    return { owner: /** @type {ts.Identifier} */ (parent.parent.name).text, isStatic: true }
  return undefined
}

/** @param {ts.SourceFile} file */
const isPlatform = (file) => /\/typescript\/lib\/lib\.[^/]+\.d\.ts$/.test(file.fileName)

/** @returns {{ program: ts.Program, files: ts.SourceFile[] }} */
function browserCode() {
  const path = `${root}tsconfig.browser.json`
  const { options, fileNames } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(path, ts.sys.readFile).config,
    ts.sys,
    root,
  )
  const program = ts.createProgram(fileNames, options)
  const files = program
    .getSourceFiles()
    .filter(({ fileName, isDeclarationFile }) => !isDeclarationFile && !fileName.includes('/node_modules/'))
  return { program, files }
}

/** @type {Set<string>} */
const excused = new Set()

/** @param {string} name of a member */
function isExcused(name) {
  const reason = [name, name.split('.')[0] ?? ''].find((each) => each in ONLY_IF_SECURE)
  if (reason !== undefined) excused.add(reason)
  return reason !== undefined
}

/** @typedef {{ name: string, where: string, lacking: string[] }} Use */

/** @returns {{ uses: Use[], checked: Set<string>, unknown: Set<string> }} */
function measure() {
  const { program, files } = browserCode()
  const checker = program.getTypeChecker()
  /** @type {Use[]} */
  const uses = []
  const checked = new Set()
  const unknown = new Set()
  /** @param {string} name @param {any} entry @param {ts.Node} node @param {ts.Declaration} [declaration] */
  const judge = (name, entry, node, declaration) => {
    if (!entry?.__compat) unknown.add(name)
    else checked.add(name)
    const insecure = declaration && isSecureOnly(declaration) && !isExcused(name) ? ['insecure origins'] : []
    const isOptional = name in ONLY_IF_THERE
    const missing = [...(entry?.__compat && !isOptional ? lacking(entry) : []), ...insecure]
    if (missing.length === 0) return
    const file = node.getSourceFile()
    const { line } = file.getLineAndCharacterOfPosition(node.getStart())
    uses.push({ name, where: `${file.fileName.slice(root.length)}:${line + 1}`, lacking: missing })
  }
  /** @param {ts.Node} node */
  const visit = (node) => {
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return
    if (ts.isIdentifier(node)) {
      const symbol = checker.getSymbolAtLocation(node)
      const declaration = symbol?.declarations?.find((each) => isPlatform(each.getSourceFile()))
      const owner = declaration && ownerOf(declaration)
      if (owner)
        judge(`${owner.owner}.${node.text}`, entryOf(owner.owner, node.text, owner.isStatic), node, declaration)
      else if (declaration && (ts.isVariableDeclaration(declaration) || ts.isFunctionDeclaration(declaration)))
        judge(node.text, bcd.javascript.builtins[node.text] ?? bcd.api[node.text] ?? bcd.api.Window[node.text], node)
    }
    if (ts.isRegularExpressionLiteral(node) && /\/[a-z]*v[a-z]*$/.test(node.text))
      judge('RegExp flag v', bcd.javascript.builtins.RegExp.unicodeSets, node)
    ts.forEachChild(node, visit)
  }
  files.forEach(visit)
  return { uses, checked, unknown }
}

const { chrome, firefox, safari } = FLOOR
const statement = `Chrome and Edge ${chrome}, Firefox ${firefox}, Safari ${safari} or later`
const silent = ['README.md', 'docs/client.md'].filter((page) => !readFileSync(root + page, 'utf8').includes(statement))
for (const page of silent) console.error(`${page}: does not say "${statement}"`)
const { uses, checked, unknown } = measure()
for (const { name, where, lacking: missing } of uses)
  console.error(`${where}: ${name} is missing: ${missing.join(', ')}`)
const unused = Object.keys(ONLY_IF_SECURE).filter((name) => !excused.has(name))
for (const name of unused) console.error(`ONLY_IF_SECURE: ${name} is not used`)
const floor = Object.entries(FLOOR).map(([browser, version]) => `${browser} ${version}`)
console.log(`${checked.size} APIs compared with ${floor.join(', ')}; ${unknown.size} have no data`)
if (process.argv.includes('--verbose')) console.log([...unknown].sort().join('\n'))
process.exitCode = uses.length + unused.length + silent.length === 0 ? 0 : 1
