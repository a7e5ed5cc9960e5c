/** Largest body that the plugin's endpoints read, in bytes. */
const LIMIT = 16 * 1024

/**
 * Reads a body before anything parses it, and stops at the limit whatever Content-Length says.
 *
 * @returns the same request with its body in memory, or the response 413
 */
export async function limitBody(request: Request): Promise<{ request: Request } | { response: Response }> {
  if (!request.body) return { request }
  const chunks: Uint8Array[] = []
  let size = 0
  const reader = request.body.getReader()
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    size += part.value.length
    if (size > LIMIT) {
      // Not awaited: a body with a second reader is cancelled only when both are.
      reader.cancel().catch(() => {})
      return { response: tooLarge() }
    }
    chunks.push(part.value)
  }
  const { url, method, headers, signal } = request
  return {
    request: new Request(url, { method, headers, signal, body: await new Blob(chunks as BlobPart[]).arrayBuffer() }),
  }
}

function tooLarge(): Response {
  return Response.json({ code: 'BODY_TOO_LARGE', message: `The body is over ${LIMIT} bytes.` }, { status: 413 })
}
