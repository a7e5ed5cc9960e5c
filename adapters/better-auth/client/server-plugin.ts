import type { createAuthEndpoint } from 'better-auth/api'
import type { KeysAnswer, SessionAnswer } from '../routes/answers.ts'
import type { LatchkeySchema } from '../schema.ts'

// Types only: what Better Auth's client infers about the server.

type Get<Path extends string, Answer> = ReturnType<typeof createAuthEndpoint<Path, { method: 'GET' }, Answer>>

interface PostOptions<Body> {
  method: 'POST'
  metadata: { $Infer: { body: Body } }
}
type Post<Path extends string, Body, Answer> = ReturnType<typeof createAuthEndpoint<Path, PostOptions<Body>, Answer>>

/** The routes that an app calls itself. The others need a proof, which the account provider adds. */
interface AppEndpoints {
  latchkeySession: Get<'/latchkey/session', SessionAnswer>
  latchkeyKeys: Get<'/latchkey/keys', KeysAnswer>
  latchkeyNameKey: Post<'/latchkey/keys/name', { thumbprint: string; name: string }, { status: boolean }>
  latchkeyRevokeKey: Post<'/latchkey/keys/revoke', { thumbprint: string }, { status: boolean }>
}

/**
 * The server plugin as `createAuthClient` infers from it: `authClient.latchkey.keys()`, and `principal` of a session's
 * user.
 */
export interface InferredServerPlugin {
  readonly id: 'latchkey'
  readonly endpoints: Pick<AppEndpoints, keyof AppEndpoints>
  readonly schema: LatchkeySchema
}
