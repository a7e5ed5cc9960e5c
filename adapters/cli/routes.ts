import type { OutcomeCounts } from '../../lib/server.ts'
import type { Configuration } from './configuration.ts'
import { type Route, problem } from './http.ts'
import type { Identity } from './identity.ts'
import type { Log } from './log.ts'
import { operatorRoutes } from './operator-routes.ts'

/** The parts that the routes use. */
export interface RouteParts {
  readonly identity: Identity
  readonly configuration: Configuration
  readonly counts: () => OutcomeCounts
  readonly log: Log
}

/** Returns every route of the server. Without an admin secret there is no operator API. */
export function routesOf({ identity, configuration: { adminSecret }, counts, log }: RouteParts): readonly Route[] {
  const { auth, operator } = identity
  return [
    { name: '/health', method: 'GET', pattern: /^\/health$/, answer: () => health(identity) },
    { name: '/session', pattern: /^\/session$/, method: 'GET', answer: ({ message }) => session(identity, message) },
    { name: '/api/auth', pattern: /^\/api\/auth\//, answer: ({ request }) => auth.handler(request) },
    ...(adminSecret === null ? [] : operatorRoutes({ operator, adminSecret, counts, log })),
  ]
}

const NOT_KEPT = { headers: { 'cache-control': 'no-store' } }

async function health({ ping }: Identity): Promise<Response> {
  try {
    await ping()
    return Response.json({ ok: true }, NOT_KEPT)
  } catch {
    return problem(503, 'database')
  }
}

/** Responds with the session of the request. */
async function session(
  { resolver }: Identity,
  message: Parameters<Identity['resolver']['resolve']>[0],
): Promise<Response> {
  const found = await resolver.resolve(message)
  if (!found.ok) return found.response()
  const { authMode, principal, principals, claims } = found.session
  return Response.json({ source: found.source, authMode, principal, principals, claims }, NOT_KEPT)
}
