/**
 * Every stable code. `ERROR_TABLE` in `latchkey/server` gives their meanings.
 *
 * @see [What to do about each](https://github.com/latchkey-id/latchkey/blob/main/docs/errors.md)
 */
export type LatchkeyErrorCode =
  | 'ENCODING_INVALID'
  | 'SECRET_INVALID'
  | 'SECRET_HARDENED'
  | 'SECRET_MISTYPED'
  | 'PHRASE_LENGTH'
  | 'PHRASE_WORD_UNKNOWN'
  | 'PHRASE_CHECKSUM'
  | 'PHRASE_MISMATCH'
  | 'RESTORE_UNKNOWN'
  | 'BACKUP_FILE_INVALID'
  | 'BACKUP_NOT_OPENED'
  | 'BACKUP_UNKNOWN'
  | 'BACKUP_TAKEN'
  | 'BACKUP_LIMIT'
  | 'BACKUP_ACCOUNT_NEEDED'
  | 'PASSKEY_UNAVAILABLE'
  | 'PASSKEY_CANCELLED'
  | 'PASSKEY_EXISTS'
  | 'PASSKEY_UNSUITABLE'
  | 'PAIRING_CODE_INVALID'
  | 'PAIRING_CHECK_WRONG'
  | 'PAIRING_FAILED'
  | 'CRYPTO_UNAVAILABLE'
  | 'VERIFIER_UNAVAILABLE'
  | 'TOKEN_TOO_LARGE'
  | 'TOKEN_MALFORMED'
  | 'TOKEN_ENCODING_INVALID'
  | 'TOKEN_MEMBER_DUPLICATE'
  | 'TOKEN_TYPE_UNEXPECTED'
  | 'TOKEN_ALGORITHM_FORBIDDEN'
  | 'TOKEN_HEADER_FORBIDDEN'
  | 'TOKEN_CLAIM_UNKNOWN'
  | 'TOKEN_CLAIM_INVALID'
  | 'TOKEN_TIME_INVALID'
  | 'TOKEN_LIFETIME_EXCEEDED'
  | 'TOKEN_ISSUER_MISMATCH'
  | 'TOKEN_AUDIENCE_MISMATCH'
  | 'TOKEN_SUBJECT_MISMATCH'
  | 'TOKEN_KEY_SMALL_ORDER'
  | 'TOKEN_KEY_NOT_CANONICAL'
  | 'TOKEN_SIGNATURE_NOT_CANONICAL'
  | 'TOKEN_SIGNATURE_INVALID'
  | 'TOKEN_KEY_UNKNOWN'
  | 'TOKEN_PARTY_MISMATCH'
  | 'TOKEN_NOT_AN_ACCOUNT'
  | 'TOKEN_NOT_YET_VALID'
  | 'TOKEN_EXPIRED'
  | 'DELEGATION_UNSUPPORTED'
  | 'PROOF_PURPOSE_MISMATCH'
  | 'PROOF_NONCE_MISSING'
  | 'PROOF_NONCE_MISMATCH'
  | 'PROOF_LINK_MISMATCH'
  | 'PROOF_PAIR_MISMATCH'
  | 'PROOF_DIGEST_MISMATCH'
  | 'PROOF_REPLAYED'
  | 'PROOF_KEY_REVOKED'
  | 'PROOF_IDENTIFIER_MISMATCH'
  | 'KEYSTORE_UNAVAILABLE'
  | 'KEYSTORE_TIMEOUT'
  | 'KEYSTORE_CORRUPT'
  | 'KEYSTORE_NEWER'
  | 'KEYSTORE_BLOCKED'
  | 'KEYSTORE_FULL'
  | 'KEYSTORE_PRIVATE'
  | 'KEYSTORE_OPAQUE'
  | 'KEYSTORE_VANISHED'
  | 'ORIGIN_NOT_ALLOWED'
  | 'OFFLINE'
  | 'UPGRADE_IN_PROGRESS'
  | 'CONFLICT'
  | 'CONFLICT_MISSING'
  | 'IDENTITY_CHANGED'
  | 'IDENTITY_UNKNOWN'
  | 'SESSION_MISSING'
  | 'PROOF_NOT_SENT'
  | 'PROVIDER_REFUSED'
  | 'PROVIDER_LIMITED'
  | 'PROVIDER_FAILED'
  | 'RUN_FAILED'
  | 'UPGRADE_CANCELLED'
  | 'PRINCIPAL_MISMATCH'
  | 'UNSYNCED_DATA'
  | 'ROLES_MISMATCH'
  | 'SESSION_TOKEN_MISSING'
  | 'SESSION_TOKEN_REFUSED'
  | 'SESSION_ENDED'
  | 'DOCUMENT_FORBIDDEN'
  | 'EXTERNAL_SECRET_INVALID'
  | 'PRINCIPAL_TAKEN'
  | 'PRINCIPAL_FIXED'
  | 'PRINCIPAL_FIELD_FORBIDDEN'
  | 'USER_ID_FORBIDDEN'
  | 'ACCOUNT_HANDED_OVER'
  | 'ACCOUNT_OPEN'
  | 'REQUEST_SUPERSEDED'
  | 'SESSION_NOT_KEPT'
  | 'SESSION_NOT_FRESH'
  | 'CROSS_SITE_FORBIDDEN'
  | 'KEY_FORBIDDEN'
  | 'ALIASES_FULL'
  | 'ALIAS_UNKNOWN'
  | 'LINK_FORBIDDEN'
  | 'LINK_REFUSED'
  | 'UNLINK_REFUSED'
  | 'KEY_UNKNOWN'
  | 'KEY_NEEDED'
  | 'DEVICES_UNSUPPORTED'
  | 'DEVICE_UNKNOWN'
  | 'DEVICE_CURRENT'
  | 'DEVICE_FORBIDDEN'
  | 'GRANT_FORBIDDEN'
  | 'GRANT_INVALID'
  | 'SESSION_PAIRED'
  | 'RENDEZVOUS_ENDED'
  | 'RENDEZVOUS_CONTESTED'
  | 'RENDEZVOUS_FULL'
  | 'CREDENTIAL_MISSING'
  | 'CREDENTIAL_MALFORMED'
  | 'ISSUER_UNKNOWN'
  | 'BACKEND_DISABLED'
  | 'BACKEND_HEADERS_INVALID'
  | 'BACKEND_FROM_BROWSER'
  | 'BACKEND_SECRET_WRONG'
  | 'BACKEND_SESSION_INVALID'
  | 'COOKIE_ORIGIN_REFUSED'
  | 'KEYS_UNAVAILABLE'
  | 'DATABASE_NOT_MIGRATED'
  | 'DATABASE_UNSUITABLE'
  | 'RUNTIME_UNSUITABLE'
  | 'REOWN_CONFLICT'
  | 'REOWN_TABLE_UNSUITABLE'
  | 'LOCAL_FIRST_DISABLED'
  | 'PRINCIPAL_DISABLED'
  | 'SESSION_REVOKED'
  | 'ANONYMOUS_WRITE_DENIED'
  | 'TEST_APP_MISSING'
  | 'TEST_STATE_MISSED'
  | 'TEST_SETUP_REFUSED'
  | 'TEST_BROWSER_UNSUPPORTED'
  | 'TEST_MAIL_MISSING'
  | 'TEST_PACKAGE_MISSING'

const BRAND = Symbol.for('latchkey.error')

/**
 * Base of every deliberate failure. A caller's mistake is a plain `TypeError`. Use {@link isLatchkeyError} to recognize
 * one: `instanceof` fails if two bundles each contain the class.
 */
export class LatchkeyError extends Error {
  /**
   * Stable across releases; `message` is not. Each has a section about
   * [what to do](https://github.com/latchkey-id/latchkey/blob/main/docs/errors.md).
   */
  declare readonly code: LatchkeyErrorCode
  override readonly name = 'LatchkeyError'

  /**
   * @param code - the stable code
   * @param detail - one sentence for a developer; never a secret, token or proof
   * @param cause - the underlying error, if any
   */
  constructor(code: LatchkeyErrorCode, detail?: string, cause?: unknown) {
    super(detail ? `${code}: ${detail}` : code, (cause && { cause }) as ErrorOptions | undefined)
    this.code = code
  }
}

// On the prototype: an error that is printed or compared does not show it.
;(LatchkeyError.prototype as { [BRAND]?: boolean })[BRAND] = true

/**
 * Returns true if a value is a {@link LatchkeyError}, from this copy of the library or another one.
 *
 * @param value - any thrown value
 * @param code - also require this code
 */
export function isLatchkeyError(value: unknown, code?: LatchkeyErrorCode): value is LatchkeyError {
  return (value as { [BRAND]?: boolean } | null)?.[BRAND] === true && (!code || (value as LatchkeyError).code === code)
}
