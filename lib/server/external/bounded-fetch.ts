import { TIMED_OUT, withTimeout } from '../../timeout.ts'
import { readBounded } from '../bounded-body.ts'

/** Gets a document in place of the global `fetch`. */
export type KeyFetch = (
  url: string,
  init: { readonly redirect: 'manual'; readonly signal: AbortSignal; readonly headers: Record<string, string> },
) => Promise<Response>

/** Most bytes of a key set. */
const SIZE_LIMIT_BYTES = 262_144

/**
 * Gets a JSON document, in bounded time and memory, from this address and no other.
 *
 * @param timeout - milliseconds for the whole of it
 * @throws {Error} it cannot be got, whatever the reason; the message says it to the operator
 */
export async function fetchJson(url: string, fetch: KeyFetch, timeout: number): Promise<unknown> {
  const controller = new AbortController()
  try {
    // A fetch of the caller's own may ignore the signal.
    const document = await withTimeout(readJson(url, fetch, controller.signal), timeout)
    if (document === TIMED_OUT) throw new Error(`no whole answer in ${timeout} ms`)
    return document
  } finally {
    controller.abort()
  }
}

async function readJson(url: string, fetch: KeyFetch, signal: AbortSignal): Promise<unknown> {
  const response = await fetch(url, {
    redirect: 'manual',
    signal,
    headers: { accept: 'application/json, application/jwk-set+json' },
  })
  // With `manual` a redirect is an answer of its own: keys come from the address that was configured.
  if (response.status !== 200 || response.redirected) throw new Error(`expected 200, got ${response.status}`)
  const body = await readBounded(response, SIZE_LIMIT_BYTES)
  if (!body) throw new Error(`over ${SIZE_LIMIT_BYTES} bytes`)
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
}
