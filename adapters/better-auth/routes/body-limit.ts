import { isLatchkeyError } from '../../../lib/server.ts'
import { parseObject } from '../../../lib/server-kit.ts'

/** Largest body that the plugin's endpoints read, in bytes. */
const MAX_BODY_BYTES = 16 * 1024

/**
 * Reads a body before anything parses it, and stops at the limit whatever Content-Length says.
 *
 * @returns the same request with its body in memory, or the response 413
 */
export async function limitBody(request: Request): Promise<{ request: Request } | { response: Response }> {
  if (!request.body) return { request }
  // A client that disconnects in the middle is not a fault of the server.
  const body = await readBody(request.body).catch(() => BROKEN_OFF)
  if (body === BROKEN_OFF) return { response: badRequest('the body ends early') }
  if (body === TOO_LARGE) return { response: tooLarge() }
  if (isJson(request) && hasMemberTwice(body)) return { response: badRequest('a member is duplicated') }
  const { url, method, headers, signal } = request
  return { request: new Request(url, { method, headers, signal, body }) }
}

const TOO_LARGE = null
const BROKEN_OFF = undefined

async function readBody(body: ReadableStream<Uint8Array>): Promise<Uint8Array<ArrayBuffer> | typeof TOO_LARGE> {
  const chunks: Uint8Array[] = []
  let size = 0
  const reader = body.getReader()
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    size += part.value.length
    if (size > MAX_BODY_BYTES) {
      // Not awaited: a body with a second reader is cancelled only when both are.
      reader.cancel().catch(() => {})
      return TOO_LARGE
    }
    chunks.push(part.value)
  }
  return new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer())
}

function isJson({ headers }: Request): boolean {
  return /json/i.test(headers.get('content-type') ?? '')
}

/** Two readers of such a body can take different values for the same parameter. Other bad JSON is refused later. */
function hasMemberTwice(body: Uint8Array<ArrayBuffer>): boolean {
  try {
    parseObject(body)
    return false
  } catch (error) {
    return isLatchkeyError(error, 'TOKEN_MEMBER_DUPLICATE')
  }
}

/** In the format of RFC 6749 §5.2, which the exchange requires and which suits the other routes as well. */
function badRequest(message: string): Response {
  const headers = { 'cache-control': 'no-store', pragma: 'no-cache' }
  const body = { error: 'invalid_request', error_description: message, code: 'INVALID_REQUEST', message }
  return Response.json(body, { status: 400, headers })
}

function tooLarge(): Response {
  return Response.json(
    { code: 'BODY_TOO_LARGE', message: `The body is over ${MAX_BODY_BYTES} bytes.` },
    { status: 413 },
  )
}
