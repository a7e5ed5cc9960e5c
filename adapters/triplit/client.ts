import type { Roles } from '../../lib/session.ts'

/** Where the socket of a Triplit client stands. */
export type TriplitStatus = 'UNINITIALIZED' | 'CONNECTING' | 'OPEN' | 'CLOSING' | 'CLOSED'

/** What `onSessionError` of a Triplit client tells. */
export type TriplitSessionError = 'UNAUTHORIZED' | 'SCHEMA_MISMATCH' | 'TOKEN_EXPIRED' | 'ROLES_MISMATCH'

/** A message of the sync protocol, as far as it is read here. */
export interface TriplitMessage {
  readonly type: string
  readonly payload?: unknown
}

/** Changes of one collection in the outbox. */
export interface TriplitCollectionChanges {
  readonly sets: ReadonlyMap<string, unknown>
  readonly deletes: ReadonlySet<string>
}

/** What a `TriplitClient` is used for. Its shape alone is named here, so that nothing of the package is bundled. */
export interface TriplitClientLike {
  /** Resolves once the local database is open. */
  readonly ready: Promise<unknown>
  readonly token: string | undefined
  readonly serverUrl: string | undefined
  readonly connectionStatus: TriplitStatus
  /** The local database, once `ready`. Values beside the data: they go with it. */
  readonly db: {
    /** The schema, whose roles decide whether a token continues a session. */
    readonly schema?: { readonly roles?: Roles | undefined } | undefined
    /** Reads a value. */
    getMetadata(key: string[]): Promise<unknown>
    /** Writes a value. */
    setMetadata(key: string[], value: string): Promise<unknown>
  }
  /** Begins a session with a token, or ends the one that is there. */
  startSession(token: string | undefined, connect?: boolean): Promise<unknown>
  /** Puts a token of the same session in place. */
  updateSessionToken(token: string): Promise<unknown>
  /** Sets the server's address; without one nothing can connect. */
  updateServerUrl(serverUrl: string | undefined): void
  /** Closes the socket. */
  disconnect(): void
  /** Deletes the local data, the outbox and what stands beside them. */
  clear(): Promise<unknown>
  /** Takes one write out of the outbox, and back. */
  clearPendingChangesForEntity(collection: string, id: string): Promise<unknown>
  /** Takes all writes out of the outbox, and back. */
  clearPendingChangesAll(): Promise<unknown>
  /** Tells why the server closed a connection. */
  onSessionError(listener: (type: TriplitSessionError) => void): () => void
  /** Tells where the socket stands. */
  onConnectionStatusChange(listener: (status: TriplitStatus) => void): () => void
  /** Tells what the server says. */
  onSyncMessageReceived(listener: (message: TriplitMessage) => void): () => void
  /**
   * Tells what the server refused. Its types know the first argument alone; the second one is what was not taken,
   * `Record<string, TriplitCollectionChanges>`.
   */
  onFailureToSyncWrites(listener: (error: unknown) => void): () => void
}
