import { LatchkeyError } from '../errors.ts'
import type { AuthErrorKind } from '../machine/state.ts'
import type { Runtime } from './runtime.ts'
import { type GetTokenOptions, defaultAudience } from './token.ts'

const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS']
const REASONS: readonly string[] = ['expired', 'missing', 'invalid', 'disabled'] satisfies AuthErrorKind[]

/** `fetch` with the bearer for the mode in force, to allowed origins only; one refresh and one retry on 401. */
export function createFetch(runtime: Runtime, getToken: (options?: GetTokenOptions) => Promise<string | null>): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init)
    const audience = audienceFor(runtime, new URL(request.url).origin)
    const token = await getToken({ audience })
    if (!token) return fetch(request)
    const { session } = runtime.getState()
    if (!SAFE_METHODS.includes(request.method)) await rememberWrite(runtime)
    const retry = request.clone()
    const response = await send(request, token)
    if (response.status !== 401) return accepted(runtime, response)
    const fresh = await getToken({ audience, fresh: true })
    if (!fresh) return response
    const second = await send(retry, fresh)
    if (second.status !== 401) return accepted(runtime, second)
    // The answer to one principal says nothing about another that took its place meanwhile.
    if (runtime.getState().session?.principal === session?.principal) runtime.dispatch({ type: 'tokenRejected', reason: reasonOf(second) })
    return second
  }
}

function audienceFor(runtime: Runtime, origin: string): string {
  const { audiences = {} } = runtime.options
  if (Object.hasOwn(audiences, origin)) return audiences[origin]!
  if (origin === globalThis.location?.origin) return defaultAudience(runtime)
  throw new LatchkeyError('ORIGIN_NOT_ALLOWED', origin)
}

function send(request: Request, token: string): Promise<Response> {
  request.headers.set('authorization', `Bearer ${token}`)
  return fetch(request)
}

function accepted(runtime: Runtime, response: Response): Response {
  if (runtime.getState().error) runtime.dispatch({ type: 'tokenAccepted' })
  return response
}

/** Before the first write is sent: afterwards a server may hold something that belongs to this identity. */
async function rememberWrite(runtime: Runtime): Promise<void> {
  const entry = runtime.currentOf(runtime.ring())
  if (entry?.kind === 'device' && !entry.wrote) await (await runtime.acts()).recordWrite(runtime)
}

function reasonOf(response: Response): AuthErrorKind {
  const [, reason = 'invalid'] = /error_description="(\w+)"/.exec(response.headers.get('www-authenticate') ?? '') ?? []
  return REASONS.includes(reason) ? (reason as AuthErrorKind) : 'invalid'
}
