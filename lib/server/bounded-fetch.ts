/** Gets a document in place of the global `fetch`. */
export type KeyFetch = (url: string, init: { readonly redirect: 'manual'; readonly signal: AbortSignal; readonly headers: Record<string, string> }) => Promise<Response>

/** Most bytes of a key set. */
const SIZE_LIMIT = 262_144

/**
 * Gets a JSON document, in bounded time and memory, from this address and no other.
 *
 * @param timeout - milliseconds for the whole of it
 * @throws {Error} it cannot be got, whatever the reason; the message says it to the operator
 */
export async function fetchJson(url: string, fetch: KeyFetch, timeout: number): Promise<unknown> {
  const controller = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no whole answer in ${timeout} ms`)), timeout)
  })
  try {
    // A fetch of the caller's own may ignore the signal.
    return await Promise.race([readJson(url, fetch, controller.signal), late])
  } finally {
    clearTimeout(timer)
    controller.abort()
  }
}

async function readJson(url: string, fetch: KeyFetch, signal: AbortSignal): Promise<unknown> {
  const response = await fetch(url, { redirect: 'manual', signal, headers: { accept: 'application/json, application/jwk-set+json' } })
  // With `manual` a redirect is an answer of its own: keys come from the address that was configured.
  if (response.status !== 200 || response.redirected) throw new Error(`expected 200, got ${response.status}`)
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(await readBody(response)))
}

async function readBody(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  if (Number(response.headers.get('content-length') ?? 0) > SIZE_LIMIT) throw tooLarge()
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > SIZE_LIMIT) throw tooLarge()
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

function tooLarge(): Error {
  return new Error(`over ${SIZE_LIMIT} bytes`)
}
