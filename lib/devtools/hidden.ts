/** Length from which a part of an address, or a text, may be a code, an id or a token. */
const MIN_HIDDEN_CHARACTERS = 16

/** How much of it is shown. */
const SHOWN_CHARACTERS = 4

/**
 * Returns an address without what could be a secret: values of the query, the fragment, and long parts of the path
 * that are no plain words, such as the token of a mailed link.
 */
export function shownAddress({ origin, pathname, searchParams }: URL, own: string): string {
  const isLong = (part: string): boolean => part.length >= MIN_HIDDEN_CHARACTERS
  const start = (part: string): string => `${part.slice(0, SHOWN_CHARACTERS)}…`
  const path = pathname
    .split('/')
    .map((part) => (isLong(part) && /[\dA-Z%]/.test(part) ? start(part) : part))
    .join('/')
  const names = [...new Set(searchParams.keys())].map((name) => `${isLong(name) ? start(name) : name}=…`)
  return `${origin === own ? '' : origin}${path}${names.length ? `?${names.join('&')}` : ''}`
}

/** A JWS or a JWE in compact form, however it got into a text. */
const TOKEN = /eyJ[\w-]+(\.[\w-]*){2,4}/g

/** Formats a value as JSON. Tokens that an app put into its own data are left out. */
export function shownJson(value: unknown): string {
  return (JSON.stringify(value, null, 2) ?? 'undefined').replaceAll(TOKEN, '(a token, not shown)')
}
