import { AUDIENCE, ORIGIN } from '../../adapters/better-auth/testing/server.testing.ts'
import type { ExploredServer } from './server.ts'

/** What an answer was. */
export interface Answer {
  readonly status: number
  readonly body: unknown
  readonly code: string | undefined
  /** Where it leads on to. */
  readonly location: string | null
  /** The server refused. */
  readonly refused: boolean
  /** The server died before it could answer. */
  readonly isLost: boolean
}

/** Sends a request with some cookies, and keeps those of the answer. */
export async function ask(
  { explored }: { readonly explored: Pick<ExploredServer, 'server'> & Partial<Pick<ExploredServer, 'moments'>> },
  cookies: Map<string, string>,
  path: string,
  { body, headers = {} }: { readonly body?: object; readonly headers?: Record<string, string> } = {},
): Promise<Answer> {
  const request = new Request(`${AUDIENCE}${path}`, {
    method: body ? 'POST' : 'GET',
    headers: {
      origin: ORIGIN,
      ...cookieOf(cookies),
      ...(body && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body && { body: JSON.stringify(body) }),
  })
  const response = await explored.server.handler(request)
  if (explored.moments?.isDead) {
    explored.moments.clear()
    return { status: 0, body: {}, code: 'DIED', location: null, refused: true, isLost: true }
  }
  keepCookies(cookies, response)
  const text = await response.text()
  const parsed = text.startsWith('{') || text.startsWith('[') ? (JSON.parse(text) as unknown) : text
  const location = response.headers.get('location')
  const error = location ? new URL(location, ORIGIN).searchParams.get('error') : null
  return {
    status: response.status,
    body: parsed,
    code: (parsed as { code?: string } | null)?.code ?? error ?? undefined,
    location,
    refused: response.status >= 400 || error !== null,
    isLost: false,
  }
}

/** The header with a browser's cookies. */
export function cookieOf(cookies: ReadonlyMap<string, string>): Record<string, string> {
  return cookies.size > 0 ? { cookie: [...cookies].map((pair) => pair.join('=')).join('; ') } : {}
}

/** Keeps the cookies of an answer. */
export function keepCookies(cookies: Map<string, string>, response: Response): void {
  for (const cookie of response.headers.getSetCookie()) keepCookie(cookies, cookie)
}

function keepCookie(cookies: Map<string, string>, header: string): void {
  const [pair = '', ...attributes] = header.split(';')
  const name = pair.slice(0, pair.indexOf('='))
  if (attributes.some((attribute) => /^\s*max-age=0$/i.test(attribute))) cookies.delete(name)
  else cookies.set(name, pair.slice(name.length + 1))
}
