import type { Roles } from '../../lib/session.ts'

/** Status of a Triplit client's socket. */
export type TriplitStatus = 'UNINITIALIZED' | 'CONNECTING' | 'OPEN' | 'CLOSING' | 'CLOSED'

/** The argument of `onSessionError` of a Triplit client. */
export type TriplitSessionError = 'UNAUTHORIZED' | 'SCHEMA_MISMATCH' | 'TOKEN_EXPIRED' | 'ROLES_MISMATCH'

/** The part of a sync protocol message that is read here. */
export interface TriplitMessage {
  readonly type: string
  readonly payload?: unknown
}

/** Changes of one collection in the outbox. */
export interface TriplitCollectionChanges {
  readonly sets: ReadonlyMap<string, unknown>
  readonly deletes: ReadonlySet<string>
}

/** The part of `TriplitClient` that is used. Declared structurally, so that the package is not bundled. */
export interface TriplitClientLike {
  /** Resolves once the local database is open. */
  readonly ready: Promise<unknown>
  readonly token: string | undefined
  readonly serverUrl: string | undefined
  readonly connectionStatus: TriplitStatus
  /** The local database, once `ready`. Its metadata is deleted together with the data. */
  readonly db: {
    /** The schema, whose roles decide whether a token continues a session. */
    readonly schema?: { readonly roles?: Roles | undefined } | undefined
    /** The store, which metadata is read from and written to. */
    readonly kv?:
      | {
          /** Reads a value. */
          get(key: string[], scope: string[]): Promise<unknown>
        }
      | undefined
    /** Reads a value. */
    getMetadata(key: string[]): Promise<unknown>
    /** Writes a value. */
    setMetadata(key: string[], value: string): Promise<unknown>
  }
  /** Starts a session with a token, or ends the current one. */
  startSession(token: string | undefined, connect?: boolean): Promise<unknown>
  /** Replaces the token of the current session. */
  updateSessionToken(token: string): Promise<unknown>
  /** Sets the server's URL; without one the client cannot connect. */
  updateServerUrl(serverUrl: string | undefined): void
  /** Closes the socket. */
  disconnect(): void
  /** Deletes the local data, the outbox and the metadata. */
  clear(): Promise<unknown>
  /** Removes one write from the outbox and reverts it. */
  clearPendingChangesForEntity(collection: string, id: string): Promise<unknown>
  /** Removes all writes from the outbox and reverts them. */
  clearPendingChangesAll(): Promise<unknown>
  /** Called with the reason when the server closed a connection. */
  onSessionError(listener: (type: TriplitSessionError) => void): () => void
  /** Called with the status of the socket. */
  onConnectionStatusChange(listener: (status: TriplitStatus) => void): () => void
  /** Called with each message from the server. */
  onSyncMessageReceived(listener: (message: TriplitMessage) => void): () => void
  /**
   * Called with the writes that the server refused. Triplit's types declare only the first argument; the second one
   * contains the refused changes, `Record<string, TriplitCollectionChanges>`.
   */
  onFailureToSyncWrites(listener: (error: unknown) => void): () => void
}
