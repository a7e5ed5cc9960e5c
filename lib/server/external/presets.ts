import { withoutSlash } from '../base-url.ts'
import { type ExternalIssuer, ownIssuer } from './options.ts'

/**
 * What every preset leaves to the app. `requiredClaims` and `isAccount` are checked in addition to the preset's own;
 * any other option replaces it.
 */
export type PresetOptions = Partial<Omit<ExternalIssuer, 'issuer' | 'jwksUrl' | 'certificatesUrl'>>

/** Options of {@link clerk}. */
export interface ClerkOptions extends PresetOptions {
  /** The Frontend API URL, such as `https://clerk.example.com` or `https://verb-noun-00.clerk.accounts.dev`. */
  readonly issuer: string
  /** Origins of the app: a session token names in `azp` the page that it was made for. */
  readonly authorizedParties: readonly string[]
}

/**
 * Session tokens of Clerk: RS256, 60 s, `azp` in place of `aud`. With `publicKey` (the PEM of the dashboard, newlines
 * or not) nothing is fetched. Apps without an origin send no `azp`: allow that by `allowMissingParty`.
 *
 * https://clerk.com/docs/guides/sessions/manual-jwt-verification
 */
export function clerk({ issuer, ...options }: ClerkOptions): ExternalIssuer {
  const base = withoutSlash(issuer)
  // The same keys sign for OAuth applications of the instance, which name themselves in `client_id`.
  const clients = options.authorizedParties
  return withKeys(
    withOptions({ issuer: base, algorithms: ['RS256'], clockTolerance: 5, clients }, options),
    `${base}/.well-known/jwks.json`,
  )
}

/** Options of {@link auth0}. */
export interface Auth0Options extends PresetOptions {
  /** The tenant's domain or the custom one, such as `notes.eu.auth0.com`. */
  readonly domain: string
  /** The identifier of the API. */
  readonly audience: string | readonly string[]
}

/**
 * Access tokens of Auth0, of both profiles: RS256, an issuer that ends with a slash, often several audiences. Tokens of
 * the client credentials grant stand for a program and are refused.
 *
 * https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles
 */
export function auth0({ domain, ...options }: Auth0Options): ExternalIssuer {
  const base = originOf(domain)
  const isAccount = ({ gty, sub }: Readonly<Record<string, unknown>>): boolean =>
    gty !== 'client-credentials' && !String(sub).endsWith('@clients')
  return withKeys(
    withOptions({ issuer: `${base}/`, algorithms: ['RS256'], isAccount }, options),
    `${base}/.well-known/jwks.json`,
  )
}

/** Options of {@link supabase}. */
export interface SupabaseOptions extends PresetOptions {
  /** The project's URL, such as `https://abc.supabase.co`. */
  readonly url: string
}

/**
 * Access tokens of Supabase Auth, signed by a project's asymmetric key. The shared HS256 secret of older projects is
 * not taken: change to signing keys. Anonymous users (`is_anonymous`), the project's own API keys and the OAuth clients
 * of its OAuth server (`client_id`) are no accounts.
 *
 * https://supabase.com/docs/guides/auth/jwt-fields
 */
export function supabase({ url, ...options }: SupabaseOptions): ExternalIssuer {
  const issuer = `${withoutSlash(url)}/auth/v1`
  const isAccount = ({ role, is_anonymous: isAnonymous }: Readonly<Record<string, unknown>>): boolean =>
    role === 'authenticated' && (isAnonymous ?? false) === false
  return withKeys(
    withOptions({ issuer, audience: 'authenticated', algorithms: ['ES256', 'RS256'], clients: [], isAccount }, options),
    `${issuer}/.well-known/jwks.json`,
  )
}

/** Options of {@link firebase}. */
export interface FirebaseOptions extends PresetOptions {
  /** The id of the Firebase project. */
  readonly projectId: string
  /** Where the keys come from: Google's JWK set, or its certificates by `kid`. Defaults to `jwks`. */
  readonly keys?: 'jwks' | 'certificates'
}

const GOOGLE_KEYS = 'https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com'
const GOOGLE_CERTIFICATES = 'https://www.googleapis.com/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com'

/**
 * ID tokens of Firebase: RS256, audience and issuer by project. Users of its anonymous sign-in are no accounts.
 *
 * https://firebase.google.com/docs/auth/admin/verify-id-tokens#verify_id_tokens_using_a_third-party_jwt_library
 */
export function firebase({ projectId, keys = 'jwks', ...options }: FirebaseOptions): ExternalIssuer {
  const issuer = `https://securetoken.google.com/${projectId}`
  const isAccount = ({ firebase: details }: Readonly<Record<string, unknown>>): boolean =>
    (details as { sign_in_provider?: unknown } | undefined)?.sign_in_provider !== 'anonymous'
  const rules = withOptions(
    { issuer, audience: projectId, algorithms: ['RS256'], requiredClaims: ['iat', 'auth_time'], isAccount },
    options,
  )
  if (options.publicKey !== undefined) return rules
  return keys === 'jwks' ? { ...rules, jwksUrl: GOOGLE_KEYS } : { ...rules, certificatesUrl: GOOGLE_CERTIFICATES }
}

/** Options of {@link workos}. */
export interface WorkosOptions extends PresetOptions {
  /** Such as `client_01H…`: the keys are the client's own, so that a token of another client does not verify. */
  readonly clientId: string
  /** The custom auth domain, such as `https://auth.example.com`. Defaults to `https://api.workos.com`. */
  readonly issuer?: string
}

/**
 * Access tokens of WorkOS AuthKit: RS256, 300 s, no `aud`. Its pages write the issuer with and without a slash: both
 * are taken.
 *
 * https://workos.com/docs/reference/authkit/session-tokens
 */
export function workos({ clientId, issuer = 'https://api.workos.com', ...options }: WorkosOptions): ExternalIssuer {
  const base = withoutSlash(issuer)
  return withKeys(
    withOptions({ issuer: [base, `${base}/`], algorithms: ['RS256'], requiredClaims: ['sid'] }, options),
    `https://api.workos.com/sso/jwks/${encodeURIComponent(clientId)}`,
  )
}

/** Options of {@link betterAuthIssuer}. */
export interface BetterAuthIssuerOptions extends PresetOptions {
  /** Origin and base path of Better Auth, such as `https://notes.example/api/auth`. */
  readonly baseURL: string
}

/**
 * Tokens of a Better Auth server with `latchkeyJwt`, from anywhere: issuer and audience are its origin, `aliases`
 * count. In the server's own process take `createBetterAuthResolver`.
 *
 * https://better-auth.com/docs/plugins/jwt
 */
export function betterAuthIssuer({ baseURL, ...options }: BetterAuthIssuerOptions): ExternalIssuer {
  const base = withoutSlash(baseURL)
  const { origin } = new URL(base)
  return withKeys(
    ownIssuer(
      withOptions(
        {
          issuer: origin,
          audience: origin,
          aliases: (options.principal ?? 'sub') === 'sub',
          isAccount: ({ is_anonymous: isAnonymous }) => isAnonymous !== true,
        },
        options,
      ),
    ),
    `${base}/jwks`,
  )
}

/** What the preset checks is checked whatever the app adds: a list of its own must not switch it off. */
function withOptions(preset: ExternalIssuer, options: PresetOptions): ExternalIssuer {
  const { requiredClaims = [], isAccount } = options
  return {
    ...preset,
    ...options,
    requiredClaims: [...(preset.requiredClaims ?? []), ...requiredClaims],
    isAccount: (claims) => (preset.isAccount?.(claims) ?? true) && (isAccount?.(claims) ?? true),
  }
}

/** A key of the app's own comes before the address. */
function withKeys(rules: ExternalIssuer, jwksUrl: string): ExternalIssuer {
  return rules.publicKey === undefined ? { ...rules, jwksUrl } : rules
}

function originOf(domain: string): string {
  const url = `https://${domain}`
  if (!URL.canParse(url) || new URL(url).host !== domain)
    throw new TypeError('domain: expected a host name without https://')
  return url
}
