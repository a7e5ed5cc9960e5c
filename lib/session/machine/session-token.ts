import type { AuthMode } from '../../machine/state.ts'

/** A token with what the session knows about it. Nothing in it is verified: the server does that. */
export interface SessionToken {
  readonly text: string
  readonly principal: string
  /** The roles in a canonical text form; a token update must not change them. */
  readonly roles: string
  /** The mode of `auth` at the token's arrival: a refusal says nothing about the credential of another mode. */
  readonly mode: AuthMode
  /** The arrival by this device's clock, milliseconds since 1970. */
  readonly takenAt: number
  /** Remaining lifetime at the arrival, milliseconds; zero or less if it looks expired. */
  readonly left: number
  /** A replacement is fetched this long before expiry, milliseconds. */
  readonly lead: number
}

/** True if a token should still be valid, as far as the device can tell. */
export function isAlive({ takenAt, left }: SessionToken, now: number): boolean {
  return now - takenAt < left
}
