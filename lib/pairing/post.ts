import { LatchkeyError } from '../errors.ts'
import { withTimeout } from '../timeout.ts'

/** A request to the account server's part of a pairing. */
export interface Post {
  readonly url: string
  readonly body: object
  readonly headers: Readonly<Record<string, string>>
  readonly credentials: RequestCredentials
}

/** How long a request may take, with its body. */
const ANSWER_TIMEOUT_MS = 10_000

/**
 * Sends JSON, and returns the JSON of a response that is no refusal.
 *
 * @param refused - makes the error of any other response
 * @throws {LatchkeyError} `OFFLINE`: also if there is no response in time; what `refused` makes
 */
export async function post(
  send: typeof fetch,
  { url, body, headers, credentials }: Post,
  refused: (status: number, code: unknown) => LatchkeyError,
): Promise<unknown> {
  const call = new AbortController()
  const asked = send(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    credentials,
    cache: 'no-store',
    redirect: 'error',
    signal: call.signal,
  }).then(read, (cause: unknown) => {
    throw new LatchkeyError('OFFLINE', undefined, cause)
  })
  const { isOk, status, answer } = await withTimeout(asked, ANSWER_TIMEOUT_MS, () => {
    call.abort()
    throw new LatchkeyError('OFFLINE', 'the server did not answer in time')
  })
  if (isOk && answer) return answer
  throw refused(status, answer?.code)
}

interface Read {
  readonly isOk: boolean
  readonly status: number
  readonly answer: { readonly code?: unknown } | null
}

async function read(response: Response): Promise<Read> {
  const answer = (await response.json().catch(() => null)) as Read['answer']
  return { isOk: response.ok, status: response.status, answer }
}
