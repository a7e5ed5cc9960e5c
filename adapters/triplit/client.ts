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
    getMetadata(key: string[]): Promise<unknown>
    setMetadata(key: string[], value: string): Promise<unknown>
  }
  startSession(token: string | undefined, connect?: boolean): Promise<unknown>
  updateSessionToken(token: string): Promise<unknown>
  updateServerUrl(serverUrl: string | undefined): void
  disconnect(): void
  clear(): Promise<unknown>
  clearPendingChangesForEntity(collection: string, id: string): Promise<unknown>
  clearPendingChangesAll(): Promise<unknown>
  onSessionError(listener: (type: TriplitSessionError) => void): () => void
  onConnectionStatusChange(listener: (status: TriplitStatus) => void): () => void
  onSyncMessageReceived(listener: (message: TriplitMessage) => void): () => void
  /** Its types know the first argument alone; the second one is what was not taken, `Record<string, TriplitCollectionChanges>`. */
  onFailureToSyncWrites(listener: (error: unknown) => void): () => void
}
