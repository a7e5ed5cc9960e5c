// By regular expressions: `URL` of React Native does not normalize, and old versions cannot change a query.

const PAGES = /[?&](?:callbackURL|newUserCallbackURL|errorCallbackURL)=[^&#]*/g

/** Returns a parameter of a link, decoded; null if it is missing or empty. */
export function parameterOf(link: string, name: string): string | null {
  const found = new RegExp(`[?&]${name}=([^&#]+)`).exec(link)?.[1]
  if (found === undefined) return null
  try {
    return decodeURIComponent(found.replaceAll('+', ' '))
  } catch {
    return null
  }
}

/** Returns a link without the pages that the server would redirect to. */
export function withoutPages(link: string): string {
  const [address = '', ...queries] = link.replace(PAGES, (part) => (part.startsWith('?') ? '?' : '')).split('?')
  const query = queries.join('?').replace(/^&+/, '')
  return query ? `${address}?${query}` : address
}

/** Returns the members of a query without the pages that the server would redirect to. */
export function queryWithoutPages(query: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(query).filter(([name]) => !`?${name}=`.match(PAGES)))
}
