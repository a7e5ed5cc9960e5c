import { withoutSlash } from '../base-url.ts'
import { type ExternalIssuer, ownIssuer, saysOwn } from './options.ts'

/**
 * Options that every preset accepts. `requiredClaims` and `isAccount` are checked in addition to the preset's own
 * rules. Any other option replaces the preset's.
 */
export type PresetOptions = Partial<Omit<ExternalIssuer, 'issuer' | 'jwksUrl' | 'certificatesUrl'>>

/** Options of {@link clerk}. */
export interface ClerkOptions extends PresetOptions {
  /** The Frontend API URL, such as `https://clerk.example.com` or `https://verb-noun-00.clerk.accounts.dev`. */
  readonly issuer: string
  /** Origins of the app. The `azp` of a session token is the origin of the page that it was issued to. */
  readonly authorizedParties: readonly string[]
}

/**
 * Accepts session tokens of Clerk: RS256, valid for 60 s, with `azp` instead of `aud`. With `publicKey` (the PEM from
 * the dashboard, with or without newlines) no keys are fetched. Sessions that are pending are refused. Apps without an
 * origin send no `azp`: set `allowMissingParty` for them.
 *
 * https://clerk.com/docs/guides/sessions/manual-jwt-verification
 *
 * @throws {TypeError} `authorizedParties` is missing
 */
export function clerk({ issuer, ...options }: ClerkOptions): ExternalIssuer {
  const base = withoutSlash(issuer)
  requireCheck('authorizedParties', options.authorizedParties)
  // The same keys sign for the instance's OAuth applications, whose tokens have a `client_id`.
  const clients = options.authorizedParties
  // The user must still do something, such as choose an organization: Clerk's own clients count them as signed out.
  const isAccount = ({ sts }: Readonly<Record<string, unknown>>): boolean => sts !== 'pending'
  return withKeys(
    ofProvider({ issuer: base, algorithms: ['RS256'], clockTolerance: 5, clients, isAccount }, options),
    `${base}/.well-known/jwks.json`,
  )
}

/** Options of {@link auth0}. */
export interface Auth0Options extends PresetOptions {
  /** The tenant's domain or a custom domain, such as `notes.eu.auth0.com`. */
  readonly domain: string
  /** The identifier of the API. */
  readonly audience: string | readonly string[]
}

/**
 * Accepts access tokens of Auth0 in both profiles: RS256, an issuer with a trailing slash, often several audiences.
 * Tokens of the client credentials grant identify a program and are refused.
 *
 * https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles
 *
 * @throws {TypeError} `domain` is no host name, or `audience` is missing
 */
export function auth0({ domain, ...options }: Auth0Options): ExternalIssuer {
  const base = originOf(domain)
  requireCheck('audience', options.audience)
  const isAccount = ({ gty, sub }: Readonly<Record<string, unknown>>): boolean =>
    gty !== 'client-credentials' && !String(sub).endsWith('@clients')
  return withKeys(
    ofProvider({ issuer: `${base}/`, algorithms: ['RS256'], isAccount }, options),
    `${base}/.well-known/jwks.json`,
  )
}

/** Options of {@link supabase}. */
export interface SupabaseOptions extends PresetOptions {
  /** The project's URL, such as `https://abc.supabase.co`. */
  readonly url: string
}

/**
 * Accepts access tokens of Supabase Auth that are signed with a project's asymmetric key. The shared HS256 secret of
 * older projects is not supported: migrate to signing keys. Refused are tokens of anonymous users (`is_anonymous`), the
 * project's API keys, and tokens of its OAuth clients (`client_id`).
 *
 * https://supabase.com/docs/guides/auth/jwt-fields
 */
export function supabase({ url, ...options }: SupabaseOptions): ExternalIssuer {
  const issuer = `${withoutSlash(url)}/auth/v1`
  const isAccount = ({ role, is_anonymous: isAnonymous }: Readonly<Record<string, unknown>>): boolean =>
    role === 'authenticated' && (isAnonymous ?? false) === false
  return withKeys(
    ofProvider({ issuer, audience: 'authenticated', algorithms: ['ES256', 'RS256'], clients: [], isAccount }, options),
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
 * Accepts ID tokens of Firebase: RS256, with an issuer and audience for each project. Users of its anonymous sign-in
 * are refused.
 *
 * https://firebase.google.com/docs/auth/admin/verify-id-tokens#verify_id_tokens_using_a_third-party_jwt_library
 */
export function firebase({ projectId, keys = 'jwks', ...options }: FirebaseOptions): ExternalIssuer {
  const issuer = `https://securetoken.google.com/${projectId}`
  const isAccount = ({ firebase: details }: Readonly<Record<string, unknown>>): boolean =>
    (details as { sign_in_provider?: unknown } | undefined)?.sign_in_provider !== 'anonymous'
  const rules = ofProvider(
    { issuer, audience: projectId, algorithms: ['RS256'], requiredClaims: ['iat', 'auth_time'], isAccount },
    options,
  )
  if (options.publicKey !== undefined || options.sources !== undefined) return rules
  return keys === 'jwks' ? { ...rules, jwksUrl: GOOGLE_KEYS } : { ...rules, certificatesUrl: GOOGLE_CERTIFICATES }
}

/** Options of {@link workos}. */
export interface WorkosOptions extends PresetOptions {
  /** For example `client_01H…`. The keys belong to this client, so a token of another client does not verify. */
  readonly clientId: string
  /** The custom auth domain, such as `https://auth.example.com`. Defaults to `https://api.workos.com`. */
  readonly issuer?: string
}

/**
 * Accepts access tokens of WorkOS AuthKit: RS256, valid for 300 s, without `aud`. WorkOS documents the issuer with and
 * without a trailing slash, and environments created since mid-2025 name the client in it: all three are accepted.
 *
 * https://workos.com/docs/reference/authkit/session-tokens, https://github.com/workos/workos-node/pull/1694
 */
export function workos({ clientId, issuer = 'https://api.workos.com', ...options }: WorkosOptions): ExternalIssuer {
  const base = withoutSlash(issuer)
  const client = encodeURIComponent(clientId)
  // The first name is the one under which accounts are stored.
  const names = [base, `${base}/`, `${base}/user_management/${client}`]
  return withKeys(
    ofProvider({ issuer: names, algorithms: ['RS256'], requiredClaims: ['sid'] }, options),
    `https://api.workos.com/sso/jwks/${client}`,
  )
}

/** Options of {@link betterAuthIssuer}. */
export interface BetterAuthIssuerOptions extends PresetOptions {
  /** Origin and base path of Better Auth, such as `https://notes.example/api/auth`. */
  readonly baseURL: string
}

/**
 * Accepts tokens of a Better Auth server with `latchkeyJwt`, from any server. Issuer and audience are its origin, and
 * `aliases` are accepted. In the Better Auth server's own process, use `createBetterAuthResolver`.
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

/** An environment variable that does not exist must not switch off a check that the preset needs. */
function requireCheck(name: string, value: unknown): void {
  if (value === undefined)
    throw new TypeError(`external.${name}: expected a value, because the preset needs this check`)
}

/**
 * The options of a provider that runs no Latchkey, and therefore must not name principals.
 *
 * @throws {TypeError} the app says that it does
 */
function ofProvider(preset: ExternalIssuer, options: PresetOptions): ExternalIssuer {
  if (saysOwn(options))
    throw new TypeError(
      'external: `aliases` and `auth_mode` are for a server that runs Latchkey, such as betterAuthIssuer',
    )
  return withOptions(preset, options)
}

/** The preset's checks always apply: an app's own list must not disable them. */
function withOptions(preset: ExternalIssuer, options: PresetOptions): ExternalIssuer {
  const { requiredClaims = [], isAccount } = options
  return {
    ...preset,
    ...options,
    requiredClaims: [...(preset.requiredClaims ?? []), ...requiredClaims],
    isAccount: (claims) => (!preset.isAccount || preset.isAccount(claims)) && (!isAccount || isAccount(claims)),
  }
}

/** The app's own key or sources take precedence over the address. */
function withKeys(rules: ExternalIssuer, jwksUrl: string): ExternalIssuer {
  return rules.publicKey === undefined && rules.sources === undefined ? { ...rules, jwksUrl } : rules
}

function originOf(domain: string): string {
  const url = `https://${domain}`
  if (!URL.canParse(url) || new URL(url).host !== domain)
    throw new TypeError('domain: expected a host name without https://')
  return url
}
