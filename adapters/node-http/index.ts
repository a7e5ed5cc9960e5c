import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import {
  type OwnedSession,
  type ServerSession,
  type SessionResolver,
  isLatchkeyError,
  sendResponse,
  toResponse,
} from '../../lib/server.ts'
import { type AuthenticateOptions, createAuthenticator, faultResponse } from '../../lib/server-kit.ts'

/** Answers a request of which it is known who asks. */
export type SessionListener<Session extends ServerSession = ServerSession> = (
  request: IncomingMessage,
  response: ServerResponse,
  session: Session,
) => unknown

/**
 * Makes a listener for Node's own `http` and `https`: it finds out who is asking, then calls yours or answers in its
 * place. What a guard throws in yours is answered as `toResponse` says, anything else with 500.
 *
 * @throws {TypeError} an option is invalid
 */
export function authenticate(
  resolver: SessionResolver,
  listener: SessionListener<OwnedSession>,
  options?: AuthenticateOptions & { readonly optional?: false },
): RequestListener
export function authenticate(
  resolver: SessionResolver,
  listener: SessionListener,
  options: AuthenticateOptions,
): RequestListener
export function authenticate(
  resolver: SessionResolver,
  listener: SessionListener<never>,
  options: AuthenticateOptions = {},
): RequestListener {
  const gate = createAuthenticator(resolver, options)
  const call = listener as SessionListener
  const { onError = console.error } = options
  async function run(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const admission = await gate(request)
    if (!admission.ok) return sendResponse(response, admission.response)
    await call(request, response, admission.session)
  }
  return (request, response) => void run(request, response).catch((error: unknown) => fail(response, error, onError))
}

async function fail(response: ServerResponse, error: unknown, onError: (error: unknown) => void): Promise<void> {
  const isRefusal = isLatchkeyError(error)
  if (!isRefusal) onError(error)
  // Half an answer must not look like a whole one.
  if (response.headersSent) return void response.destroy()
  await sendResponse(response, isRefusal ? toResponse(error) : faultResponse())
}
