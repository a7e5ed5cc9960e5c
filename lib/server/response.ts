import { ERROR_TABLE } from '../error-table.ts'
import type { LatchkeyError, LatchkeyErrorCode } from '../errors.ts'
import type { Refused, SessionSource } from './types.ts'

/** What a refused credential leads to. */
export function refusal(reason: LatchkeyErrorCode, source: SessionSource = 'none'): Refused {
  const { state = 'invalid', status } = ERROR_TABLE[reason]
  const error = status === 503 ? 'unavailable' : state
  return { ok: false, error, reason, source, response: () => respond(reason) }
}

/**
 * The HTTP answer to a deliberate failure: status, JSON body and the `WWW-Authenticate` header of RFC 6750 §3.
 * It says no more than the kind of error.
 */
export function toResponse(error: LatchkeyError): Response {
  return respond(error.code)
}

/** What an answer is written to: Node's `ServerResponse`, Express's `Response` or Fastify's `reply.raw`. */
export interface ResponseTarget {
  /** Sets the status and further headers. */
  writeHead(status: number, headers: Readonly<Record<string, string | number>>): unknown
  /** Writes the body, and that was all. */
  end(body: Uint8Array): unknown
}

/**
 * Writes the answer of `toResponse` or of a refusal to what is no `Response`. Headers that were set before stay.
 *
 * @throws {Error} `ERR_HTTP_HEADERS_SENT`: the target has begun to answer
 */
export async function sendResponse(target: ResponseTarget, response: Response): Promise<void> {
  const body = new Uint8Array(await response.arrayBuffer())
  target.writeHead(response.status, { ...Object.fromEntries(response.headers), 'content-length': body.length })
  target.end(body)
}

/** The answer to a fault of the server's own: 500, and nothing about it. */
export function faultResponse(): Response {
  return Response.json({ error: 'internal' }, { status: 500, headers: { 'cache-control': 'no-store' } })
}

function respond(code: LatchkeyErrorCode): Response {
  const { status = 400, state, bearer } = ERROR_TABLE[code]
  const headers = new Headers({ 'cache-control': 'no-store' })
  if (bearer || status === 401) headers.set('www-authenticate', challenge(bearer, state))
  // What the operator's keys are doing is not for the client.
  if (status === 503) return Response.json({ error: 'unavailable', code: 'unavailable' }, { status, headers })
  // Without a state the code itself is for the client: a guard's, not a credential's.
  return Response.json(
    { error: status === 401 ? 'unauthenticated' : 'refused', code: state ?? code },
    { status, headers },
  )
}

/** Without a credential there is no error to name (RFC 6750 §3.1). */
function challenge(bearer: string | undefined, state: string | undefined): string {
  if (!bearer) return 'Bearer'
  return state ? `Bearer error="${bearer}", error_description="${state}"` : `Bearer error="${bearer}"`
}
