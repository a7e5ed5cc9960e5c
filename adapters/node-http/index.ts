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

/** Handles a request with its session. */
export type SessionListener<Session extends ServerSession = ServerSession> = (
  request: IncomingMessage,
  response: ServerResponse,
  session: Session,
) => unknown

/**
 * Creates a listener for Node's `http` and `https`. It calls your listener with the session, or responds itself. An
 * error that a guard throws in your listener becomes the response of `toResponse`; any other error becomes a 500.
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
  const authenticateRequest = createAuthenticator(resolver, options)
  const call = listener as SessionListener
  const { onError = console.error } = options
  async function run(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const admission = await authenticateRequest(request)
    if (!admission.ok) return sendResponse(response, admission.response)
    await call(request, response, admission.session)
  }
  return (request, response) => void run(request, response).catch((error: unknown) => fail(response, error, onError))
}

async function fail(response: ServerResponse, error: unknown, onError: (error: unknown) => void): Promise<void> {
  const isRefusal = isLatchkeyError(error)
  if (!isRefusal) onError(error)
  // A partial response must not look complete.
  if (response.headersSent) return void response.destroy()
  await sendResponse(response, isRefusal ? toResponse(error) : faultResponse())
}
