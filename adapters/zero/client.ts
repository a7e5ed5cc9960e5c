/** The state of a Zero client's connection. */
export interface ZeroState {
  /** `connecting`, `connected`, `disconnected`, `needs-auth`, `error` or `closed`. */
  readonly name: string
  readonly reason?: unknown
}

/** The part of a `Zero` instance that is used. Declared structurally, so that the package is not bundled. */
export interface ZeroLike {
  readonly connection: {
    readonly state: {
      readonly current: ZeroState
      /** Calls `listener` with each new state. */
      subscribe(listener: (state: ZeroState) => void): () => void
    }
    /** Replaces the token, and connects again after a refusal or an error. */
    connect(options?: { auth: string }): Promise<void>
  }
  /** Zero's mutators: a function, with functions and objects as members. */
  readonly mutate: unknown
  /** Ends the instance. Zero does not store the writes of the last second. */
  close(): Promise<unknown>
  /**
   * Closes the instance and deletes its stored data, unsent mutations included. Zero 1.9 resolves with `errors`, which
   * is not empty if something was not deleted.
   */
  delete(): Promise<unknown>
}

/** Why Zero stopped at `needs-auth`, as far as it is read. */
interface RefusalReason {
  readonly type?: unknown
  readonly body?: unknown
}

/**
 * Returns the reason in a refusal of the app's server: `expired`, `missing`, `invalid` or `disabled`; null without one.
 *
 * @param state - with the name `needs-auth`
 */
export function refusalIn({ reason }: ZeroState): string | null {
  const { body } = (reason ?? {}) as RefusalReason
  // Zero passes on the beginning of the body, which may be cut.
  const found = typeof body === 'string' ? /"code"\s*:\s*"(expired|missing|invalid|disabled)"/.exec(body) : null
  return found?.[1] ?? null
}

/** True if zero-cache itself refused the connection, and not the app's server. */
export function isRefusedByCache({ reason }: ZeroState): boolean {
  return ((reason ?? {}) as RefusalReason).type === 'zero-cache'
}
