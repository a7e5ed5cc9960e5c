import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LatchkeyErrorCode } from 'latchkey'
import { ERROR_TABLE } from 'latchkey/server'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { ATTACKS } from '../tools/campaigns/attack-table.mjs'
import { REMEDIES } from './remedies.ts'

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')
const pages = ['README.md', 'AGENTS.md', ...pagesIn('docs'), ...pagesIn('docs/routes')]

function pagesIn(folder: string): string[] {
  return readdirSync(`${root}/${folder}`)
    .filter((name) => name.endsWith('.md'))
    .map((name) => `${folder}/${name}`)
}

/** What the README lists of `.size-limit.json`, by how its names begin. */
const SIZES = [
  'latchkey: ',
  'latchkey/worker: ',
  'latchkey/devtools: the event',
  'latchkey/pairing: ',
  'latchkey/recovery: ',
  'latchkey/session: ',
  'latchkey/better-auth/client',
  'latchkey/account',
  'latchkey/react: useAuth and',
]

/** What an app writes for each engine: files and blocks of pages, as `page#text`, and a file without Latchkey. */
const COMPARED: readonly Compared[] = [
  {
    part: 'the identity and the account, once for all engines',
    page: '',
    here: ['e2e/engines/with/account.ts'],
    there: 'account',
  },
  {
    part: 'Triplit: the client, the account server',
    page: 'triplit.md',
    here: ["docs/triplit.md#storage: 'indexeddb'", 'docs/triplit.md#x-triplit-project-id'],
    there: 'triplit',
  },
  {
    part: 'Hocuspocus and Yjs, stored: the client, the sync server',
    page: 'hocuspocus.md#a-stored-document',
    here: ['docs/hocuspocus.md#persist(notes)', 'docs/hocuspocus.md#port: 1234'],
    there: 'hocuspocus',
  },
  {
    part: 'Zero: the client, its two endpoints',
    page: 'zero.md',
    here: ['e2e/engines/fixtures/zero.ts'],
    there: 'zero',
  },
  {
    part: 'TanStack DB over HTTP: the client',
    page: '#tanstack-db-over-http',
    here: ['e2e/engines/fixtures/tanstack-db.ts'],
    there: 'tanstack-db',
  },
  {
    part: 'RxDB: the client',
    page: '#rxdb',
    here: ['e2e/engines/fixtures/rxdb.ts'],
    there: 'rxdb',
  },
]

interface Compared {
  readonly part: string
  /** Where the first is shown; empty if it is a file. */
  readonly page: string
  readonly here: readonly string[]
  readonly there: string
}

/** A block that shows a file of the example app begins with its name. */
const FILE = /^\/\/ (\S+)\n([\s\S]*)$/

interface Block {
  readonly place: string
  readonly code: string
}

function blocksOf(page: string): Block[] {
  const text = readFileSync(`${root}/${page}`, 'utf8')
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => ({
    place: `${page}:${text.slice(0, match.index).split('\n').length}`,
    code: match[1]!,
  }))
}

/** Compiles every block as a module of its own, with the prelude around it. */
function problemsOf(blocks: readonly Block[]): string[] {
  const { config } = ts.readConfigFile(`${root}/e2e/tsconfig.json`, ts.sys.readFile) as { config: object }
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, `${root}/e2e`)
  const sources = new Map(
    blocks.map(({ code }, index) => [`${root}/e2e/published/block-${index}.ts`, `${code}\nexport {}\n`]),
  )
  const host = ts.createCompilerHost(options)
  const { readFile, fileExists, getSourceFile } = host
  host.readFile = (name) => sources.get(name) ?? readFile(name)
  host.fileExists = (name) => sources.has(name) || fileExists(name)
  host.getSourceFile = (name, ...rest) =>
    sources.has(name)
      ? ts.createSourceFile(name, sources.get(name)!, ts.ScriptTarget.ESNext)
      : getSourceFile(name, ...rest)
  const program = ts.createProgram(
    [...sources.keys(), `${root}/e2e/published/docs-prelude.d.ts`],
    { ...options, noUnusedLocals: false, noUnusedParameters: false },
    host,
  )
  return ts.getPreEmitDiagnostics(program).map((found) => {
    const index = Number(/block-(\d+)\.ts$/.exec(found.file?.fileName ?? '')?.[1])
    return `${blocks[index]?.place ?? found.file?.fileName}: ${ts.flattenDiagnosticMessageText(found.messageText, ' ')}`
  })
}

/** A table as the formatter writes it: columns of one width. */
function padded([head, ...rows]: readonly string[][]): string {
  const widths = head!.map((_, column) => Math.max(...[head!, ...rows].map((row) => row[column]!.length)))
  const line = (cells: string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`
  return [line(head!), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

/** The code of a file, or of the one block of a page that has a text: `page#text`. */
function sampleOf(sample: string): string {
  const [file, text] = sample.split('#') as [string, string?]
  if (text === undefined) return readFileSync(`${root}/${file}`, 'utf8')
  const found = blocksOf(file).filter(({ code }) => code.includes(text))
  expect(found.length, sample).toBe(1)
  return found[0]!.code
}

/** The number of lines with code: no blank lines, and no comments. */
function codeLines(code: string): number {
  const source = ts.createSourceFile('sample.ts', code, ts.ScriptTarget.ESNext, true)
  const lines = new Set<number>()
  const lineOf = (place: number): number => source.getLineAndCharacterOfPosition(place).line
  const visit = (node: ts.Node): void => {
    if (ts.isJSDoc(node)) return
    const children = node.getChildren(source)
    children.forEach(visit)
    if (children.length > 0 || node.getWidth(source) === 0) return
    for (let line = lineOf(node.getStart(source)); line <= lineOf(node.getEnd()); line++) lines.add(line)
  }
  visit(source)
  return lines.size
}

/** The section about a code, whose heading is its anchor. */
function sectionOf(code: LatchkeyErrorCode, remedy: string): string[] {
  const { meaning, state, status, bearer, session } = ERROR_TABLE[code]
  const effects = [
    state && `\`error: '${state}'\``,
    status && `HTTP ${status}`,
    bearer && `\`${bearer}\``,
    session && `\`${session}\` of a session`,
  ].filter((effect) => effect !== undefined)
  return [
    '',
    `### ${code}`,
    '',
    `**What happened:** ${meaning}`,
    '',
    `**What to do:** ${remedy}`,
    ...(effects.length > 0 ? ['', `Seen as ${effects.join(', ')}.`] : []),
  ]
}

interface Package {
  readonly repository: { readonly url: string }
  readonly homepage: string
  readonly bugs: { readonly url: string }
  readonly keywords: readonly string[]
}

describe('the docs', () => {
  test('have code that compiles', () => {
    const blocks = pages.flatMap(blocksOf).filter(({ code }) => !FILE.test(code))
    expect(blocks.length).toBeGreaterThan(60)
    expect(problemsOf(blocks)).toEqual([])
  })

  test('show the very files of the example app', () => {
    for (const { place, code } of blocksOf('README.md')) {
      const [, name, shown] = FILE.exec(code)!
      const file = readFileSync(`${root}/e2e/published/existing-app/after/${name}`, 'utf8')
      expect(file.startsWith(shown!), place).toBe(true)
    }
  })

  test('show the very files that the tests of row ownership run', () => {
    const text = readFileSync(`${root}/docs/adoption.md`, 'utf8')
    const shown = [...text.matchAll(/^```(?:ts|sql)\n(?:\/\/|--) (\S+\.(?:ts|sql))\n([\s\S]*?)^```$/gm)]
    expect(shown.map(([, name]) => name)).toEqual(['policy.sql', 'postgres.ts', 'sqlite.ts'])
    for (const [, name, code] of shown)
      expect(code, name).toBe(readFileSync(`${root}/e2e/published/row-ownership/${name}`, 'utf8'))
  })

  test('show the very program that the test of the verifier in Python runs', () => {
    const [, shown] = /^```python\n# verify\.py\n([\s\S]*?)^```$/m.exec(
      readFileSync(`${root}/docs/exchange.md`, 'utf8'),
    )!
    expect(shown).toBe(readFileSync(`${root}/e2e/published/verifier/verify.py`, 'utf8'))
  })

  test('the README and its pictures work on a package page: links name the repository', () => {
    const { repository, homepage, bugs, keywords } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as Package
    const place = repository.url.replace(/^git\+|\.git$/g, '')
    expect([homepage, bugs.url]).toEqual([`${place}#readme`, `${place}/issues`])
    expect(keywords.length).toBeGreaterThan(5)
    const raw = place.replace('github.com', 'raw.githubusercontent.com')
    const links = [...readFileSync(`${root}/README.md`, 'utf8').matchAll(/\]\(([^)#]+)/g)].map(([, link]) => link!)
    expect(links.filter((link) => !link.startsWith('https://'))).toEqual([])
    const own = links.filter((link) => link.startsWith(place) || link.startsWith(raw))
    expect(own.length).toBeGreaterThan(20)
    const pathOf = (link: string): string => link.replace(`${place}/blob/main/`, '').replace(`${raw}/main/`, '')
    expect(own.filter((link) => !existsSync(`${root}/${pathOf(link)}`))).toEqual([])
  })

  test('begin with the command that installs what their code imports, and export the auth that migrate loads', () => {
    const commands = new Set(
      ['README.md', 'docs/quick-start.md'].map((page) => {
        const text = readFileSync(`${root}/${page}`, 'utf8')
        const [, first] = /^```sh\n(.*)\n```$/m.exec(text)!
        const code = blocksOf(page).map(({ code }) => code)
        const imported = code.flatMap((each) =>
          [...each.matchAll(/^import .* from '([^.'/]+)/gm)].map(([, name]) => name),
        )
        expect(first?.split(' ').toSorted(), page).toEqual(['install', 'npm', ...new Set(imported)].toSorted())
        const servers = code.filter((each) => each.includes('betterAuth('))
        expect(servers.length, page).toBeGreaterThan(0)
        for (const server of servers) expect(server, page).toContain('export const auth = betterAuth(')
        return first!
      }),
    )
    const [command] = commands
    expect(commands.size).toBe(1)
    expect(readFileSync(`${root}/docs/README.md`, 'utf8')).toContain(`\`\`\`sh\n${command}\n\`\`\``)
    expect(readFileSync(`${root}/AGENTS.md`, 'utf8')).toContain(`1. \`${command}\``)
  })

  test('show no framework with a resolver that refuses every account', () => {
    const blocks = ['docs/frameworks.md', 'docs/server-frameworks.md']
      .flatMap(blocksOf)
      .filter(({ code }) => /create\w+Resolver\(/.test(code))
    expect(blocks.length).toBeGreaterThan(7)
    const lacking = blocks.filter(({ code }) => code.includes('createSessionResolver(') && !code.includes('external'))
    expect(lacking.map(({ place }) => place)).toEqual([])
  })

  test('say what to decide before the first deploy about users who are signed in', () => {
    for (const page of ['docs/quick-start.md', 'AGENTS.md'])
      expect(readFileSync(`${root}/${page}`, 'utf8'), page).toContain('migrateSessionsUntil')
    expect(readFileSync(`${root}/docs/faq.md`, 'utf8')).toContain('(quick-start.md#2-the-client)')
  })

  test('have no link that leads nowhere', () => {
    const files = new Set([...pages, 'LICENSE', 'AGENTS.md', 'SECURITY.md', 'CHANGELOG.md', 'CONTRIBUTING.md'])
    for (const page of [...pages, 'SECURITY.md', 'CHANGELOG.md', 'CONTRIBUTING.md']) {
      for (const [, link] of readFileSync(`${root}/${page}`, 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)) {
        const target = join(dirname(page), link!)
        expect.soft(files.has(target), `${page} links to ${link}`).toBe(true)
      }
    }
  })

  test('list every error', async () => {
    const page = [
      '# Errors',
      '',
      'Every deliberate failure is a `LatchkeyError` with a stable `code`; check for one with `isLatchkeyError(error, code)`. Incorrect use of the API throws a `TypeError`. Messages are for developers and may change; they never contain a secret, a token or a proof.',
      '',
      "“Seen as” is the effect of a code elsewhere: `error` in the client's state, the HTTP status, the error in `WWW-Authenticate` (RFC 6750), and the kind of error in a sync engine's session.",
      ...Object.entries(REMEDIES).flatMap(([group, remedies]) => [
        '',
        `## ${group}`,
        ...Object.entries(remedies).flatMap(([code, remedy]) => sectionOf(code as LatchkeyErrorCode, remedy)),
      ]),
      '',
    ].join('\n')
    await expect(page).toMatchFileSnapshot('../../docs/errors.md')
    const explained = Object.values(REMEDIES).flatMap(Object.keys)
    expect(explained.sort()).toEqual(Object.keys(ERROR_TABLE).sort())
  })

  test('the README lists the limits of what a page loads', async () => {
    const limits = JSON.parse(readFileSync(`${root}/.size-limit.json`, 'utf8')) as { name: string; limit: string }[]
    const shown = limits.filter(({ name }) => SIZES.some((start) => name.startsWith(start)))
    expect(shown.length).toBe(SIZES.length)
    const rows = shown.map(({ name, limit }) => {
      const [entry, what = ''] = name.split(/: (.*)/)
      return [`\`${entry}\``, what, limit]
    })
    const table = padded([['entry', 'measured part', 'at most'], ...rows])
    const page = readFileSync(`${root}/README.md`, 'utf8')
    await expect(
      page.replace(/(?<=<!-- sizes: .* -->\n\n)[\s\S]*?(?=\n\n<!-- end of sizes -->)/, () => table),
    ).toMatchFileSnapshot('../../README.md')
  })

  test('compare the lines of each engine with those of an app without Latchkey', async () => {
    expect(codeLines('// one\n\n/** Two.\n * Three. */\nconst four = `five\n\nseven` // eight\n')).toBe(3)
    const { repository } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as Package
    const files = `${repository.url.replace(/^git\+|\.git$/g, '')}/blob/main`
    const rows = COMPARED.map(({ part, page, here, there }) => {
      const ours = here.map((sample) => codeLines(sampleOf(sample))).reduce((sum, lines) => sum + lines)
      const other = `e2e/engines/without/${there}.ts`
      const link = page === '' ? `${files}/${here[0]}` : page
      return `| ${part} | [${ours}](${link}) | [${codeLines(sampleOf(other))}](${files}/${other}) |`
    })
    const table = ['| part | with Latchkey | without |', '| --- | --- | --- |', ...rows].join('\n')
    const page = readFileSync(`${root}/docs/engines.md`, 'utf8')
    const shown = page.replace(/(?<=<!-- lines: .* -->\n\n)[\s\S]*?(?=\n\n<!-- end of lines -->)/, () => table)
    expect(shown).toContain(table)
    await expect(shown).toMatchFileSnapshot('../../docs/engines.md')
    const written = readdirSync(`${root}/e2e/engines/without`)
    expect(written.sort()).toEqual(COMPARED.map(({ there }) => `${there}.ts`).sort())
  })

  test('list every attack that the script tries, with its defence and its test', async () => {
    const rows = ATTACKS.map(
      ({ attack, defence, test: { file, name } }, index) =>
        `| ${index + 1} | ${attack} | ${defence} | \`${file.split('/').at(-1)}\`: ${name.replace(/^SQLite > /, '').replaceAll(' > ', ' › ')} |`,
    )
    const table = ['|  | attack | defence | test |', '| --- | --- | --- | --- |', ...rows].join('\n')
    const page = readFileSync(`${root}/docs/threat-model.md`, 'utf8')
    await expect(page.replace(/^\|  \| attack [\s\S]*?(?=\n\n)/m, () => table)).toMatchFileSnapshot(
      '../../docs/threat-model.md',
    )
    expect(new Set(ATTACKS.map(({ attack }) => attack)).size).toBe(ATTACKS.length)
  })
})
