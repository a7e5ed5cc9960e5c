import { ERROR_TABLE } from '../../error-table.ts'
import { LatchkeyError, isLatchkeyError } from '../../errors.ts'
import type { ExternalBinder } from './binder.ts'
import { readTokenHeader } from '../token-header.ts'
import { readBounded } from '../bounded-body.ts'
import { parseObject } from '../../tokens/decode.ts'
import { namespacedPrincipal } from '../external/principals.ts'

/** Largest request body that is read, in bytes. */
const BODY_LIMIT_BYTES = 16_384

/** Options of {@link createBinderHandler}. */
export interface BinderHandlerOptions {
  readonly binder: ExternalBinder
  /**
   * Returns the verified identifiers of an account, and whether the account can be recovered without the device, from
   * the claims of a verified token. Defaults to no identifiers and `recoverable: true`.
   */
  readonly describe?: (claims: Readonly<Record<string, unknown>>) => {
    readonly identifiers?: readonly string[]
    readonly recoverable?: boolean
  }
  /**
   * Path under which the routes are, as the handler sees it; a proxy may have taken a part away. Defaults to the path of
   * the binder's `audience`.
   */
  readonly basePath?: string
  /** The header that carries the token, as in `tokenAccount`. Defaults to `Authorization`. */
  readonly tokenHeader?: string
  /** Returns milliseconds since 1970. Defaults to the system clock. */
  readonly clock?: () => number
}

/**
 * Creates the endpoints that `tokenAccount` of `latchkey/account` calls: `GET …/session`, `POST …/challenge` and `POST
 * …/bind`, each with the provider's token as a bearer token. Mount it at the binder's `audience`.
 *
 * @returns a request handler for any server that uses `Request` and `Response`; it rejects with any error that is not a
 *   `LatchkeyError`
 */
export function createBinderHandler({
  binder,
  describe = () => ({}),
  basePath = pathOf(binder.audience),
  tokenHeader,
  clock = Date.now,
}: BinderHandlerOptions): (request: Request) => Promise<Response> {
  if (!basePath.startsWith('/')) throw new TypeError('basePath: expected a path that begins with a slash')
  const base = basePath.replace(/\/+$/, '')
  const header = readTokenHeader(tokenHeader)
  async function answer(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url)
    if (!ROUTES.some((route) => pathname === `${base}${route}`)) return notFound()
    const act = `${request.method} ${pathname.slice(base.length)}`
    const token = bearerIn(request.headers.get(header))
    if (act === 'GET /session')
      return reply({
        now: clock(),
        session: token === null ? null : await sessionOf(token, searchParams.get('peek') === '1'),
      })
    if (token === null) throw new LatchkeyError('CREDENTIAL_MISSING')
    if (act === 'POST /challenge') return reply({ ...(await binder.challenge(token)), now: clock() })
    if (act !== 'POST /bind') return notFound()
    const { proof, nonce } = await readBody(request)
    await binder.bindExternal({ token, proof, nonce })
    return reply({ now: clock(), session: await sessionOf(token, false) })
  }

  async function sessionOf(token: string, peek: boolean): Promise<object> {
    const { account, binding } = await binder.look(token, peek)
    const { identifiers = [], recoverable = true } = describe(account.claims)
    const accountId = JSON.stringify([account.claims['iss'], account.subject])
    const id = sessionIdOf(account.claims)
    const principal = binding?.principal ?? (await namespacedPrincipal(account.issuer, account.subject))
    return {
      ...(id !== undefined && { id }),
      accountId,
      principal,
      aliases: [],
      recoverable,
      identifiers,
      ...(peek && { open: binding === null }),
    }
  }

  return (request) => answer(request).catch(refuse)
}

const ROUTES: readonly string[] = ['/session', '/challenge', '/bind']

/** An audience that is no URL names no path. */
function pathOf(audience: string): string {
  return URL.canParse(audience) ? new URL(audience).pathname : '/'
}

function notFound(): Response {
  return reply({ code: 'NOT_FOUND' }, 404)
}

/**
 * The session id claim differs by provider: `sid` in Clerk and WorkOS, `session_id` in Supabase. Firebase has only the
 * time of sign-in.
 */
function sessionIdOf({
  sid,
  session_id: sessionId,
  auth_time: time,
}: Readonly<Record<string, unknown>>): string | undefined {
  const id = sid ?? sessionId ?? time
  return id === undefined ? undefined : String(id)
}

function bearerIn(value: string | null): string | null {
  return /^Bearer ([^\s]+)$/i.exec(value ?? '')?.[1] ?? null
}

async function readBody(request: Request): Promise<Record<'proof' | 'nonce', string>> {
  const body = await readBounded(request, BODY_LIMIT_BYTES).catch(breaksOff)
  if (!body) throw new LatchkeyError('TOKEN_TOO_LARGE')
  const { proof, nonce } = parseObject(body)
  if (typeof proof !== 'string' || typeof nonce !== 'string') throw new LatchkeyError('TOKEN_MALFORMED')
  return { proof, nonce }
}

/** The client left in the middle of its body, which is no fault of the server. */
function breaksOff(): never {
  throw new LatchkeyError('TOKEN_MALFORMED')
}

function reply(body: object, status = 200): Response {
  return Response.json(body, { status, headers: { 'cache-control': 'no-store' } })
}

/** Unexpected errors are rethrown: the server handles them. */
function refuse(error: unknown): Response {
  if (!isLatchkeyError(error)) throw error
  return reply({ code: error.code, message: ERROR_TABLE[error.code].meaning }, ERROR_TABLE[error.code].status ?? 400)
}
