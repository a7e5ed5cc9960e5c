import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type JWK, type JWTPayload, SignJWT, exportJWK, generateKeyPair } from 'jose'

// Clerk as its clients and its Frontend API behave, by its pages about session tokens (version 2), manual verification
// of JWTs, and impersonation.

/** Lifetime of a session token, in seconds. */
const TOKEN_LIFETIME_S = 60

/** The SDK fetches a new token this many seconds before the old one expires. */
const LEEWAY_S = 10

/** The claim `act` that the dashboard sets. */
export const IMPERSONATED: object = { iss: 'https://dashboard.clerk.com', sid: 'sess_admin', sub: 'user_boss' }

/** Made once: it takes long. */
let pair: ReturnType<typeof generateKeyPair> | undefined

/** One instance of Clerk. */
export interface ClerkInstance {
  /** The Frontend API URL, which is `iss`. */
  readonly frontendApi: string
  readonly jwks: { readonly keys: readonly JWK[] }
  /** How many session tokens were made. */
  tokens(): number
  /** One browser with Clerk's SDK. */
  browser(origin: string): ClerkBrowser
  /** Backend API: `sessions.revokeSession`. */
  revokeSession(sessionId: string): void
  close(): Promise<void>
}

/** What Latchkey uses of `window.Clerk`, and what the tests do. */
export interface ClerkBrowser {
  readonly session: ClerkSession | null
  signOut(): Promise<void>
  /** Signs in, or up. */
  signIn(userId: string, how?: SignIn): void
}

/** How a user signed in. */
export interface SignIn {
  /** The claim `act`: {@link IMPERSONATED} for an admin in the dashboard who impersonates the user. */
  readonly act?: unknown
  /** The user has still to do something. */
  readonly isPending?: boolean
}

interface ClerkSession {
  readonly id: string
  getToken(): Promise<string | null>
}

interface Session extends SignIn {
  readonly id: string
  readonly userId: string
  readonly begunAt: number
  isRevoked: boolean
}

/** @param now - in seconds since 1970 */
export async function startClerk(now: () => number): Promise<ClerkInstance> {
  const { privateKey, publicKey } = await (pair ??= generateKeyPair('RS256'))
  const kid = 'ins_2aBcDeFgHiJkLmNoPqRsTuVwXyZ'
  const jwk = { use: 'sig', ...(await exportJWK(publicKey)), kid, alg: 'RS256' }
  const jwks = { keys: [jwk] }
  const server = createServer((request, response) => {
    const isKeys = request.url === '/.well-known/jwks.json'
    response.writeHead(isKeys ? 200 : 404, { 'content-type': 'application/json' })
    response.end(JSON.stringify(isKeys ? jwks : { errors: [{ code: 'resource_not_found' }] }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const frontendApi = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const sessions = new Map<string, Session>()
  let count = 0

  function mint({ id, userId, begunAt, act, isPending = false }: Session, origin: string): Promise<string> {
    const iat = Math.floor(now())
    const claims: JWTPayload = {
      azp: origin,
      exp: iat + TOKEN_LIFETIME_S,
      // Minutes since the first and the second factor were verified.
      fva: [Math.floor((iat - begunAt) / 60), -1],
      iat,
      iss: frontendApi,
      jti: crypto.randomUUID().replaceAll('-', '').slice(0, 20),
      // Clerk's default of allowed clock skew.
      nbf: iat - 10,
      pla: 'u:free_user',
      sid: id,
      sts: isPending ? 'pending' : 'active',
      sub: userId,
      v: 2,
      ...(act !== undefined && { act }),
    }
    count++
    return new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', cat: 'cl_B7d4PD111AAA', kid, typ: 'JWT' })
      .sign(privateKey)
  }

  function browser(origin: string): ClerkBrowser {
    let current: Session | null = null
    let cached: { readonly token: string; readonly until: number } | null = null
    const getToken = async (): Promise<string | null> => {
      if (!current || current.isRevoked) return null
      if (!cached || cached.until - LEEWAY_S <= now())
        cached = { token: await mint(current, origin), until: Math.floor(now()) + TOKEN_LIFETIME_S }
      return cached.token
    }
    return {
      get session() {
        return current && !current.isRevoked ? { id: current.id, getToken } : null
      },
      async signOut() {
        if (current) current.isRevoked = true
        current = cached = null
      },
      signIn(userId, how = {}) {
        const id = `sess_${crypto.randomUUID().replaceAll('-', '').slice(0, 27)}`
        current = { ...how, id, userId, begunAt: Math.floor(now()), isRevoked: false }
        cached = null
        sessions.set(id, current)
      },
    }
  }

  return {
    frontendApi,
    jwks,
    tokens: () => count,
    browser,
    revokeSession(id) {
      sessions.get(id)!.isRevoked = true
    },
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  }
}
