import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { ServerSession, SessionResolver } from '../../lib/server.ts'
import { type AuthenticateOptions, createAuthenticator } from '../../lib/server-kit.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * The session of the request.
     *
     * @throws {TypeError} the plugin of `latchkey/fastify` is not registered for this route
     */
    readonly latchkey: ServerSession
  }
}

/** Options of {@link authenticate}. */
export interface FastifyAuthenticateOptions extends AuthenticateOptions {
  readonly resolver: SessionResolver
}

const sessions = new WeakMap<FastifyRequest, ServerSession>()

const plugin: FastifyPluginAsync<FastifyAuthenticateOptions> = async (
  fastify,
  { resolver, optional = false, onError = (error) => fastify.log.error(error) },
) => {
  const authenticateRequest = createAuthenticator(resolver, { optional, onError })
  if (!fastify.hasRequestDecorator('latchkey')) fastify.decorateRequest('latchkey', { getter: sessionOf })
  fastify.addHook('onRequest', async (request, reply) => {
    // `request.headers` is what the handlers see; a hook may have replaced it.
    const { method, headersDistinct } = request.raw
    const admission = await authenticateRequest({ method, headersDistinct, headers: request.headers })
    if (!admission.ok) return answer(reply, admission.response)
    sessions.set(request, admission.session)
    return undefined
  })
}

/**
 * Plugin that sets `request.latchkey` to the session, or responds instead of the handlers, before the body is read. It
 * applies to the routes of the scope that registers it and of inner scopes. `onError` defaults to the server's log.
 */
export const authenticate: FastifyPluginAsync<FastifyAuthenticateOptions> = Object.assign(plugin, {
  // As fastify-plugin does: the hook applies to the surrounding scope.
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'latchkey',
  [Symbol.for('plugin-meta')]: { name: 'latchkey', fastify: '>=4.0.0 <6' },
})

function sessionOf(this: FastifyRequest): ServerSession {
  const session = sessions.get(this)
  if (!session) throw new TypeError('request.latchkey: the plugin is not registered for this route')
  return session
}

async function answer(reply: FastifyReply, response: Response): Promise<FastifyReply> {
  const body = await response.text()
  return reply.code(response.status).headers(Object.fromEntries(response.headers)).send(body)
}
