import type { GenericEndpointContext } from 'better-auth'

type SessionConfig = GenericEndpointContext['context']['sessionConfig']

/** Returns true if the sign-in is younger than Better Auth's `session.freshAge` (seconds), or if that is 0. */
export function isFresh({ freshAge }: SessionConfig, { createdAt }: { readonly createdAt: Date }): boolean {
  // Better Auth wrote the time by the system's clock.
  return freshAge === 0 || Date.now() - new Date(createdAt).getTime() < freshAge * 1000
}

/**
 * How long after a sign-in the user may approve and change devices and add a passkey, in milliseconds. The limit is the
 * plugin's own: Better Auth's `session.freshAge` is a day, and 0 turns it off.
 */
const LIMIT_MS = 600_000

/** Returns true if a session was created lately. Better Auth wrote the time by the system's clock. */
export function isRecent({ createdAt }: { readonly createdAt: Date }): boolean {
  // Not `age >= limit`: a time that is none is not recent.
  return Date.now() - new Date(createdAt).getTime() < LIMIT_MS
}
