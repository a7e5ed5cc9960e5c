import { LatchkeyError } from '../../lib/index.ts'
import type { SessionAuth, SessionConnection, SessionTimer, SessionTransport } from '../../lib/session.ts'
import { type ZeroLike, type ZeroState, isRefusedByCache, refusalIn } from './client.ts'
import { type Instance, createInstances } from './instances.ts'
import { PRINCIPAL_HEADER } from './principal-header.ts'

/**
 * Zero is connected before zero-cache has asked the app's server about the token. A connection that lasts this long
 * counts as accepted.
 */
export const ACCEPT_MS = 1000

/** How long a caller of `clear` waits: as in any session. */
const CLEAR_TIMEOUT_MS = 30_000

/** What the transport uses of the app. */
export interface TransportParts<Zero extends ZeroLike> {
  readonly auth: Pick<SessionAuth, 'ready' | 'getState' | 'subscribe'>
  readonly clock: () => number
  readonly timer: SessionTimer
  create(principal: string): Zero
  /** Returns the principals among these that have stored data in this browser. */
  stored(principals: readonly string[]): Promise<readonly string[]>
  /** True if the session has ended, and none follows. */
  isOver(): boolean
  /** Called after each local write. */
  onWrite(): void
  /** Called when the current client has changed. */
  onChange(): void
  /** Receives what concerns neither the token nor the network. */
  fault(error: unknown): void
}

/** The transport, and what `connectZero` adds to a session. */
export interface ZeroTransport<Zero extends ZeroLike> extends SessionTransport {
  /** The client of the current principal; null without one. */
  current(): Zero | null
  /** Replaces the client of a principal, whose stored state is gone. */
  replace(principal: string): void
  /** Deletes the stored data of all principals of this page. */
  deleteAll(): Promise<void>
  /** Creates the client again, after the session has ended. */
  begin(): void
  /** Closes all clients, once their last write is on disk. */
  end(): void
}

/** Creates the transport. Zero stores the data of each principal apart, so that no user sees another's. */
export function createTransport<Zero extends ZeroLike>(parts: TransportParts<Zero>): ZeroTransport<Zero> {
  const { auth, timer, fault } = parts
  const instances = createInstances<Zero>({ ...parts, onState, onDeleted })
  /** Zero clients that may still be refused for the token before the last one, or for having none. */
  const unsure = new WeakSet<Zero>()
  let connection: SessionConnection | null = null
  /** The last token, and the principal that it was given for. */
  let given: { readonly token: string; readonly principal: string } | null = null
  let shown: Zero | null = null
  let accepting: unknown = null
  let hasEnded = false
  let askedFor = ''
  let unfollow: (() => void) | null = null

  const principals = (): readonly string[] => (hasEnded ? [] : (auth.getState().session?.principals ?? []))
  const principal = (): string | null => (hasEnded ? null : (auth.getState().session?.principal ?? null))
  const find = (): Instance<Zero> | undefined => instances.all().find((each) => each.principal === principal())

  function show(): void {
    const found = find()?.zero ?? null
    if (found === shown) return
    shown = found
    parts.onChange()
  }
  /** Creates and ends clients: the user may have changed, or the user's aliases. */
  function follow(): void {
    const owner = principal()
    if (owner !== null) instances.open(owner)
    for (const each of instances.all()) {
      if (each.principal === owner) continue
      if (principals().includes(each.principal)) instances.drain(each.principal)
      else instances.retire(each.principal)
    }
    show()
    void openAliases(principals().filter((each) => each !== owner))
  }
  /** An earlier visit may have ended before an alias's writes were sent. */
  async function openAliases(aliases: readonly string[]): Promise<void> {
    const text = aliases.join(' ')
    if (text === askedFor) return
    askedFor = text
    const found = text === '' ? [] : await parts.stored(aliases).catch((error: unknown) => (fault(error), []))
    if (text !== askedFor) return
    for (const alias of found) {
      if (instances.all().some((each) => each.principal === alias)) continue
      const instance = instances.open(alias)
      if (!instance) continue
      if (given?.principal === principal()) putInto(instance, given!.token)
      instances.drain(alias)
    }
  }
  /** Also to the clients of aliases: their writes are sent in the name of the account. */
  function put(token: string, owner: string): void {
    given = { token, principal: owner }
    for (const each of instances.all())
      if (each.principal === owner || principals().includes(each.principal)) putInto(each, token)
  }
  /** Puts the token of the connection in place, in a client that may be a new one. */
  function place(): void {
    const opened = connection && given && instances.open(given.principal)
    if (!opened) return
    put(given!.token, given!.principal)
    show()
    if (opened.zero.connection.state.current.name === 'connected') accept()
  }
  function putInto(instance: Instance<Zero>, token: string): void {
    unsure.add(instance.zero)
    instance.put(token)
  }
  function stopAccepting(): void {
    timer.clear(accepting)
    accepting = null
  }
  function accept(): void {
    stopAccepting()
    const accepted = connection
    accepting = timer.set(() => {
      const zero = find()?.zero
      if (zero) unsure.delete(zero)
      if (accepted === connection) accepted?.accepted()
    }, ACCEPT_MS)
  }
  function leave(): SessionConnection | null {
    stopAccepting()
    const left = connection
    connection = null
    return left
  }
  function refuse(instance: Instance<Zero>, state: ZeroState): void {
    const word = refusalIn(state)
    const token = instance.token()
    if (token === null) return
    // The answer may be about the token before: once, ask again.
    if (unsure.delete(instance.zero)) instance.put(token)
    else if (instance.principal === principal()) leave()?.rejected((word ?? 'UNAUTHORIZED') as 'UNAUTHORIZED')
    else if (isRefusedByCache(state)) fault(new LatchkeyError('PRINCIPAL_MISMATCH', ALIAS_REFUSED))
  }
  function onState(instance: Instance<Zero>, state: ZeroState): void {
    if (state.name === 'needs-auth') return refuse(instance, state)
    if (instance.principal !== principal()) return
    if (state.name === 'connected') return accept()
    stopAccepting()
    if (state.name === 'error') leave()?.lost()
    if (state.name === 'closed') replace(instance.principal)
  }
  function onDeleted(): void {
    askedFor = ''
    follow()
    place()
  }
  function watch(): void {
    hasEnded = false
    unfollow ??= auth.subscribe(follow)
  }
  /** Also of a user who has left: their new client ends as the one before would have. */
  function replace(owner: string): void {
    instances.replace(owner)
    follow()
  }

  watch()
  void auth.ready.then(follow)

  return {
    // In the sense of a session: another user's client has a storage of its own.
    keeps: 'nothing',
    connect(token, next) {
      stopAccepting()
      watch()
      connection = next
      given = { token, principal: next.principal }
      place()
    },
    update: (token: string) => given && put(token, given.principal),
    // `paused` closes nothing: that would lose the writes of the last second, and a refusal has stopped Zero already.
    disconnect(reason) {
      leave()
      // Other roles of the same user end a session too, and another one follows.
      if (reason === 'ended' && parts.isOver()) hasEnded = true
      follow()
    },
    current: () => shown,
    replace,
    async deleteAll() {
      stopAccepting()
      askedFor = ''
      const deleted = instances.deleteAll()
      show()
      await new Promise<void>((resolve, reject) => {
        const handle = timer.set(() => reject(new LatchkeyError('OFFLINE')), CLEAR_TIMEOUT_MS)
        void deleted.then(resolve, reject).then(() => timer.clear(handle))
      })
    },
    begin() {
      watch()
      follow()
    },
    end() {
      unfollow?.()
      unfollow = null
      hasEnded = true
      follow()
    },
  }
}

const ALIAS_REFUSED = `zero-cache did not pass on the header ${PRINCIPAL_HEADER}, so that writes of an alias wait`
