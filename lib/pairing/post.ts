import { LatchkeyError } from '../errors.ts'

/** A request to the account server's part of a pairing. */
export interface Post {
  readonly url: string
  readonly body: object
  readonly headers: Readonly<Record<string, string>>
  readonly credentials: RequestCredentials
}

/**
 * Sends JSON, and returns the JSON of a response that is no refusal.
 *
 * @param refused - makes the error of any other response
 * @throws {LatchkeyError} `OFFLINE`; what `refused` makes
 */
export async function post(
  send: typeof fetch,
  { url, body, headers, credentials }: Post,
  refused: (status: number, code: unknown) => LatchkeyError,
): Promise<unknown> {
  const response = await send(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    credentials,
    cache: 'no-store',
    redirect: 'error',
  }).catch((cause: unknown) => {
    throw new LatchkeyError('OFFLINE', undefined, cause)
  })
  const answer = (await response.json().catch(() => null)) as { readonly code?: unknown } | null
  if (response.ok && answer) return answer
  throw refused(response.status, answer?.code)
}
