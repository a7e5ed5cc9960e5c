// The navigation: `docs/README.md` lists every page in its section, with a line about it. The sidebar, `llms.txt` and
// the tests read it from there.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const DOCS: string = fileURLToPath(new URL('..', import.meta.url))

/** Where the source is: pages link there for what is not part of the site. */
export const REPOSITORY = 'https://github.com/latchkey-id/latchkey'

/** Where pages find their pictures, which the package does not contain. The site has copies of its own. */
export const PICTURES = 'https://raw.githubusercontent.com/latchkey-id/latchkey/main/docs/images/'

/** One page in the navigation. */
export interface Entry {
  readonly text: string
  /** Path below `docs`, such as `routes/oauth.md`; `../AGENTS.md` for a file of the repository. */
  readonly page: string
  /** What the page is about, or an empty string. */
  readonly about: string
  readonly entries: Entry[]
}

export interface Section {
  readonly text: string
  readonly entries: Entry[]
}

const LINE = /^(?<indent> *)- \[(?<text>[^\]]+)\]\((?<page>[^)]+)\)(?:: (?<about>.*))?$/

/** Reads the sections, with their pages, out of the text of `docs/README.md`. */
export function readMap(text: string): Section[] {
  const sections: Section[] = []
  for (const line of text.split('\n')) {
    if (line.startsWith('## ')) sections.push({ text: line.slice(3), entries: [] })
    const { indent, text: name, page, about } = LINE.exec(line)?.groups ?? {}
    if (name === undefined || page === undefined) continue
    const { entries } = sections.at(-1)!
    const siblings = indent === '' ? entries : entries.at(-1)!.entries
    siblings.push({ text: name, page, about: about ?? '', entries: [] })
  }
  return sections
}

/** The sections of the site; the reference has a page for each subpath of the package, once it is generated. */
export function siteMap(): Section[] {
  const sections = readMap(readFileSync(`${DOCS}/README.md`, 'utf8'))
  const entries = subpaths().map((name) => ({ text: name, page: pageOf(name), about: '', entries: [] }))
  // `docs/README.md` cannot link to it: neither the repository nor the package has it.
  if (entries.length > 0)
    sections
      .find(({ text }) => text === 'Reference')!
      .entries.unshift({ text: 'API', page: 'reference/README.md', about: 'every export, from the source', entries })
  return sections
}

/** All entries, those below others too. */
export function entriesOf(sections: readonly { readonly entries: readonly Entry[] }[]): Entry[] {
  return sections.flatMap(({ entries }) => entries.flatMap((entry) => [entry, ...entriesOf([entry])]))
}

/** Every page below `docs`, such as `routes/oauth.md`. */
export function pages(): string[] {
  return readdirSync(DOCS, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md') && !path.startsWith('.vitepress'))
    .sort()
}

const INDEX = /^- \[(?<name>[^\]]+)\]\((?<page>[^)]+)\)$/gm

function generatedIndex(): Map<string, string> {
  const index = `${DOCS}/reference/README.md`
  if (!existsSync(index)) return new Map()
  return new Map(
    [...readFileSync(index, 'utf8').matchAll(INDEX)].map(({ groups }) => [groups!['name']!, groups!['page']!]),
  )
}

const subpaths = (): string[] => [...generatedIndex().keys()]
const pageOf = (name: string): string => `reference/${generatedIndex().get(name)}`
