import { describe, expect, test } from 'vitest'
import { FRAMEWORKS, renderTwice } from '../tools/servers/binding-pages.mjs'

/** The texts of the page, without what a framework adds for hydration. */
function textsOf(html: string): string[] {
  const bare = html.replace(/<!--.*?-->/g, '')
  return [...bare.matchAll(/data-testid="([^"]+)"[^>]*>([^<]*)</g)].map(([, id, text]) => `${id}: ${text}`)
}

describe('a server that lives long', () => {
  test.each(FRAMEWORKS)(
    'renders the same page at every request, with %s (checklist 34: right on a server)',
    async (framework) => {
      const { first, second, phase } = await renderTwice(framework)
      // The client's own state is another one by then.
      expect(phase).toBe('ready')
      expect(textsOf(first)).toEqual([
        'phase: starting',
        'principal: nobody yet',
        'summary: anonymous, ephemeral',
        'upgrade: starting null',
        'devices: starting 0',
        'backups: starting none',
        'field: anonymous',
      ])
      expect(second).toBe(first)
    },
  )
})
