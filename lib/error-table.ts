import type { LatchkeyErrorCode } from './errors.ts'

/** What one code means to each place that shows it. */
export interface ErrorRow {
  /** One sentence for a developer. */
  readonly meaning: string
  /** The client's `AuthState.error`, where the code leads to one. */
  readonly state?: 'expired' | 'missing' | 'invalid' | 'disabled'
  /** RFC 6750 §3.1 error of the `WWW-Authenticate` header. */
  readonly bearer?: 'invalid_request' | 'invalid_token' | 'insufficient_scope'
  /** HTTP status where the code is answered to a request. */
  readonly status?: 400 | 401 | 403 | 404 | 409 | 503
  /** Error kind of a sync engine's session. */
  readonly session?: 'UNAUTHORIZED' | 'TOKEN_EXPIRED' | 'ROLES_MISMATCH'
}

const invalid = (meaning: string): ErrorRow => ({
  meaning,
  state: 'invalid',
  bearer: 'invalid_token',
  status: 401,
  session: 'UNAUTHORIZED',
})
const expired = (meaning: string): ErrorRow => ({
  meaning,
  state: 'expired',
  bearer: 'invalid_token',
  status: 401,
  session: 'TOKEN_EXPIRED',
})
const disabled = (meaning: string): ErrorRow => ({
  meaning,
  state: 'disabled',
  bearer: 'invalid_token',
  status: 401,
  session: 'UNAUTHORIZED',
})
const refused = (meaning: string, status: 400 | 401 | 403 | 404 | 409): ErrorRow => ({ meaning, status })
const local = (meaning: string): ErrorRow => ({ meaning })

/** The one table of codes. The docs print it; a test keeps both equal. */
export const ERROR_TABLE: Readonly<Record<LatchkeyErrorCode, ErrorRow>> = {
  // Identity
  ENCODING_INVALID: local('A text is not the canonical base64url form of any bytes.'),
  SECRET_INVALID: local('A text is not a device secret.'),
  SECRET_HARDENED: local('The secret was replaced by keys that cannot be copied; it is not here any more.'),
  CRYPTO_UNAVAILABLE: local(
    'Neither WebCrypto nor @noble can make an Ed25519 key here; where `import()` is not allowed pass `nobleSuite` from `latchkey/noble` as `crypto`.',
  ),

  // Tokens and proofs
  TOKEN_TOO_LARGE: invalid('The token is over its size limit (self-signed 4 KiB, external 16 KiB); it was not parsed.'),
  TOKEN_MALFORMED: invalid('The token is not a compact JWS of two JSON objects and a signature.'),
  TOKEN_ENCODING_INVALID: invalid('A part of the token is not canonical base64url.'),
  TOKEN_MEMBER_DUPLICATE: invalid('A JSON object in the token has one member twice.'),
  TOKEN_TYPE_UNEXPECTED: invalid('The header `typ` is not the one for this place.'),
  TOKEN_ALGORITHM_FORBIDDEN: invalid('The header `alg` is not on the list.'),
  TOKEN_HEADER_FORBIDDEN: invalid('The header has a parameter that this kind of token never carries.'),
  TOKEN_CLAIM_UNKNOWN: invalid('A claim is not in the table of this kind of token.'),
  TOKEN_CLAIM_INVALID: invalid('A claim is missing or has the wrong form.'),
  TOKEN_TIME_INVALID: invalid('`iat` or `exp` is missing or no integer.'),
  TOKEN_LIFETIME_EXCEEDED: invalid('`exp - iat` is not positive or over the limit.'),
  TOKEN_ISSUER_MISMATCH: invalid('`iss` is not the expected issuer.'),
  TOKEN_AUDIENCE_MISMATCH: invalid('`aud` is not the expected audience.'),
  TOKEN_SUBJECT_MISMATCH: invalid('`sub` is not the principal of the key in the token.'),
  TOKEN_KEY_SMALL_ORDER: invalid('The public key has a small order: anyone can sign for it.'),
  TOKEN_KEY_NOT_CANONICAL: invalid('The public key is not the canonical encoding of a curve point.'),
  TOKEN_SIGNATURE_NOT_CANONICAL: invalid('The signature is not 64 bytes with S below the group order.'),
  TOKEN_SIGNATURE_INVALID: invalid('The signature does not fit.'),
  TOKEN_KEY_UNKNOWN: invalid('The issuer has no key that fits the header of the token (`kid`, `alg`).'),
  TOKEN_PARTY_MISMATCH: invalid('`azp`, the party that the token was issued to, is not on the list.'),
  TOKEN_NOT_AN_ACCOUNT: invalid(
    'The issuer vouches for nobody by this token: it is one of its own anonymous users, for instance.',
  ),
  TOKEN_NOT_YET_VALID: expired('`iat` or `nbf` is too far ahead: one of the clocks is wrong.'),
  TOKEN_EXPIRED: expired('`exp` has passed.'),
  DELEGATION_UNSUPPORTED: invalid('The token has a `delegation` claim, which this version does not know.'),
  PROOF_PURPOSE_MISMATCH: refused('The proof agrees to another act.', 401),
  PROOF_NONCE_MISSING: refused('The proof needs a nonce from the challenge.', 401),
  PROOF_NONCE_MISMATCH: refused('The nonce is not the one that was issued.', 401),
  PROOF_LINK_MISMATCH: refused('The proof names another account.', 401),
  PROOF_REPLAYED: refused('The proof was used before.', 401),
  PROOF_KEY_REVOKED: refused('The device key was revoked by its account.', 409),
  PROOF_IDENTIFIER_MISMATCH: refused(
    'The account is not the one that the person expected; nothing was bound, and no session was left.',
    409,
  ),

  // Keystore
  KEYSTORE_UNAVAILABLE: local('Storage failed; nothing was changed.'),
  KEYSTORE_BLOCKED: local('The browser forbids this site to store anything; nothing was changed.'),
  KEYSTORE_FULL: local('Storage is full; nothing was changed.'),
  KEYSTORE_PRIVATE: local('This private window cannot store anything; nothing was changed.'),
  KEYSTORE_OPAQUE: local('The page has no origin of its own (a sandboxed frame, for instance) and so no storage.'),
  KEYSTORE_VANISHED: local(
    'The record is gone though one was here: site data was cleared. No identity is made in its place until `ensureIdentity` asks for one.',
  ),
  KEYSTORE_TIMEOUT: local('Storage did not answer in time; nothing was changed.'),
  KEYSTORE_CORRUPT: local('The stored record is damaged; it was left in place.'),
  KEYSTORE_NEWER: local('The stored record was written by a newer version; it was left in place.'),

  // Client
  ORIGIN_NOT_ALLOWED: local('`auth.fetch` was asked for an origin without an audience; nothing was sent.'),
  OFFLINE: local('The account server cannot be reached, and no fresh token is at hand.'),
  UPGRADE_IN_PROGRESS: local('Another upgrade or sign-out is going on.'),
  CONFLICT: local(
    'An account with another principal is signed in and this device holds something: call `resolveConflict` first.',
  ),
  CONFLICT_MISSING: local('No conflict waits to be resolved.'),
  IDENTITY_CHANGED: local('The identity changed in another tab meanwhile; nothing was changed.'),
  IDENTITY_UNKNOWN: local('No identity with this principal is kept on this device.'),
  SESSION_MISSING: {
    meaning: 'The account server knows no session for this account.',
    state: 'missing',
    session: 'UNAUTHORIZED',
  },
  PROOF_NOT_SENT: local('`run` finished without a request through the client that has the latchkey plugin.'),
  PROVIDER_REFUSED: local('The account provider refused; its own error is the `cause`.'),
  PRINCIPAL_MISMATCH: { meaning: 'The token belongs to another principal.', state: 'invalid', session: 'UNAUTHORIZED' },
  UNSYNCED_DATA: local('Sign-out was vetoed: something is not synced yet.'),

  // Sessions of sync engines and sockets
  ROLES_MISMATCH: {
    meaning: 'The token has other roles than the session; the session was closed.',
    state: 'invalid',
    session: 'ROLES_MISMATCH',
  },
  SESSION_TOKEN_MISSING: local('A session was given null where a token belongs; nothing was changed.'),
  SESSION_TOKEN_REFUSED: {
    meaning: 'The other side refused the new token of a session; the one before it stays in force.',
    session: 'UNAUTHORIZED',
  },
  SESSION_ENDED: local('No session is going on: it was not started, or it ended.'),
  EXTERNAL_SECRET_INVALID: local('A Triplit server would not read this value of `externalJwtSecret` as a public key.'),

  // Server
  PRINCIPAL_TAKEN: refused('The principal belongs to another account, or is retired.', 409),
  PRINCIPAL_FIXED: refused('The account has its principal already; it can only be linked to another one.', 409),
  PRINCIPAL_FIELD_FORBIDDEN: refused('`principal*` fields are written by the plugin alone.', 400),
  USER_ID_FORBIDDEN: refused(
    "The user's id has the form of a device's principal, belongs to another account, or was a deleted user's.",
    409,
  ),
  ACCOUNT_HANDED_OVER: refused(
    'Somebody else may still be able to use the account, from before its mailbox was proven.',
    409,
  ),
  ACCOUNT_OPEN: refused('Nobody has used the account yet: bind the principal, there is nothing to link it to.', 409),
  ALIASES_FULL: refused('The account has sixteen aliases, which is the most.', 409),
  ALIAS_UNKNOWN: refused("The account has no such alias, or it is the account's own id.", 404),
  LINK_FORBIDDEN: refused('An admin who looks into an account, or a user of the anonymous plugin, links nothing.', 403),
  LINK_REFUSED: refused("The server's `onLink` refused; nothing was linked.", 409),
  KEY_UNKNOWN: refused('The account has no such device key.', 404),
  KEY_NEEDED: refused('The account cannot be recovered yet, so none of its device keys can be revoked.', 409),
  CREDENTIAL_MISSING: {
    meaning: 'The request has no credential, and anonymous is not allowed.',
    state: 'missing',
    status: 401,
    session: 'UNAUTHORIZED',
  },
  CREDENTIAL_MALFORMED: {
    meaning: 'The Authorization header is not one Bearer token.',
    state: 'invalid',
    bearer: 'invalid_request',
    status: 400,
    session: 'UNAUTHORIZED',
  },
  ISSUER_UNKNOWN: invalid('No configured source issues such a token.'),
  BACKEND_DISABLED: {
    meaning: 'The request speaks for somebody else, and no backend secret is configured here.',
    state: 'disabled',
    status: 401,
    session: 'UNAUTHORIZED',
  },
  BACKEND_HEADERS_INVALID: {
    meaning: 'Of the two headers of impersonation one is missing, or there are several pairs.',
    state: 'invalid',
    status: 400,
    session: 'UNAUTHORIZED',
  },
  BACKEND_FROM_BROWSER: {
    meaning: 'A browser sent the headers of impersonation: the backend secret is out.',
    state: 'invalid',
    status: 403,
    session: 'UNAUTHORIZED',
  },
  BACKEND_SECRET_WRONG: {
    meaning: 'The backend secret is another one.',
    state: 'invalid',
    status: 401,
    session: 'UNAUTHORIZED',
  },
  BACKEND_SESSION_INVALID: {
    meaning: 'The session header of impersonation is not base64 of the JSON of a session.',
    state: 'invalid',
    status: 400,
    session: 'UNAUTHORIZED',
  },
  COOKIE_ORIGIN_REFUSED: {
    meaning: 'A cookie came with a request that another site may have caused: its `Origin` is not on the list.',
    state: 'invalid',
    status: 403,
    session: 'UNAUTHORIZED',
  },
  KEYS_UNAVAILABLE: { meaning: 'The signing keys of the issuer cannot be fetched.', status: 503 },
  LOCAL_FIRST_DISABLED: disabled('Local-first tokens are not switched on here.'),
  PRINCIPAL_DISABLED: disabled('The principal has moved to an account; sign in to it.'),
  ANONYMOUS_WRITE_DENIED: { meaning: 'Anonymous sessions cannot write.', bearer: 'insufficient_scope', status: 403 },
}
