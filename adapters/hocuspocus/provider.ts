/** The part of a `Y.Doc` that is used: not `update`, for which Yjs would encode each transaction. */
export interface YDocLike {
  /** Calls `listener` after each transaction, also after one that changed nothing. */
  on(event: 'afterTransactionCleanup', listener: TransactionListener): unknown
  /** Ends the calls. */
  off(event: 'afterTransactionCleanup', listener: TransactionListener): unknown
}

/** A listener for the transactions of a document. */
export type TransactionListener = (transaction: YTransactionLike) => void

/** The part of a `Y.Transaction` that is used. */
interface YTransactionLike {
  /** False for changes that came from elsewhere. */
  readonly local: boolean
  /** The types that were there before, and were written or deleted from. */
  readonly changed: { readonly size: number }
  /** What was deleted, by client. */
  readonly deleteSet: { readonly clients: { readonly size: number } }
}

/**
 * True for the local transactions for which Yjs would emit `update`. What is inserted below something deleted is only
 * in `deleteSet`.
 */
export function isLocalWrite({ local, changed, deleteSet }: YTransactionLike): boolean {
  return local && changed.size + deleteSet.clients.size > 0
}

/** The part of a `HocuspocusProviderWebsocket` that is used. */
export interface HocuspocusSocketLike {
  /** `connecting`, `connected` or `disconnected`. */
  readonly status: string
  /** The current socket; null without one. */
  readonly webSocket: {
    /** Calls `listener` on each event of this name. */
    addEventListener(event: 'error', listener: () => void): unknown
  } | null
  /** Opens the socket, and opens it again after a failure. */
  connect(): unknown
  /** Closes the socket, and opens no other one. */
  disconnect(): void
  /** Forgets the socket, as after its close event. */
  onClose(closed: { readonly event: { readonly code: number; readonly reason: string } }): void
}

/** The part of a `HocuspocusProvider` that is used. Declared structurally, so that the package is not bundled. */
export interface HocuspocusProviderLike {
  /** True if the provider has a socket of its own: it was created with `url`. */
  readonly manageSocket: boolean
  readonly isAttached: boolean
  readonly configuration: { readonly websocketProvider: HocuspocusSocketLike }
  /** Starts to sync over the socket. */
  attach(): void
  /** Stops to sync; the socket stays open. */
  detach(): void
  /** Forgets the presence of others, as after a closed connection. */
  onClose(): void
  /** Ends the provider, with the presence of this user. */
  destroy(): void
  /** Sends what the token function returns. */
  sendToken(): Promise<unknown>
  /** Starts to exchange changes. */
  startSync(): void
  // Declared as in the package, whose events have no types.
  /** Calls `listener` on each event of this name. */
  on(event: string, listener: (event: never) => void): unknown
}

/**
 * Detaches a provider, and closes its own socket. A shared socket stays open. Waits for no event: a network that is
 * gone answers no close frame, and Node 20 tells of no close while it connects.
 */
export function close(provider: HocuspocusProviderLike): void {
  const { manageSocket, configuration } = provider
  const socket = configuration.websocketProvider
  if (provider.isAttached) {
    provider.detach()
    provider.onClose()
  }
  if (!manageSocket) return
  // A socket of the package `ws` that is closed while it connects throws without a listener.
  socket.webSocket?.addEventListener('error', () => {})
  socket.disconnect()
  // Until it is closed, `connect` would have no effect.
  if (socket.status !== 'disconnected') socket.onClose({ event: { code: 1000, reason: 'disconnected' } })
}

/** Attaches a provider, and opens its own socket. */
export function open(provider: HocuspocusProviderLike): void {
  const { manageSocket, configuration } = provider
  if (!provider.isAttached) provider.attach()
  const socket = configuration.websocketProvider
  if (manageSocket && socket.status === 'disconnected') void socket.connect()
}
