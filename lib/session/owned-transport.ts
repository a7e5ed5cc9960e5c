import type { Awaitable } from '../awaitable.ts'
import type { RestartChange, SessionAuth } from './options.ts'
import { type SessionConnection, type SessionTransport, checkTransport } from './transport.ts'

/** Where the owner of a transport's data is stored: with the data, so that both survive a reload together. */
export interface OwnerStore {
  /** Returns the stored principal; null or undefined if there is none. */
  read(): Awaitable<string | null | undefined>
  /**
   * Returns the stored principal as other tabs have left it, if `read` and the data in this tab come from a copy, such
   * as a cache. Defaults to `read`.
   */
  stored?(): Awaitable<string | null | undefined>
  /** Stores the principal; null removes it. */
  write(principal: string | null): unknown
  /**
   * Called and awaited before data of an adopted principal, which belongs to the same user, goes on under the account's
   * principal. If it rejects, the session connects again with a backoff, and calls it again.
   *
   * @param token - the token of the account's principal
   */
  adopt?(change: RestartChange, token: string): unknown
}

/**
 * Adds an owner to the data that a transport keeps, from the first second and over reloads. Another user's session
 * connects only after `beforeRestart` has handled the data; without it, the session ends, and `onFault` gets
 * `PRINCIPAL_MISMATCH`.
 *
 * @param auth - the result of `createAuth`
 * @param transport - a transport with `keeps: 'data'`
 * @param store - where the owner is stored. What it throws counts as a lost connection; while the user changes, and
 *   after `beforeRestart`, it ends the session
 * @throws {TypeError} an argument is invalid
 */
export function ownedTransport(
  auth: Pick<SessionAuth, 'ready' | 'getState' | 'subscribe'>,
  transport: SessionTransport,
  store: OwnerStore,
): SessionTransport {
  checkTransport(transport)
  if (transport.keeps !== 'data') throw new TypeError("transport.keeps: expected 'data'")
  for (const name of ['read', 'write'] as const)
    if (typeof store[name] !== 'function') throw new TypeError(`store.${name}: expected a function`)
  const owner = createOwner(auth, store)
  let turn = 0
  return {
    keeps: 'data',
    async connect(token, connection) {
      const mine = ++turn
      const isCurrent = (): boolean => mine === turn
      await owner.admit(token, connection, isCurrent)
      if (isCurrent()) await transport.connect(token, connection)
    },
    disconnect(reason) {
      turn++
      return transport.disconnect(reason)
    },
    ...(transport.update && { update: (token: string) => transport.update!(token) }),
    ...(transport.hold && { hold: (token: string) => (turn++, transport.hold!(token)) }),
    assign: (principal) => owner.assign(principal),
    owner: () => (store.stored ?? store.read).call(store),
    ...(transport.clear && { clear: async () => (await transport.clear!(), owner.assign(null)) }),
  }
}

interface Owner {
  /**
   * Resolves once a principal's session may use the data.
   *
   * @param isCurrent - false once the connection is over: it changes nothing any more
   */
  admit(token: string, connection: SessionConnection, isCurrent: () => boolean): Promise<void>
  /** Stores the owner; null if the data is deleted: what follows belongs to the current principal. */
  assign(principal: string | null): Promise<void>
}

function createOwner(auth: Pick<SessionAuth, 'ready' | 'getState' | 'subscribe'>, store: OwnerStore): Owner {
  const read = async (): Promise<string | null> => (await store.read()) ?? null
  /** What another tab has stored counts for what is stored next, and for what the app is asked about. */
  const readStored = async (view: string | null): Promise<string | null> => (await store.stored?.()) ?? view
  const current = (): string | null => auth.getState().session?.principal ?? null
  let claimed: string | null = null
  let claims: Promise<unknown> = Promise.resolve()

  /** Also before there is a token: offline writes already have an owner. */
  function claim(): void {
    const principal = current()
    if (principal === null || principal === claimed) return
    claimed = principal
    claims = claims
      .then(async () => {
        if ((await read()) === null && (await readStored(principal)) === principal) await store.write(principal)
      })
      // A connection reads it again, and reports the error.
      .catch(() => (claimed = null))
  }
  auth.subscribe(claim)
  void auth.ready.then(claim)

  return {
    async admit(token, { principal, handOver }, isCurrent) {
      await claims
      // What this tab has in memory is that of the owner whom it has read.
      const view = await read()
      if (view === principal || !isCurrent()) return
      const from = await readStored(view)
      // It ends with `assign`.
      if (![view, from].every((owner) => isSameUser(auth, owner, principal))) return handOver(from!)
      if (from !== null && from !== principal) await store.adopt?.({ from, to: principal }, token)
      if (isCurrent()) await store.write(principal)
    },
    async assign(principal) {
      // What follows a deletion belongs to the current user; without one, to the next user.
      claimed = principal ?? current()
      await store.write(claimed)
    },
  }
}

/** An adopted principal belongs to the same user; data without an owner, to any user. */
function isSameUser(auth: Pick<SessionAuth, 'getState'>, owner: string | null, principal: string): boolean {
  const { session } = auth.getState()
  return [null, principal].includes(owner) || (session?.principal === principal && session.principals.includes(owner!))
}
