import type { LatchkeyErrorCode } from './errors.ts'

/** The meaning of one code for each of its readers. */
export interface ErrorRow {
  /** One sentence for a developer. */
  readonly meaning: string
  /** The client's `AuthState.error`, if the code sets one. */
  readonly state?: 'expired' | 'missing' | 'invalid' | 'disabled'
  /** RFC 6750 §3.1 error of the `WWW-Authenticate` header. */
  readonly bearer?: 'invalid_request' | 'invalid_token' | 'insufficient_scope'
  /** HTTP status of a response with this code. */
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

/** The table of codes. The docs print it; a test keeps both equal. */
export const ERROR_TABLE: Readonly<Record<LatchkeyErrorCode, ErrorRow>> = {
  // Identity
  ENCODING_INVALID: local('The text is not canonical base64url.'),
  SECRET_INVALID: local('The text is not a device secret.'),
  SECRET_HARDENED: local('The secret was replaced by non-extractable keys and can no longer be exported.'),
  SECRET_MISTYPED: local('The text of the device secret does not match its check: a character is wrong or missing.'),
  PHRASE_LENGTH: local('The text does not have 24 words.'),
  PHRASE_WORD_UNKNOWN: local('A word is not in the list. `findUnknownWords` returns its position and similar words.'),
  PHRASE_CHECKSUM: local('The 24 words do not match their checksum: a word is wrong, or two are swapped.'),
  PHRASE_MISMATCH: local('The retyped word differs from the one at this position in the backup.'),
  RESTORE_UNKNOWN: local(
    'Neither this device nor a server is known to have this identity. Tell the user, then pass `evenIfUnknown`.',
  ),
  BACKUP_FILE_INVALID: local('The text is not a passkey backup: it is another file, or it is damaged.'),
  BACKUP_NOT_OPENED: local(
    'The backup is sealed for another passkey, site or app, or it was changed. Nothing was restored.',
  ),
  BACKUP_UNKNOWN: refused('The store has no backup for this passkey, or none of this identity.', 404),
  BACKUP_TAKEN: refused('The store has another backup for this passkey. Backups are never overwritten.', 409),
  BACKUP_LIMIT: refused(
    'The store accepts no more backups: the identity, the address or the store has reached its limit.',
    409,
  ),
  BACKUP_ACCOUNT_NEEDED: refused('The store only accepts backups of identities that have an account.', 403),
  PASSKEY_UNAVAILABLE: local('The browser cannot use passkeys here. Its own error, if any, is the `cause`.'),
  PASSKEY_CANCELLED: local('The user dismissed the passkey dialog, has no passkey for this site, or took too long.'),
  PASSKEY_EXISTS: local('This authenticator already has a passkey for a backup of this identity.'),
  PASSKEY_UNSUITABLE: local(
    'The passkey cannot seal a backup: it did not evaluate the PRF, did not verify the user, ' +
      'or its response belongs to another site or passkey.',
  ),
  PAIRING_CODE_INVALID: local('The text is not a pairing code that this device accepts here. Nothing was sent.'),
  PAIRING_CHECK_WRONG: local(
    'The four digits differ from those on the new device. The third wrong attempt ends the pairing.',
  ),
  PAIRING_FAILED: local(
    'A message from the other device was altered, unexpected or sent from elsewhere. The pairing has ended.',
  ),
  CRYPTO_UNAVAILABLE: local(
    'Neither WebCrypto nor @noble can create an Ed25519 key here. ' +
      'If `import()` is not allowed, pass `nobleSuite` from `latchkey/noble` as `crypto`.',
  ),
  VERIFIER_UNAVAILABLE: local(
    "The option `verifier: 'native'` needs the package `sodium-native`, which is not installed or does not load here.",
  ),

  // Tokens and proofs
  TOKEN_TOO_LARGE: invalid('The token exceeds its size limit (self-signed 4 KiB, external 16 KiB) and was not parsed.'),
  TOKEN_MALFORMED: invalid('The token is not a compact JWS with a JSON header, a JSON payload and a signature.'),
  TOKEN_ENCODING_INVALID: invalid('A part of the token is not canonical base64url.'),
  TOKEN_MEMBER_DUPLICATE: invalid('A JSON object in the token has a duplicate member.'),
  TOKEN_TYPE_UNEXPECTED: invalid('The header `typ` is not the type expected here.'),
  TOKEN_ALGORITHM_FORBIDDEN: invalid('The header `alg` is not an allowed algorithm.'),
  TOKEN_HEADER_FORBIDDEN: invalid('The header has a parameter that is not allowed in this kind of token.'),
  TOKEN_CLAIM_UNKNOWN: invalid('The token has a claim that is not allowed in this kind of token.'),
  TOKEN_CLAIM_INVALID: invalid('A claim is missing or malformed.'),
  TOKEN_TIME_INVALID: invalid('`iat` or `exp` is missing or not an integer.'),
  TOKEN_LIFETIME_EXCEEDED: invalid('`exp - iat` is not positive, or exceeds the limit.'),
  TOKEN_ISSUER_MISMATCH: invalid('`iss` is not the expected issuer.'),
  TOKEN_AUDIENCE_MISMATCH: invalid('`aud` is not the expected audience.'),
  TOKEN_SUBJECT_MISMATCH: invalid('`sub` is not the principal of the key in the token.'),
  TOKEN_KEY_SMALL_ORDER: invalid('The public key has a small order, so anyone can forge its signatures.'),
  TOKEN_KEY_NOT_CANONICAL: invalid('The public key is not the canonical encoding of a curve point.'),
  TOKEN_SIGNATURE_NOT_CANONICAL: invalid('The signature is not 64 bytes with S below the group order.'),
  TOKEN_SIGNATURE_INVALID: invalid('The signature does not match.'),
  TOKEN_KEY_UNKNOWN: invalid('The issuer has no key that matches the token header (`kid`, `alg`).'),
  TOKEN_PARTY_MISMATCH: invalid('`azp`, the party that the token was issued to, is not an allowed party.'),
  TOKEN_NOT_AN_ACCOUNT: invalid(
    'The token does not identify an account: it may belong to an anonymous user of the issuer.',
  ),
  TOKEN_NOT_YET_VALID: expired('`iat` or `nbf` is too far in the future: one of the clocks is wrong.'),
  TOKEN_EXPIRED: expired('`exp` has passed.'),
  DELEGATION_UNSUPPORTED: invalid('The token has a `delegation` claim, which this version does not support.'),
  PROOF_PURPOSE_MISMATCH: refused('The proof was signed for a different purpose.', 401),
  PROOF_NONCE_MISSING: refused('The proof lacks the nonce of a challenge.', 401),
  PROOF_NONCE_MISMATCH: refused('The nonce does not match the challenge.', 401),
  PROOF_LINK_MISMATCH: refused('The proof names a different account.', 401),
  PROOF_PAIR_MISMATCH: refused('The proof names a different device.', 401),
  PROOF_DIGEST_MISMATCH: refused('The proof is for another backup, or for another write of it.', 401),
  PROOF_REPLAYED: refused('The proof was already used.', 401),
  PROOF_KEY_REVOKED: refused('The account revoked this device key.', 409),
  PROOF_IDENTIFIER_MISMATCH: refused(
    'The account does not match the expected identifier. Nothing was bound, and no session remains.',
    409,
  ),

  // Keystore
  KEYSTORE_UNAVAILABLE: local('Storage failed. Nothing was changed.'),
  KEYSTORE_BLOCKED: local('The browser does not let this site store data. Nothing was changed.'),
  KEYSTORE_FULL: local('Storage is full. Nothing was changed.'),
  KEYSTORE_PRIVATE: local('This private window cannot store data. Nothing was changed.'),
  KEYSTORE_OPAQUE: local('The page has an opaque origin (for example, a sandboxed frame) and therefore no storage.'),
  KEYSTORE_VANISHED: local(
    'The stored record is gone: site data was cleared. No new identity is created until you call `ensureIdentity`.',
  ),
  KEYSTORE_TIMEOUT: local('Storage did not respond in time. Nothing was changed.'),
  KEYSTORE_CORRUPT: local('The stored record is damaged. It was left in place.'),
  KEYSTORE_NEWER: local('The stored record was written by a newer version. It was left in place.'),

  // Client
  ORIGIN_NOT_ALLOWED: local('`auth.fetch` was called for an origin without an audience. Nothing was sent.'),
  OFFLINE: local('The server cannot be reached, or did not answer in time.'),
  UPGRADE_IN_PROGRESS: local('Another upgrade or sign-out is in progress.'),
  CONFLICT: local(
    'An account with another principal is signed in, and this device has its own data. Call `resolveConflict` first.',
  ),
  CONFLICT_MISSING: local('There is no conflict to resolve.'),
  IDENTITY_CHANGED: local('Another tab changed the identity in the meantime. This call changed nothing.'),
  IDENTITY_UNKNOWN: local('This device has no identity with this principal.'),
  SESSION_MISSING: {
    meaning: 'The account server has no session for this account.',
    state: 'missing',
    session: 'UNAUTHORIZED',
  },
  SESSION_NOT_KEPT: local(
    'The account server signed the user in, but the browser rejected its cookie: third-party cookies are blocked.',
  ),
  PROOF_NOT_SENT: local('`run` finished without sending a request through the client that has the Latchkey plugin.'),
  PROVIDER_REFUSED: local('The account provider rejected the request. Its own error is the `cause`.'),
  PROVIDER_LIMITED: local(
    'The account provider is rate limiting (status 429). `cause.retryAfter` is the seconds to wait, if known.',
  ),
  PROVIDER_FAILED: local('The account provider answered with a server error. Its own error is the `cause`.'),
  RUN_FAILED: local('`run` threw a programming error of the app, such as a `TypeError`. It is the `cause`.'),
  UPGRADE_CANCELLED: local('The upgrade was cancelled, or `run` did not end within ten minutes.'),
  PRINCIPAL_MISMATCH: {
    meaning: 'The token belongs to a different principal.',
    state: 'invalid',
    session: 'UNAUTHORIZED',
  },
  UNSYNCED_DATA: local('Sign-out was vetoed: some data is not synced yet.'),

  // Sessions of sync engines and sockets
  ROLES_MISMATCH: {
    meaning: 'The roles of the token differ from those of the session. The session was closed.',
    state: 'invalid',
    session: 'ROLES_MISMATCH',
  },
  SESSION_TOKEN_MISSING: local('A session was given `null` instead of a token. Nothing was changed.'),
  SESSION_TOKEN_REFUSED: {
    meaning: 'The server rejected the new token of a session. The previous token remains current.',
    session: 'UNAUTHORIZED',
  },
  SESSION_ENDED: local('There is no active session: it was not started, or it has ended.'),
  DOCUMENT_FORBIDDEN: local(
    'The server accepts the token, but the session must not open this document. Nothing was changed; it is ' +
      'tried again.',
  ),
  EXTERNAL_SECRET_INVALID: local(
    'A Triplit server would not accept this value of `externalJwtSecret` as a public key.',
  ),

  // Server
  PRINCIPAL_TAKEN: refused('The principal belongs to another account, or was retired.', 409),
  PRINCIPAL_FIXED: refused('The account keeps its principal. Another one can only be linked as an alias.', 409),
  PRINCIPAL_FIELD_FORBIDDEN: refused('Only the plugin may write `principal*` fields.', 400),
  USER_ID_FORBIDDEN: refused(
    "The user's id has the form of a principal, belongs to another account, or belonged to a deleted user.",
    409,
  ),
  ACCOUNT_HANDED_OVER: refused(
    'Another party may still have access to the account from before its e-mail address was verified.',
    409,
  ),
  REQUEST_SUPERSEDED: refused(
    'The request was made before the account was last verified, moved, bound or linked, its session has ended, ' +
      'or the account was entered or changed since. Request it again.',
    403,
  ),
  CROSS_SITE_FORBIDDEN: refused('Another site sent the request. Only trusted origins may ask who is signed in.', 403),
  ACCOUNT_OPEN: refused('The account is still unused. Bind the principal instead of linking it.', 409),
  SESSION_NOT_FRESH: refused('The sign-in was too long ago for this operation. Sign in again first.', 403),
  ALIASES_FULL: refused('The account already has the maximum of 16 aliases.', 409),
  ALIAS_UNKNOWN: refused("The account has no such alias, or it is the account's own id.", 404),
  LINK_FORBIDDEN: refused('Impersonating admins and users of the anonymous plugin cannot link identities.', 403),
  LINK_REFUSED: refused("The server's `onLink` rejected the link. Nothing was linked.", 409),
  UNLINK_REFUSED: refused("The server's `onUnlink` threw an error. The alias still belongs to the account.", 409),
  KEY_UNKNOWN: refused('The account has no such device key.', 404),
  KEY_FORBIDDEN: refused('Impersonating admins and users of the anonymous plugin cannot change device keys.', 403),
  KEY_NEEDED: refused('The account cannot be recovered yet, so its device keys cannot be revoked.', 409),
  DEVICES_UNSUPPORTED: local('The account provider does not list the devices of an account.'),
  DEVICE_UNKNOWN: refused('The account has no such device. It may have been signed out meanwhile.', 404),
  DEVICE_CURRENT: refused('This is the current device. Sign it out instead.', 409),
  DEVICE_FORBIDDEN: refused('Impersonating admins and users of the anonymous plugin cannot change devices.', 403),
  GRANT_FORBIDDEN: refused('This session may not let another device into the account.', 403),
  GRANT_INVALID: refused('The grant was used, has expired, was withdrawn or is for another device.', 403),
  SESSION_PAIRED: refused('Another device approved this session. Sign in on this device first.', 403),
  RENDEZVOUS_ENDED: refused('The pairing has ended, or its code has expired.', 404),
  RENDEZVOUS_CONTESTED: refused('Another device has used this pairing code.', 409),
  RENDEZVOUS_FULL: { meaning: 'Too many pairings are open. Try again in five minutes.', status: 503 },
  CREDENTIAL_MISSING: {
    meaning: 'The request has no credential, and anonymous access is not allowed.',
    state: 'missing',
    status: 401,
    session: 'UNAUTHORIZED',
  },
  CREDENTIAL_MALFORMED: {
    meaning: 'The Authorization header is not a single Bearer token.',
    state: 'invalid',
    bearer: 'invalid_request',
    status: 400,
    session: 'UNAUTHORIZED',
  },
  ISSUER_UNKNOWN: invalid('The token matches no configured issuer.'),
  BACKEND_DISABLED: {
    meaning: 'The request impersonates another principal, but no backend secret is configured.',
    state: 'disabled',
    status: 401,
    session: 'UNAUTHORIZED',
  },
  BACKEND_HEADERS_INVALID: {
    meaning: 'One of the two impersonation headers is missing, or they occur more than once.',
    state: 'invalid',
    status: 400,
    session: 'UNAUTHORIZED',
  },
  BACKEND_FROM_BROWSER: {
    meaning: 'A browser sent the impersonation headers: the backend secret has leaked.',
    state: 'invalid',
    status: 403,
    session: 'UNAUTHORIZED',
  },
  BACKEND_SECRET_WRONG: {
    meaning: 'The backend secret does not match.',
    state: 'invalid',
    status: 401,
    session: 'UNAUTHORIZED',
  },
  BACKEND_SESSION_INVALID: {
    meaning: 'The impersonation session header is not a base64-encoded JSON session.',
    state: 'invalid',
    status: 400,
    session: 'UNAUTHORIZED',
  },
  COOKIE_ORIGIN_REFUSED: {
    meaning: 'The request has a cookie but no trusted `Origin`: another site may have sent it.',
    state: 'invalid',
    status: 403,
    session: 'UNAUTHORIZED',
  },
  KEYS_UNAVAILABLE: { meaning: "The issuer's signing keys cannot be fetched.", status: 503 },
  DATABASE_NOT_MIGRATED: {
    meaning:
      "The plugin's tables or columns are missing from the database: run `npx latchkey migrate`. " +
      'For `latchkey/reown`, the journal is missing.',
    status: 503,
  },
  DATABASE_UNSUITABLE: {
    meaning:
      'The database, its driver or its adapter miscounts matched rows, does not keep a column unique, ' +
      'changes a time or reuses an id. The log names the cause.',
    status: 503,
  },
  RUNTIME_UNSUITABLE: {
    meaning:
      'The server runs Better Auth without `AsyncLocalStorage`, where it mixes up requests that run at the same time.',
    status: 503,
  },
  REOWN_CONFLICT: refused(
    'Both principals have rows that a unique index does not allow under one owner. `conflicts` names them; ' +
      'nothing was moved.',
    409,
  ),
  REOWN_TABLE_UNSUITABLE: local(
    'A table has no primary key, or null in one, or no such owner column that can be written. Nothing was moved.',
  ),
  LOCAL_FIRST_DISABLED: disabled('Local-first tokens are not enabled here.'),
  PRINCIPAL_DISABLED: disabled(
    'The device key is no longer accepted: its principal belongs to an account or was retired, or the key was revoked.',
  ),
  SESSION_REVOKED: disabled(
    'The session that the token was issued for has ended, for example because its device was revoked.',
  ),
  ANONYMOUS_WRITE_DENIED: { meaning: 'Anonymous sessions cannot write.', bearer: 'insufficient_scope', status: 403 },

  // The Playwright kit
  TEST_APP_MISSING: local('The page has no `createAuth` with this name. The message lists those that it has.'),
  TEST_STATE_MISSED: local('The state did not match in time. The message has what was expected and what was found.'),
  TEST_SETUP_REFUSED: local('The account server did not answer a prepared sign-up or sign-in as the device needs it.'),
  TEST_BROWSER_UNSUPPORTED: local('This needs Chromium, or a device with a browser of its own (`ownBrowser: true`).'),
  TEST_MAIL_MISSING: local('No message to this address was sent in time, or it has no link or code.'),
  TEST_PACKAGE_MISSING: local('A package that only this part of the kit needs is not installed. The message names it.'),
}
