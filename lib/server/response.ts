import { ERROR_TABLE } from '../error-table.ts'
import type { LatchkeyError, LatchkeyErrorCode } from '../errors.ts'
import type { AnonymousWriteDenied, WriteAttempt } from '../anonymous-write.ts'
import type { Refused, SessionSource } from './types.ts'

/** Creates the result for a refused credential. */
export function refusal(reason: LatchkeyErrorCode, source: SessionSource = 'none'): Refused {
  const { state = 'invalid', status } = ERROR_TABLE[reason]
  const error = status === 503 ? 'unavailable' : state
  return { ok: false, error, reason, source, response: () => respond(reason) }
}

/**
 * Returns the HTTP response to a deliberate failure: status, JSON body and the `WWW-Authenticate` header of RFC 6750
 * §3. It reveals only the kind of error, and `operation` and `resource` of an {@link AnonymousWriteDenied}.
 */
export function toResponse(error: LatchkeyError): Response {
  return respond(error.code, attemptOf(error))
}

function attemptOf(error: LatchkeyError): Partial<WriteAttempt> {
  if (error.code !== 'ANONYMOUS_WRITE_DENIED') return {}
  const { operation, resource } = error as AnonymousWriteDenied
  return { operation, resource }
}

/** The target of a response: Node's `ServerResponse`, Express's `Response` or Fastify's `reply.raw`. */
export interface ResponseTarget {
  /** Sets the status and adds headers. */
  writeHead(status: number, headers: Readonly<Record<string, string | number>>): unknown
  /** Writes the body and ends the response. */
  end(body: Uint8Array): unknown
}

/**
 * Writes a `Response`, such as that of `toResponse` or of a refusal, to a Node response. Headers that are already set
 * stay.
 *
 * @throws {Error} `ERR_HTTP_HEADERS_SENT`: the response has already started
 */
export async function sendResponse(target: ResponseTarget, response: Response): Promise<void> {
  const body = new Uint8Array(await response.arrayBuffer())
  target.writeHead(response.status, { ...Object.fromEntries(response.headers), 'content-length': body.length })
  target.end(body)
}

/** Returns the response to a server fault: 500 without details. */
export function faultResponse(): Response {
  return Response.json({ error: 'internal' }, { status: 500, headers: { 'cache-control': 'no-store' } })
}

function respond(code: LatchkeyErrorCode, attempt: Partial<WriteAttempt> = {}): Response {
  const { status = 400, state } = ERROR_TABLE[code]
  const headers = new Headers({ 'cache-control': 'no-store', ...challengeOf(code) })
  // The state of the operator's keys is not for the client.
  if (status === 503) return Response.json({ error: 'unavailable', code: 'unavailable' }, { status, headers })
  // Without an error state, the code concerns a guard and not the credential: the client may know it.
  return Response.json(
    { error: status === 401 ? 'unauthenticated' : 'refused', code: state ?? code, ...attempt },
    { status, headers },
  )
}

/** Returns the header `WWW-Authenticate` of a response with this code, if it has one (RFC 6750 §3). */
export function challengeOf(code: LatchkeyErrorCode): Readonly<Record<string, string>> {
  const { status, state, bearer } = ERROR_TABLE[code]
  return bearer || status === 401 ? { 'www-authenticate': challenge(bearer, state) } : {}
}

/** Without a credential there is no error to report (RFC 6750 §3.1). */
function challenge(bearer: string | undefined, state: string | undefined): string {
  if (!bearer) return 'Bearer'
  return state ? `Bearer error="${bearer}", error_description="${state}"` : `Bearer error="${bearer}"`
}
