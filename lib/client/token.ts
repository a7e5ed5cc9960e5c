import { decodeBase64url } from '../identity/base64url.ts'
import { mintToken } from '../tokens/mint.ts'
import type { Runtime } from './runtime.ts'

/** Options of `getToken`. */
export interface GetTokenOptions {
  /** `aud` of a local-first token; the page's own audience unless told. */
  readonly audience?: string
  /** Passes over the token at hand: a server just refused it. */
  readonly fresh?: boolean
}

/** A token is replaced this long before it expires, in milliseconds. */
const MARGIN = 60_000

interface HeldToken {
  readonly token: string
  /** When it expires by this device's clock, milliseconds since 1970. */
  readonly until: number
}

/** The bearer for the mode in force; many callers at once share one refresh. */
export function createTokenSource(runtime: Runtime): (options?: GetTokenOptions) => Promise<string | null> {
  const held = new Map<string, HeldToken>()
  const flights = new Map<string, Promise<string>>()
  runtime.on('dropTokens', () => {
    held.clear()
    flights.clear()
    runtime.timing.tokenExpiresAt = null
  })

  async function refresh(audience: string): Promise<string> {
    const { session } = runtime.getState()
    const token = session?.authMode === 'external' ? await (await runtime.acts()).accountToken(runtime, session) : await deviceToken(runtime, audience)
    // Whoever asked for one person's token must not get the next one's.
    if (runtime.getState().session?.principal !== session?.principal) throw runtime.fail('IDENTITY_CHANGED')
    const { iat, exp } = readPayload(token) ?? {}
    // It was issued just now: what it lives from now on does not depend on whose clock is right.
    const until = runtime.now() + (Number(exp) - Number(iat)) * 1000 || 0
    held.set(audience, { token, until })
    if (audience === runtime.audience()) runtime.timing.tokenExpiresAt = until
    return token
  }

  async function share(audience: string): Promise<string> {
    const flight = flights.get(audience) ?? refresh(audience)
    flights.set(audience, flight)
    try {
      return await flight
    } finally {
      if (flights.get(audience) === flight) flights.delete(audience)
    }
  }

  return async ({ audience = runtime.audience(), fresh } = {}) => {
    if (!runtime.getState().session) return null
    const { token = '', until = 0 } = (!fresh && held.get(audience)) || {}
    const left = until - runtime.now()
    if (left > MARGIN) return token
    // Unreachable is not rejected: what is still valid still serves.
    return share(audience).catch((error) => (left > 0 && runtime.toError(error).code === 'OFFLINE' ? token : Promise.reject(error)))
  }
}

async function deviceToken(runtime: Runtime, audience: string): Promise<string> {
  const key = await runtime.deviceKey()
  if (!key) throw runtime.fail('IDENTITY_CHANGED')
  return mintToken(key, { audience, now: runtime.now() / 1000 })
}

/** Reads the claims of a token that was minted here or came from the account server itself; they are shown, not believed. */
export function readPayload(token: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(new TextDecoder().decode(decodeBase64url(token.split('.')[1]!)))
  } catch {
    return undefined
  }
}
