import type { AuthMode } from '../../machine/state.ts'

/** A token with what the session knows about it. Nothing in it was verified: the other side does that. */
export interface SessionToken {
  readonly text: string
  readonly principal: string
  /** Comparable; what a token update may not change. */
  readonly roles: string
  /** The mode of `auth` when the token came: a verdict on it says nothing about the credential of another mode. */
  readonly mode: AuthMode
  /** When it came by this device's clock, milliseconds since 1970. */
  readonly takenAt: number
  /** How long it lasts from then on, milliseconds; not positive when it looks expired. */
  readonly left: number
  /** A replacement is fetched this long before the end, milliseconds. */
  readonly lead: number
}

/** Tells whether a token should still be taken, as far as can be known here. */
export function isAlive({ takenAt, left }: SessionToken, now: number): boolean {
  return now - takenAt < left
}
