/**
 * Reads the body of a request or response, and stops at the limit whatever Content-Length says.
 *
 * @param limit - in bytes
 * @returns null if the body is longer
 */
export async function readBounded(
  { body, headers }: Pick<Response, 'body' | 'headers'>,
  limit: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  if (Number(headers.get('content-length') ?? 0) > limit) return null
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.length
    if (size > limit) return null
    chunks.push(chunk)
  }
  const whole = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}
