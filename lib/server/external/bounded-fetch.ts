import { readBounded } from '../bounded-body.ts'
import { withinTime } from '../within-time.ts'

/** Fetches a document; replaces the global `fetch`. */
export type KeyFetch = (
  url: string,
  init: { readonly redirect: 'manual'; readonly signal: AbortSignal; readonly headers: Record<string, string> },
) => Promise<Response>

/** Largest key set that is read, in bytes. */
const SIZE_LIMIT_BYTES = 262_144

/**
 * Fetches a JSON document in bounded time and memory. Redirects are not followed.
 *
 * @param timeout - for the whole request, in milliseconds
 * @throws {Error} the document cannot be fetched; the message gives the reason, for the operator
 */
export async function fetchJson(url: string, fetch: KeyFetch, timeout: number): Promise<unknown> {
  return withinTime(
    timeout,
    (signal) => readJson(url, fetch, signal),
    () => new Error(`no complete response within ${timeout} ms`),
  )
}

async function readJson(url: string, fetch: KeyFetch, signal: AbortSignal): Promise<unknown> {
  const response = await fetch(url, {
    redirect: 'manual',
    signal,
    headers: { accept: 'application/json, application/jwk-set+json' },
  })
  // With `manual`, a redirect is returned as a response: keys come only from the configured address.
  if (response.status !== 200 || response.redirected) throw new Error(`expected 200, got ${response.status}`)
  const body = await readBounded(response, SIZE_LIMIT_BYTES)
  if (!body) throw new Error(`over ${SIZE_LIMIT_BYTES} bytes`)
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
}
