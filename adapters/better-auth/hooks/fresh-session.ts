import type { GenericEndpointContext } from 'better-auth'

type SessionConfig = GenericEndpointContext['context']['sessionConfig']

/** Returns true if the sign-in is younger than Better Auth's `session.freshAge` (seconds), or if that is 0. */
export function isFresh({ freshAge }: SessionConfig, { createdAt }: { readonly createdAt: Date }): boolean {
  // Better Auth wrote the time by the system's clock.
  return freshAge === 0 || Date.now() - new Date(createdAt).getTime() < freshAge * 1000
}
