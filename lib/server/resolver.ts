import { type LatchkeyErrorCode, LatchkeyError, isLatchkeyError } from '../errors.ts'
import { LOCAL_FIRST_ISSUER, TOKEN_TYPE } from '../tokens/claims.ts'
import { decodeJws } from '../tokens/decode.ts'
import { createTokenVerifier } from '../tokens/verify.ts'
import { EXTERNAL_SIZE_LIMIT, type ExternalIssuer, createExternalVerifier } from './external.ts'
import { refusal } from './response.ts'
import { ANONYMOUS, type Resolution, type ServerSession } from './session.ts'

/** Local-first tokens: what they must say, and what happens to them once their principal has an account. */
export interface LocalFirstOptions {
  /** `aud`: this app's URL or id. */
  readonly audience: string | readonly string[]
  /**
   * Says whether the device key is still a way in. Once its account can be recovered without it, it is not.
   *
   * @returns `disabled` to refuse the token
   */
  readonly lookup?: (principal: string, thumbprint: string) => Promise<'active' | 'disabled'>
  /** Without a lookup this has to be said: the device key stays a way in, also after the upgrade. */
  readonly afterUpgrade?: 'allow'
}

/** Options of {@link createSessionResolver}. */
export interface SessionResolverOptions {
  /** Takes local-first tokens; without it they are refused as `disabled`. */
  readonly localFirst?: LocalFirstOptions
  /** Takes an account provider's JWTs. */
  readonly external?: ExternalIssuer
  /** What a request without a credential is; `allow` unless told. */
  readonly anonymous?: 'allow' | 'deny'
  /** Milliseconds since 1970; the system clock unless told. */
  readonly clock?: () => number
}

/** Tells who a request comes from. Made by {@link createSessionResolver}. */
export interface SessionResolver {
  /** Never rejects for anything in the request. */
  resolve(request: Pick<Request, 'headers'>): Promise<Resolution>
}

type Source = (token: string) => Promise<ServerSession>

/**
 * Makes what tells, for each request, who is asking: an external JWT, a local-first token, or nobody.
 * A token is routed once by what it says of itself, and never tried as another kind.
 *
 * @throws {TypeError} an option cannot be meant; `localFirst` has neither `lookup` nor `afterUpgrade: 'allow'`
 */
export function createSessionResolver(options: SessionResolverOptions): SessionResolver {
  const { clock = Date.now, anonymous = 'allow' } = options
  const route = createRouter(options, clock)
  return {
    async resolve({ headers }) {
      const authorization = headers.get('authorization')
      if (authorization === null) return anonymous === 'allow' ? { ok: true, session: ANONYMOUS } : refusal('CREDENTIAL_MISSING')
      const [, token] = /^Bearer +([\w.~+/=-]+)$/i.exec(authorization) ?? []
      if (token === undefined) return refusal('CREDENTIAL_MALFORMED')
      try {
        return { ok: true, session: await route(token)(token) }
      } catch (error) {
        return refusal(codeOf(error))
      }
    },
  }
}

/** A fault of the server's own is no verdict on the token. */
function codeOf(error: unknown): LatchkeyErrorCode {
  if (isLatchkeyError(error)) return error.code
  throw error
}

function createRouter(options: SessionResolverOptions, clock: () => number): (token: string) => Source {
  const localFirst = options.localFirst ? createLocalFirstSource(options.localFirst, clock) : refuse('LOCAL_FIRST_DISABLED')
  const external = options.external && createExternalVerifier(options.external, clock)
  return (token) => {
    if (token.startsWith(LOCAL_FIRST_HEADER)) return localFirst
    const { header, claims } = decodeJws(token, EXTERNAL_SIZE_LIMIT)
    if (header['typ'] === TOKEN_TYPE || claims['iss'] === LOCAL_FIRST_ISSUER) return localFirst
    if (external && claims['iss'] === external.issuer) return external.verify
    throw new LatchkeyError('ISSUER_UNKNOWN')
  }
}

/** How the common local-first token begins, so that it need not be taken apart to be routed. */
const LOCAL_FIRST_HEADER = `${btoa(`{"alg":"EdDSA","typ":"${TOKEN_TYPE}"}`).replaceAll('=', '')}.`

function refuse(code: LatchkeyErrorCode): Source {
  return async () => {
    throw new LatchkeyError(code)
  }
}

function createLocalFirstSource({ audience, lookup, afterUpgrade }: LocalFirstOptions, clock: () => number): Source {
  if (!lookup && afterUpgrade !== 'allow') throw new TypeError("localFirst: give a `lookup`, or say afterUpgrade: 'allow'")
  const verifier = createTokenVerifier({ audience, clock })
  return async (token) => {
    const { principal, thumbprint, claims } = await verifier.verify(token)
    if (lookup && (await lookup(principal, thumbprint)) !== 'active') throw new LatchkeyError('PRINCIPAL_DISABLED')
    return { authMode: 'local-first', principal, principals: [principal], claims: { ...claims } }
  }
}
