import { existsSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createMarkdownRenderer } from 'vitepress'
import { edgeTable, readEdges } from '../../docs/.vitepress/edges.ts'
import { besideLink, siteLink, slugify, twinLink } from '../../docs/.vitepress/links.ts'
import { DOCS, PICTURES, REPOSITORY, entriesOf, pages, readMap, siteMap } from '../../docs/.vitepress/map.ts'
import { extendMarkdown, withTabs } from '../../docs/.vitepress/markdown.ts'
import { llmsText, withLinks } from '../../docs/.vitepress/twins.ts'

const ROOT_FILES = ['README.md', 'AGENTS.md', 'SECURITY.md', 'CHANGELOG.md', 'CONTRIBUTING.md']
const isWritten = (page: string): boolean => !page.startsWith('reference/')
const written = pages().filter(isWritten)
const read = (path: string): string => readFileSync(`${DOCS}${path}`, 'utf8')
const withoutCode = (text: string): string => text.replaceAll(/^```[\s\S]*?^```$/gm, '')

/** The anchors of a page, as GitHub makes them. */
function anchorsOf(path: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, heading] of withoutCode(read(path)).matchAll(/^#+ (.*)$/gm)) {
    const anchor = slugify(heading!.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1'))
    let name = anchor
    for (let again = 1; anchors.has(name); again++) name = `${anchor}-${again}`
    anchors.add(name)
  }
  return anchors
}

/** The links of a page that stay in the repository, each with the file that it means, a path below `docs`. */
function linksOf(path: string): { link: string; target: string; anchor: string | undefined }[] {
  return [...withoutCode(read(path)).matchAll(/\]\((?![a-z]+:)([^)\s]+)\)/gi)].map(([, link]) => {
    const [file, anchor] = link!.split('#') as [string, string?]
    const target = file === '' ? path : posix.join(posix.dirname(path), file)
    return { link: link!, target, anchor }
  })
}

describe('the map of the documentation', () => {
  test('has every page once, the reference apart', () => {
    const listed = entriesOf(readMap(read('README.md'))).map(({ page }) => page)
    expect(new Set(listed).size, 'a page is listed twice').toBe(listed.length)
    const own = listed.filter((page) => !page.startsWith('../') && isWritten(page))
    expect([...own, 'README.md'].sort()).toEqual(written)
  })

  test('says of each section and page what it is', () => {
    const sections = readMap(read('README.md')).filter(({ entries }) => entries.length > 0)
    expect(sections.map(({ text }) => text)).toEqual([
      'Start',
      'Guides',
      'Recipes',
      'Reference',
      'Understand',
      'Operate',
    ])
    const silent = sections.flatMap(({ entries }) => entries).filter(({ about }) => about === '')
    expect(silent).toEqual([])
  })

  test('leads to files that exist', () => {
    const missing = entriesOf(readMap(read('README.md'))).filter(
      ({ page }) => isWritten(page) && !existsSync(`${DOCS}${page}`),
    )
    expect(missing).toEqual([])
  })
})

describe('the links of the documentation', () => {
  const files = [...written, ...ROOT_FILES.map((name) => `../${name}`)]

  test.each(files)('%s: every file and every anchor exists', (path) => {
    for (const { link, target, anchor } of linksOf(path)) {
      expect.soft(existsSync(`${DOCS}${target}`), `${path}: ${link}`).toBe(true)
      if (anchor !== undefined && target.endsWith('.md'))
        expect.soft(anchorsOf(target).has(anchor), `${path}: ${link}`).toBe(true)
    }
  })

  test('lead to pictures that exist, and that the site shows from its own folder', async () => {
    const shown = files.flatMap((path) => read(path).split(PICTURES).slice(1))
    expect(shown.length).toBeGreaterThan(5)
    for (const text of shown) expect(existsSync(`${DOCS}images/${/^[\w.-]+/.exec(text)![0]}`)).toBe(true)
    const { render } = await createMarkdownRenderer(DOCS, { config: extendMarkdown })
    const html = render(`![A key](${PICTURES}tour.png)`, { relativePath: 'devtools.md' })
    expect(html).toContain('src="./images/tour.png"')
  })

  test('of the built site and of its Markdown', () => {
    expect(siteLink('routes/README.md#outcomes', 'client.md')).toBe('routes/index.md#outcomes')
    expect(siteLink('../client.md', 'routes/oauth.md')).toBe('../client.md')
    expect(siteLink('../SECURITY.md', 'faq.md')).toBe(`${REPOSITORY}/blob/main/SECURITY.md`)
    expect(siteLink('https://jwt.io/', 'faq.md')).toBe('https://jwt.io/')
    expect(twinLink('../SECURITY.md', 'faq.md')).toBe('SECURITY.md')
    expect(twinLink('../../SECURITY.md', 'routes/oauth.md')).toBe('../SECURITY.md')
    expect(twinLink('README.md#outcomes', 'routes/oauth.md')).toBe('index.md#outcomes')
    expect(besideLink('docs/routes/README.md')).toBe('routes/index.md')
  })

  test('in code stay as they are', () => {
    const text = 'See [it](a.md).\n\n```md\n[it](a.md)\n```\n\n`[it](a.md)`'
    expect(withLinks(text, () => 'b.md')).toBe('See [it](b.md).\n\n```md\n[it](a.md)\n```\n\n`[it](a.md)`')
  })
})

describe('llms.txt', () => {
  const text = llmsText(siteMap(), 'An identity.')

  test('lists every page with an address of its Markdown', () => {
    const links = [...text.matchAll(/^- \[[^\]]+\]\(([^)]+)\)/gm)].map(([, link]) => link!)
    const addresses = written.filter((page) => page !== 'README.md').map((page) => twinLink(page, 'README.md'))
    expect(links).toEqual(expect.arrayContaining([...addresses, 'AGENTS.md']))
    if (existsSync(`${DOCS}reference/README.md`)) expect(links).toContain('reference/latchkey.md')
  })

  test('begins with a title and a summary', () => {
    expect(text.startsWith('# Latchkey\n\n> An identity.\n\n## Start\n')).toBe(true)
  })
})

test('alternatives become tabs on the site', () => {
  const text = '<!-- tabs -->\n\n**React**\n\n```ts\na\n```\n\n**Vue**\n\n```vue\nb\n```\n\n<!-- end of tabs -->\n'
  const tabs = '::: code-group\n\n```ts [React]\na\n```\n\n```vue [Vue]\nb\n```\n\n:::\n'
  expect(withTabs(text)).toBe(tabs)
})

describe('diagrams', () => {
  const edgesOf = (page: string) => readEdges(/^```mermaid\n([\s\S]*?)^```$/m.exec(read(page))![1]!)

  test('become tables of their edges', () => {
    const edges = edgesOf('lifecycle.md')
    expect(edges[0]).toEqual({ from: 'the start', to: 'starting', by: '' })
    expect(edges).toContainEqual({ from: 'ready', to: 'signing-out', by: 'signOutStarted' })
    const arrows = read('lifecycle.md').match(/ --> /g)!
    expect(edges).toHaveLength(arrows.length)
    expect(edgeTable('  a --> b: x<br/>y')).toBe(
      '<table tabindex="0"><thead><tr><th>from</th><th>to</th><th>by</th></tr></thead><tbody><tr><td>a</td><td>b</td><td>x, y</td></tr></tbody></table>',
    )
  })

  test('show the labels of a flowchart', () => {
    const edges = edgesOf('architecture.md')
    expect(edges).toContainEqual({ from: 'lib/recovery', to: 'lib/client', by: '' })
    expect(edges).toContainEqual({ from: 'lib/server', to: 'lib/session', by: '' })
    expect(edges).toHaveLength(read('architecture.md').match(/ --> /g)!.length)
  })
})
