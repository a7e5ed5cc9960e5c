// Links of the Markdown in `docs`, which must work on GitHub, in the built site and in the Markdown beside it.
import { posix } from 'node:path'
import { REPOSITORY } from './map.ts'

/** The anchor of a heading, as GitHub makes it: links with anchors then work there and on the site. */
export function slugify(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
    .replaceAll(' ', '-')
}

/**
 * A link of a page, for the built site: a folder's `README.md` is its `index.md` there, and a file outside `docs` is
 * shown by the repository.
 *
 * @param link - as it is in the Markdown
 * @param page - the page that contains it, a path below `docs`
 */
export function siteLink(link: string, page: string): string {
  if (/^([a-z]+:|#|\/)/i.test(link)) return link
  const target = posix.join('docs', posix.dirname(page), link)
  if (!target.startsWith('docs/')) return `${REPOSITORY}/blob/main/${target}`
  return withIndex(link)
}

/** A link of a page, for the Markdown that the built site serves: files outside `docs` lie beside the pages. */
export function twinLink(link: string, page: string): string {
  if (/^([a-z]+:|#|\/)/i.test(link)) return link
  const target = posix.join(posix.dirname(page), link)
  if (!target.startsWith('../')) return withIndex(link)
  return posix.relative(posix.dirname(page), target.slice('../'.length))
}

/** A link of a file of the repository that lies beside the pages on the site. */
export const besideLink = (link: string): string => withIndex(link.replace(/^docs\//, ''))

const withIndex = (link: string): string => link.replace(/(^|\/)README\.md/, '$1index.md')

/** The address of a page's Markdown on the site. */
export const twinOf = (page: string): string => withIndex(page)
