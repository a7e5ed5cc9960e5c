import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Outcome, OutcomeCounts } from '../../lib/server.ts'
import { isLatchkeyError, toResponse } from '../../lib/server.ts'
import { isPlainText, parseObject } from '../../lib/server-kit.ts'
import type { Operator } from '../better-auth/index.ts'
import { type Incoming, type Route, problem } from './http.ts'
import type { Log } from './log.ts'

/** The parts that the operator's routes use. */
export interface OperatorParts {
  readonly operator: Operator
  readonly adminSecret: string
  readonly counts: () => OutcomeCounts
  readonly log: Log
}

type Answer = (incoming: Incoming, parts: OperatorParts) => Promise<Response>

interface OperatorRoute extends Pick<Route, 'name' | 'pattern'> {
  readonly method: 'GET' | 'POST'
  readonly answer: Answer
}

const ROUTES: readonly OperatorRoute[] = [
  {
    name: '/operator/outcomes',
    method: 'GET',
    pattern: /^\/operator\/outcomes$/,
    answer: async (_, { counts }) => found(counts()),
  },
  { name: '/operator/accounts', method: 'GET', pattern: /^\/operator\/accounts$/, answer: accountByEmail },
  {
    name: '/operator/accounts/:id',
    method: 'GET',
    pattern: /^\/operator\/accounts\/([^/]+)$/,
    answer: async ({ parameters: [id] }, { operator }) => found(await operator.account(id!)),
  },
  {
    name: '/operator/accounts/:id/unlink',
    method: 'POST',
    pattern: /^\/operator\/accounts\/([^/]+)\/unlink$/,
    answer: unlink,
  },
  {
    name: '/operator/accounts/:id/retire',
    method: 'POST',
    pattern: /^\/operator\/accounts\/([^/]+)\/retire$/,
    answer: retireAccount,
  },
  {
    name: '/operator/principals/:principal',
    method: 'GET',
    pattern: /^\/operator\/principals\/([^/]+)$/,
    answer: async ({ parameters: [principal] }, { operator }) => found(await operator.principal(principal!)),
  },
  {
    name: '/operator/principals/:principal/retire',
    method: 'POST',
    pattern: /^\/operator\/principals\/([^/]+)\/retire$/,
    answer: retirePrincipal,
  },
]

/**
 * Returns the routes of the operator API. Every request needs the admin secret as its bearer token. Requests from web
 * pages are refused.
 */
export function operatorRoutes(parts: OperatorParts): readonly Route[] {
  const isSecret = createComparison(parts.adminSecret)
  return ROUTES.map(({ answer, ...route }) => ({
    ...route,
    async answer(incoming) {
      const refused = refusalOf(incoming, isSecret)
      if (refused) {
        parts.log.warn('operator-refused', { route: route.name })
        return refused
      }
      if (!incoming.parameters.every(isPlainText)) return problem(400, 'id')
      return answer(incoming, parts).catch(toAnswer)
    },
  }))
}

/** Compares digests of equal length under a random key, so that the time reveals nothing about the secret. */
function createComparison(secret: string): (text: string) => boolean {
  const key = randomBytes(32)
  const digest = (text: string): Buffer => createHmac('sha256', key).update(text).digest()
  const expected = digest(secret)
  return (text) => timingSafeEqual(digest(text), expected)
}

function refusalOf({ message: { headersDistinct } }: Incoming, isSecret: (text: string) => boolean): Response | null {
  if (headersDistinct['origin'] || headersDistinct['sec-fetch-site']) return problem(403, 'from a browser')
  const given = headersDistinct['authorization'] ?? []
  const [, secret] = (given.length === 1 && /^Bearer ([!-~]{1,1024})$/i.exec(given[0]!)) || []
  return secret !== undefined && isSecret(secret)
    ? null
    : problem(401, 'unauthenticated', { 'www-authenticate': 'Bearer' })
}

function found(value: object | null): Response {
  return value === null ? problem(404, 'unknown') : Response.json(value, { headers: { 'cache-control': 'no-store' } })
}

function toAnswer(error: unknown): Response {
  if (isLatchkeyError(error)) return toResponse(error)
  throw error
}

async function accountByEmail({ url }: Incoming, { operator }: OperatorParts): Promise<Response> {
  const email = url.searchParams.get('email')
  if (!email || email.length > 320 || !isPlainText(email)) return problem(400, 'email')
  const id = await operator.accountByEmail(email)
  return found(id === null ? null : await operator.account(id))
}

async function unlink({ parameters: [id], request }: Incoming, { operator, log }: OperatorParts): Promise<Response> {
  const { alias } = readObject(new Uint8Array(await request.arrayBuffer()))
  if (typeof alias !== 'string' || alias === '' || alias.length > 255 || !isPlainText(alias))
    return problem(400, 'alias')
  await operator.unlink(id!, alias)
  log.info('operator', { act: 'unlink', accountId: id!, principal: alias })
  return found(await operator.account(id!))
}

function readObject(body: Uint8Array<ArrayBuffer>): Readonly<Record<string, unknown>> {
  try {
    return parseObject(body)
  } catch {
    return {}
  }
}

async function retireAccount({ parameters: [id] }: Incoming, { operator, log }: OperatorParts): Promise<Response> {
  if (!(await operator.retireAccount(id!))) return problem(404, 'unknown')
  log.info('operator', { act: 'retire', accountId: id! })
  return found({ retired: true })
}

const PRINCIPAL = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/

async function retirePrincipal(
  { parameters: [principal] }: Incoming,
  { operator, log }: OperatorParts,
): Promise<Response> {
  if (!PRINCIPAL.test(principal!)) return problem(400, 'principal')
  await operator.retirePrincipal(principal!)
  log.info('operator', { act: 'retire', principal: principal! })
  return found(await operator.principal(principal!))
}

/** Returns the log fields of an outcome. */
export function outcomeFields(outcome: Outcome): Record<string, string> {
  return outcome.ok
    ? { source: outcome.source, mode: outcome.authMode }
    : { source: outcome.source, reason: outcome.reason }
}
