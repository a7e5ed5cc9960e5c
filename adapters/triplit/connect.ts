import {
  type ConnectedSession,
  SYSTEM_TIMER,
  type SessionAuth,
  type SessionOptions,
  connectSession,
  ownedTransport,
} from '../../lib/session.ts'
import type { TriplitClientLike } from './client.ts'
import { refuseAnonymousWrites } from './anonymous-writes.ts'
import { ownerIn, requireSeen } from './owner.ts'
import { schemaRoles } from './roles.ts'
import { createTransport } from './transport.ts'
import { type OnWritesRejected, watchWrites } from './writes.ts'

/** Options of `connectTriplit`. */
export interface TriplitOptions extends SessionOptions {
  /**
   * `aud` of the tokens for the Triplit server: one of `audiences` with `via: 'exchange'` in `createAuth`, since the
   * Triplit server cannot verify tokens that a device signs. Required without `refresh.handler`.
   */
  readonly audience?: string
  /**
   * Called when the server refuses a write, which blocks the whole outbox. Without it, `onFault` receives the error.
   */
  readonly onWritesRejected?: OnWritesRejected
}

/**
 * Supplies a Triplit client with tokens of the current identity: connects, refreshes in time, pauses when a token is
 * refused, and continues with the same outbox after an upgrade or an adoption. It never mixes the data of two users,
 * even after a reload. The client's `insert`, `update`, `delete` and `transact` reject with `ANONYMOUS_WRITE_DENIED`
 * while there is no principal to own the write, and with `PRINCIPAL_MISMATCH` while the data is still another user's.
 *
 * @param auth - the result of `createAuth`
 * @param client - a `TriplitClient` with `serverUrl`, with `autoConnect: false` and without a token
 * @throws {TypeError} an option is invalid, or the client has a token or no server
 */
export function connectTriplit(
  auth: SessionAuth,
  client: TriplitClientLike,
  options: TriplitOptions = {},
): ConnectedSession {
  const { onWritesRejected, timer = SYSTEM_TIMER, ...rest } = options
  checkClient(client, options)
  const self = (): ConnectedSession => session
  const fault = (error: unknown): unknown => options.onFault?.(error)
  const owner = ownerIn(client)
  const transport = ownedTransport(
    auth,
    createTransport(client, timer, () => requireSeen(auth, owner)),
    owner,
  )
  const { beforeRestart, isHandingOver } = watchHandOver(options.beforeRestart)
  watchWrites(client, (rejected) => (onWritesRejected ? onWritesRejected(rejected, session) : fault(rejected.error)))
  refuseAnonymousWrites(client, auth, self, {
    isHandingOver,
    // Where this tab has none yet, another one may have stored it.
    readOwner: async () => (await owner.read()) ?? owner.stored(),
  })
  const session = connectSession(withSchema(auth, client), transport, {
    readRoles: (claims) => readRoles(client, claims),
    ...rest,
    timer,
    ...(beforeRestart && { beforeRestart }),
  })
  return session
}

type BeforeRestart = SessionOptions['beforeRestart']

/** While the app handles another user's data, it may reassign rows. */
function watchHandOver(app: BeforeRestart): { beforeRestart: BeforeRestart; isHandingOver(): boolean } {
  let running = 0
  return {
    isHandingOver: () => running > 0,
    beforeRestart:
      app &&
      (async (change, session) => {
        running++
        try {
          await app(change, session)
        } finally {
          running--
        }
      }),
  }
}

/** Roles are matched by the schema, which the client has once its database is open. */
function withSchema(auth: SessionAuth, client: TriplitClientLike): SessionAuth {
  const ready = auth.ready.then(() => client.ready)
  return Object.create(auth, { ready: { value: ready } }) as SessionAuth
}

/** Without roles in the schema every claim that names roles counts. */
function readRoles({ db }: TriplitClientLike, claims: Readonly<Record<string, unknown>>): unknown {
  const roles = db?.schema?.roles
  return roles ? schemaRoles(roles, claims) : [claims['role'], claims['roles']].flat()
}

function checkClient({ token, serverUrl }: TriplitClientLike, { audience, refresh }: TriplitOptions): void {
  if (token !== undefined)
    throw new TypeError('client: it already has a token; create it without one, or end its session first')
  if (serverUrl === undefined) throw new TypeError('client: expected a client with serverUrl')
  if (audience === undefined && !refresh?.handler)
    throw new TypeError('audience: expected the audience of the Triplit server; or pass refresh.handler')
}
