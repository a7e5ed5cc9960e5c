// The site: VitePress over the Markdown in `docs`. `npm run docs` builds it into `docs/.vitepress/dist`.
import { type DefaultTheme, defineConfig } from 'vitepress'
import { slugify, twinOf } from './links.ts'
import { type Entry, REPOSITORY, entriesOf, siteMap } from './map.ts'
import { extendMarkdown, withTabs } from './markdown.ts'
import { writeTwins } from './twins.ts'

const base = process.env['DOCS_BASE'] ?? '/'
const sections = siteMap()
const abouts = new Map(entriesOf(sections).map(({ page, about }) => [page, about]))

/** A key in outline, as part of the page: browsers ask for no icon. */
const ICON =
  "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16' fill='none' stroke='%23a15c2f' " +
  "stroke-width='2'><circle cx='5' cy='5' r='3'/><path d='m7 7 7 7m-3-3 2-2'/></svg>"

function item({ text, page, entries }: Entry): DefaultTheme.SidebarItem {
  const link = page.startsWith('../') ? `${REPOSITORY}/blob/main/${page.slice('../'.length)}` : `/${twinOf(page)}`
  return entries.length === 0 ? { text, link } : { text, link, collapsed: true, items: entries.map(item) }
}

export default defineConfig({
  base,
  lang: 'en',
  title: 'Latchkey',
  description: 'A local-first identity with upgradeable accounts, for TypeScript.',
  cacheDir: '../node_modules/.cache/vitepress',
  rewrites: (page) => twinOf(page),
  head: [['link', { rel: 'icon', href: ICON }]],
  markdown: {
    anchor: { slugify },
    config: extendMarkdown,
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
  },
  vite: {
    plugins: [
      {
        name: 'latchkey-tabs',
        enforce: 'pre',
        transform: (text, id) => (id.endsWith('.md') ? withTabs(text) : undefined),
      },
    ],
  },
  themeConfig: {
    search: { provider: 'local', options: { miniSearch: { searchOptions: { boostDocument } } } },
    outline: [2, 3],
    nav: [
      { text: 'Quick start', link: '/quick-start' },
      { text: 'Errors', link: '/errors' },
      { text: 'API', link: '/reference/' },
    ],
    sidebar: sections
      .filter(({ entries }) => entries.length > 0)
      .map(({ text, entries }) => ({ text, items: entries.map(item) })),
    socialLinks: [{ icon: 'github', link: REPOSITORY }],
    docFooter: { prev: false, next: false },
  },
  transformPageData: ({ filePath, frontmatter }) => ({
    description: abouts.get(filePath) || undefined,
    frontmatter: WIDE.has(filePath) ? { ...frontmatter, aside: false } : frontmatter,
  }),
  transformHead: ({ pageData }) => [
    ['link', { rel: 'alternate', type: 'text/markdown', href: `${base}${twinOf(pageData.relativePath)}` }],
  ],
  buildEnd: ({ outDir }) => writeTwins(outDir),
})

/** Pages with tables of many columns: they get the room of the outline too. */
const WIDE = new Set(['comparison.md', 'databases.md', 'threat-model.md', 'ways-back.md'])

/** Guides come before the API in the results. */
function boostDocument(id: string): number {
  return id.includes('/reference/') ? 0.3 : 1
}
