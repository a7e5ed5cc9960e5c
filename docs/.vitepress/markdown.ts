// How the site reads the Markdown of `docs`: as GitHub does, with what a screen reader or a keyboard needs.
import type { MarkdownRenderer } from 'vitepress'
import { edgeTable } from './edges.ts'
import { siteLink } from './links.ts'
import { PICTURES } from './map.ts'

type Token = ReturnType<MarkdownRenderer['parse']>[number]

export function extendMarkdown(md: MarkdownRenderer): void {
  const fence = md.renderer.rules.fence!
  md.renderer.rules.fence = (tokens, index, ...rest) =>
    tokens[index]!.info === 'mermaid' ? edgeTable(tokens[index]!.content) : fence(tokens, index, ...rest)

  md.core.ruler.push('latchkey', ({ tokens, env }) => {
    const { relativePath } = env as { relativePath: string }
    // VitePress has renamed the page already.
    for (const child of tokens.flatMap(({ children }) => children ?? [])) {
      mapLink(child, relativePath)
      mapPicture(child, relativePath)
      // Braces in code are no expressions.
      if (child.type === 'code_inline') child.attrSet('v-pre', '')
    }
    for (const [index, token] of tokens.entries()) {
      if (token.type === 'table_open') token.attrSet('tabindex', '0')
      if (token.type === 'th_open' && tokens[index + 1]?.content === '') token.tag = tokens[index + 2]!.tag = 'td'
    }
  })
}

function mapLink(token: Token, page: string): void {
  if (token.type !== 'link_open') return
  token.attrSet('href', siteLink(token.attrGet('href')!, page))
}

function mapPicture(token: Token, page: string): void {
  if (token.type !== 'image') return
  const folder = `${'../'.repeat(page.split('/').length - 1)}images/`
  token.attrSet('src', token.attrGet('src')!.replace(PICTURES, folder))
}

/**
 * Alternatives to choose from, such as one block for each framework. In the Markdown they stand between the comments
 * `<!-- tabs -->` and `<!-- end of tabs -->`, each under a bold name, so that GitHub shows one after the other.
 */
export function withTabs(text: string): string {
  return text.replaceAll(/^<!-- tabs -->\n([\s\S]*?)^<!-- end of tabs -->$/gm, (_, alternatives: string) => {
    const blocks = alternatives.replaceAll(
      /^\*\*(.+)\*\*\n\n```(\w+)$/gm,
      (__, name, language) => `\`\`\`${language} [${name}]`,
    )
    return `::: code-group\n${blocks}:::`
  })
}
