import { type OptionNames, checkOptionNames } from '../../option-names.ts'
import { ERROR_TABLE } from '../../error-table.ts'
import { LatchkeyError, isLatchkeyError } from '../../errors.ts'
import type { AccountAct, ExternalBinder } from './binder.ts'
import { type BoundAccount, sessionAccountIdOf } from './bound-account.ts'
import { type BinderExchangeOptions, createBinderExchange } from './binder-exchange.ts'
import { sessionIdOf } from './account-sessions.ts'
import { MAX_DEVICE_NAME_CHARACTERS, isDeviceName } from './binder-devices.ts'
import { challengeOf } from '../response.ts'
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
   * Path under which the routes are, as the handler sees it; a proxy may have taken a part away. Defaults to the path
   * of the binder's `audience`.
   */
  readonly basePath?: string
  /** The header that carries the token, as in `tokenAccount`. Defaults to `Authorization`. */
  readonly tokenHeader?: string
  /** Adds `POST …/token`, `GET …/jwks` and `GET …/.well-known/oauth-authorization-server`. */
  readonly exchange?: BinderExchangeOptions
  /** Returns milliseconds since 1970. Defaults to the system clock. */
  readonly clock?: () => number
}

const OPTIONS: OptionNames<BinderHandlerOptions> = {
  binder: true,
  describe: true,
  basePath: true,
  tokenHeader: true,
  exchange: true,
  clock: true,
}

/**
 * Creates the endpoints that `tokenAccount` of `latchkey/account` calls: `GET …/session`, `POST …/challenge`, `…/bind`,
 * `…/link` and `…/unlink`, each with the provider's token as a bearer token, and `POST …/known` with a device's proof.
 * With the option `exchange` also `POST …/token`, `GET …/jwks` and the metadata of RFC 8414. Mount it at the binder's
 * `audience`.
 *
 * @returns a request handler for any server that uses `Request` and `Response`; it rejects with any error that is not a
 *   `LatchkeyError`
 */
export function createBinderHandler(options: BinderHandlerOptions): (request: Request) => Promise<Response> {
  checkOptionNames('', options, OPTIONS)
  const { binder, basePath = pathOf(binder.audience), clock = Date.now } = options
  if (!basePath.startsWith('/')) throw new TypeError('basePath: expected a path that begins with a slash')
  const base = basePath.replace(/\/+$/, '')
  const header = readTokenHeader(options.tokenHeader)
  const whole = exchangeRoutes(options, clock)
  const routes: Routes = { ...routesOf(options), ...whole }

  async function answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url)
    const path = Object.keys(routes).find((name) => pathname === `${base}${name}`)
    const route = path === undefined ? undefined : routes[path]
    if (route?.method !== request.method) return reply({ now: clock(), code: 'NOT_FOUND' }, 404)
    const token = bearerIn(request.headers.get(header))
    const answered = await route.answer(request, token)
    // Not by `instanceof`: a server may replace the global class, and `Response.json` still makes the one before.
    return Object.hasOwn(whole, path!) ? (answered as Response) : reply({ now: clock(), ...answered })
  }

  // The clock is in each answer, by which the client recognizes this server: anything in front of it has codes, too.
  return (request) => answer(request).catch((error: unknown) => refuse(error, clock()))
}

interface Route {
  readonly method: 'GET' | 'POST'
  /**
   * @param token - the provider's token, or null if the request has none
   * @returns the body of the answer, to which the server's clock is added; or a response of its own
   */
  readonly answer: (request: Request, token: string | null) => Promise<object>
}

/** By the path below the base path. */
type Routes = Readonly<Record<string, Route>>

/** Its requests need no token in a header: the body has what is exchanged. */
function exchangeRoutes({ binder, exchange: given }: BinderHandlerOptions, clock: () => number): Routes {
  if (!given) return {}
  const exchange = createBinderExchange(binder, given, { clock, bodyLimit: BODY_LIMIT_BYTES })
  return {
    '/token': post((request) => exchange.token(request)),
    '/jwks': { method: 'GET', answer: async () => exchange.keys() },
    '/.well-known/oauth-authorization-server': { method: 'GET', answer: async () => exchange.metadata() },
  }
}

function routesOf({ binder, describe = () => ({}) }: BinderHandlerOptions): Routes {
  const sessionOf = async (token: string, isPeek = false, userAgent?: string | null): Promise<object> =>
    toSession(await binder.look(token, isPeek, userAgent), describe, isPeek)
  /** A route of the account, which answers with its session. */
  const ofAccount = (change: (token: string, body: Body) => Promise<unknown>): Route =>
    post(async (request, token) => {
      const given = required(token)
      await change(given, await readBody(request))
      return { session: await sessionOf(given) }
    })
  const routes = {
    '/session': {
      method: 'GET',
      async answer({ url, headers }, token) {
        const isPeek = new URL(url).searchParams.get('peek') === '1'
        return { session: token === null ? null : await sessionOf(token, isPeek, headers.get('user-agent')) }
      },
    } satisfies Route as Route,
    '/challenge': post(async (request, token) =>
      binder.challenge(required(token), readAct(await readBody(request), binder)),
    ),
    '/bind': ofAccount((token, body) =>
      binder.bindExternal({ token, ...readProof(body), accountId: readOptional(body, 'accountId', ID_LIMIT) }),
    ),
  }
  if (!binder.hasAliases) return { ...routes, ...deviceRoutes(binder) }
  return {
    ...routes,
    ...deviceRoutes(binder),
    '/link': ofAccount((token, body) => binder.link({ token, ...readProof(body) })),
    '/unlink': ofAccount((token, body) =>
      binder.unlink({ token, alias: readText(body, 'alias', 64), nonce: readText(body, 'nonce', NONCE_LIMIT) }),
    ),
    '/known': post(async (request) => ({
      isKnown: await binder.isKnown(readText(await readBody(request), 'proof', PROOF_LIMIT)),
    })),
  }
}

function deviceRoutes({ devices }: ExternalBinder): Routes {
  if (!devices) return {}
  const change = (act: (token: string, body: Body, accountId: string | undefined) => Promise<object>): Route =>
    post(async (request, token) => {
      const body = await readBody(request)
      return act(required(token), body, readOptional(body, 'accountId', ID_LIMIT))
    })
  return {
    '/devices': {
      method: 'GET',
      async answer({ url }, token) {
        const accountId = new URL(url).searchParams.get('accountId') ?? undefined
        return { devices: await devices.list(required(token), accountId) }
      },
    },
    '/devices/rename': change(async (token, body, accountId) => {
      await devices.rename(token, readText(body, 'id', 64), readName(body), accountId)
      return { status: true }
    }),
    // A device's key is no way into the account while it has the principal: there is none to revoke.
    '/devices/revoke': change(async (token, body, accountId) => ({
      sessions: await devices.revoke(token, readText(body, 'id', 64), accountId),
      keys: 'none',
    })),
    '/devices/revoke-others': change(async (token, _, accountId) => ({
      sessions: await devices.revokeOthers(token, accountId),
      keys: 'none',
    })),
  }
}

function post(answer: Route['answer']): Route {
  return { method: 'POST', answer }
}

function required(token: string | null): string {
  if (token === null) throw new LatchkeyError('CREDENTIAL_MISSING')
  return token
}

/** Returns the session in the form for clients. */
async function toSession(
  { account, binding, aliases, canAdopt, actor }: BoundAccount,
  describe: NonNullable<BinderHandlerOptions['describe']>,
  isPeek: boolean,
): Promise<object> {
  const { identifiers = [], recoverable = true } = describe(account.claims)
  const id = sessionIdOf(account.claims)
  return {
    ...(id !== undefined && { id }),
    accountId: sessionAccountIdOf(account),
    principal: binding?.principal ?? (await namespacedPrincipal(account.issuer, account.subject)),
    aliases,
    recoverable,
    identifiers,
    ...(actor && { impersonatedBy: actor.accountId }),
    ...(isPeek && { open: binding === null, canAdopt }),
  }
}

/** An audience that is no URL names no path. */
function pathOf(audience: string): string {
  return URL.canParse(audience) ? new URL(audience).pathname : '/'
}

/** Largest number of characters of a member of the body. */
const [NONCE_LIMIT, PROOF_LIMIT, ID_LIMIT] = [200, 4096, 4096]

type Body = Readonly<Record<string, unknown>>

/** A member of the body is missing, or is no text of the allowed length. */
class InvalidBody extends Error {
  constructor(name: string, most: number) {
    super(`${name}: expected a string of at most ${most} characters`)
  }
}

function readText(body: Body, name: string, most: number): string {
  const value = body[name]
  if (typeof value !== 'string' || value === '' || value.length > most) throw new InvalidBody(name, most)
  return value
}

function readOptional(body: Body, name: string, most: number): string | undefined {
  return body[name] === undefined ? undefined : readText(body, name, most)
}

function readName(body: Body): string {
  const name = readText(body, 'name', MAX_DEVICE_NAME_CHARACTERS)
  if (!isDeviceName(name)) throw new InvalidBody('name', MAX_DEVICE_NAME_CHARACTERS)
  return name
}

function readProof(body: Body): Record<'proof' | 'nonce', string> {
  return { proof: readText(body, 'proof', PROOF_LIMIT), nonce: readText(body, 'nonce', NONCE_LIMIT) }
}

const ACTS: readonly string[] = ['bind', 'link', 'unlink'] satisfies AccountAct[]

function readAct(body: Body, { hasAliases }: ExternalBinder): AccountAct {
  const act = readText(body, 'purpose', 16)
  if (!ACTS.includes(act) || (act !== 'bind' && !hasAliases)) throw new InvalidBody('purpose', 16)
  return act as AccountAct
}

function bearerIn(value: string | null): string | null {
  return /^Bearer ([^\s]+)$/i.exec(value ?? '')?.[1] ?? null
}

async function readBody(request: Request): Promise<Body> {
  const body = await readBounded(request, BODY_LIMIT_BYTES).catch(breaksOff)
  if (!body) throw new LatchkeyError('TOKEN_TOO_LARGE')
  return parseObject(body)
}

/** The client left in the middle of its body, which is no fault of the server. */
function breaksOff(): never {
  throw new LatchkeyError('TOKEN_MALFORMED')
}

function reply(body: object, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return Response.json(body, { status, headers: { 'cache-control': 'no-store', ...headers } })
}

/** Unexpected errors are rethrown: the server handles them. */
function refuse(error: unknown, now: number): Response {
  if (error instanceof InvalidBody) return reply({ now, code: 'BODY_INVALID', message: error.message }, 400)
  if (!isLatchkeyError(error)) throw error
  const { code } = error
  const { meaning: message, status = 400 } = ERROR_TABLE[code]
  return reply({ now, code, message }, status, challengeOf(code))
}
