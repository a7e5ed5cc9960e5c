// What the built site has for programs that read: every page as Markdown, and `llms.txt`, which lists them.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { besideLink, twinLink, twinOf } from './links.ts'
import { DOCS, type Section, pages, siteMap } from './map.ts'

/** Files of the repository to which pages link. */
const BESIDE = ['AGENTS.md', 'SECURITY.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'LICENSE', 'README.md']

/** Links outside code. */
const LINK = /(```[\s\S]*?```|`[^`\n]*`)|(?<=\]\()([^)\s]+)(?=\))/g

/** A text with other links. Code stays as it is. */
export function withLinks(text: string, map: (link: string) => string): string {
  return text.replaceAll(LINK, (found, code: string | undefined) => code ?? map(found))
}

/** `llms.txt` (llmstxt.org): a title, a summary, and one line for each page. */
export function llmsText(sections: readonly Section[], summary: string): string {
  const lines = sections.flatMap(({ text, entries }) => ['', `## ${text}`, '', ...entries.flatMap(linesOf)])
  return ['# Latchkey', '', `> ${summary}`, ...lines, ''].join('\n')
}

function linesOf({ text, page, about, entries }: Section['entries'][number]): string[] {
  return [`- [${text}](${twinLink(page, 'README.md')})${about && `: ${about}`}`, ...entries.flatMap(linesOf)]
}

/** Writes them into the folder of the built site. */
export function writeTwins(folder: string): void {
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  const read = (path: string): string => readFileSync(join(DOCS, path), 'utf8')
  for (const page of pages())
    put(
      twinOf(page),
      withLinks(read(page), (link) => twinLink(link, page)),
    )
  cpSync(join(DOCS, 'images'), join(folder, 'images'), { recursive: true })
  for (const name of BESIDE) put(name, withLinks(read(`../${name}`), besideLink))
  const [, summary] = read('README.md').split('\n\n')
  const sections = siteMap().filter(({ entries }) => entries.length > 0)
  put('llms.txt', llmsText(sections, summary!))
}
