import type { LatchkeyErrorCode } from 'latchkey'

/** For each code what to do about it: `docs/errors.md` prints it below what happened. */
export const REMEDIES: Readonly<Record<string, Partial<Record<LatchkeyErrorCode, string>>>> = {
  'Identity and backups': {
    ENCODING_INVALID:
      'Pass the text exactly as Latchkey returned it: no padding, no spaces, no characters of plain base64 (`+`, `/`, `=`).',
    SECRET_INVALID:
      'Ask the user to check what they typed. If users type secrets, use [the text with a check](recovery.md#the-secret-as-text), which names mistakes.',
    SECRET_HARDENED:
      'Offer an account instead. To keep backups possible, make them before the first upgrade, or set [`harden`](client.md#keys-that-cannot-be-copied).',
    SECRET_MISTYPED: 'Show the field again, and ask the user to compare it with what they wrote down.',
    PHRASE_LENGTH: 'Show the number of words that the field has, and ask for the rest.',
    PHRASE_WORD_UNKNOWN:
      'Call [`findUnknownWords(text)`](recovery.md#a-restore), and show each position with the similar words.',
    PHRASE_CHECKSUM: 'Ask the user to compare every word with the sheet, in order.',
    PHRASE_MISMATCH:
      'Ask for the word at this position again. Do not show the words: the user is to read their own copy.',
    RESTORE_UNKNOWN:
      'Tell the user that this identity is unknown: the words may belong to another app. If they still want it, pass [`evenIfUnknown: true`](recovery.md#a-restore).',
    BACKUP_FILE_INVALID: 'Let the user choose another file.',
    BACKUP_NOT_OPENED:
      'Let the user choose another passkey or file. If your host or the option `name` has changed, see [what must not change](passkey-backup.md#what-must-not-change).',
    BACKUP_UNKNOWN:
      'Let the user choose another passkey, or use the backup file or the words. On a device that still has the identity, [seal for the passkey again](passkey-backup.md#a-passkey-without-a-backup).',
    BACKUP_TAKEN: 'Create another passkey with `add()`, and seal for that one.',
    BACKUP_LIMIT:
      'Remove a backup that is no longer needed with `removeStored()`, or give the user the file. Operators: see [the limits](better-auth.md#the-store-for-backups).',
    BACKUP_ACCOUNT_NEEDED:
      'Give the user the file, or offer an account first. Operators can allow it with [`backupsWithoutAccount`](better-auth.md#the-store-for-backups).',
    PASSKEY_UNAVAILABLE: 'Offer [24 words](recovery.md). Passkeys need a secure origin (`https://` or `localhost`).',
    PASSKEY_CANCELLED: 'Nothing has changed. Show the button again, and offer words beside it.',
    PASSKEY_EXISTS:
      'Use the passkey that exists: call `verify`. If there is no file, or the store has no backup of it (`BACKUP_UNKNOWN`), [seal for it again](passkey-backup.md#a-passkey-without-a-backup). Or let the user choose another authenticator.',
    PASSKEY_UNSUITABLE:
      'Offer another authenticator or [24 words](recovery.md). [What it needs](passkey-backup.md#what-it-needs) lists what supports it.',
  },
  Pairing: {
    PAIRING_CODE_INVALID:
      'Ask the user to scan the code that the other device shows now. `join` takes the codes of `addDevice`, and `scan` those of `showCode`.',
    PAIRING_CHECK_WRONG: 'Ask for the digits again; `approval.triesLeft` says how often. Then start a new pairing.',
    PAIRING_FAILED:
      'Start again. If it happens every time, compare `server` and `name` on both devices: they must be the same.',
    RENDEZVOUS_ENDED: 'Show a new code. A code is valid for five minutes.',
    RENDEZVOUS_CONTESTED:
      'Tell the user that **a second device has used the code**, and that nothing was handed over. Start again where no one else can see the screen.',
    RENDEZVOUS_FULL:
      'Try again in five minutes. Operators: raise [`pairing.limit`](pairing.md#the-server), or find out who opens so many.',
    GRANT_FORBIDDEN: 'Let the user sign in again on the approving device, not by impersonation.',
    GRANT_INVALID: 'Start the pairing again. A grant lasts two minutes, works once, and ends when its session ends.',
    SESSION_PAIRED:
      'Let the user [sign in on this device](pairing.md#what-a-grant-is-worth), then repeat the operation.',
  },
  'Keys and runtime': {
    CRYPTO_UNAVAILABLE:
      'Pass `crypto: nobleSuite` from `latchkey/noble` to `createAuth`; in a service worker import it statically. See [Workers](frameworks.md#workers). [Pairing](pairing.md) needs WebCrypto: open the page over https.',
    VERIFIER_UNAVAILABLE: "Install `sodium-native`, or leave out [`verifier: 'native'`](server.md#verifier).",
  },
  Storage: {
    KEYSTORE_UNAVAILABLE:
      'Tell the user that nothing can be kept here, and that signing in is not possible here either. On a server this is expected: call nothing there that needs an identity.',
    KEYSTORE_BLOCKED: 'Ask the user to allow cookies and site data for your site: without them, signing in fails too.',
    KEYSTORE_FULL: 'Ask the user to free space. The code goes away with the next write that succeeds.',
    KEYSTORE_PRIVATE: 'Suggest a normal window: signing in fails in this one too.',
    KEYSTORE_OPAQUE: 'Serve the page from an origin: without `sandbox`, or with `allow-same-origin`.',
    KEYSTORE_VANISHED:
      'Ask whether the user has used the app before, and offer [the ways back](ways-back.md#the-user-cleared-the-browser). Only then call `ensureIdentity()`.',
    KEYSTORE_TIMEOUT: 'Let the user reload, and close other tabs of the app if it happens again.',
    KEYSTORE_CORRUPT:
      'If the identity is still shown, `importSecret` with a backup of it repairs the record. Otherwise suggest a restore or a sign-in in another browser: here, signing in fails too. The damaged record stays where it is, for support.',
    KEYSTORE_NEWER: 'Reload to get the newer version of your app. After a rollback, deploy the newer version again.',
  },
  'Signing up and in': {
    OFFLINE:
      'Tell the user that they are offline; everything else goes on. If the device is online, check the address, CORS, and what answers in front of the account server.',
    UPGRADE_IN_PROGRESS:
      'Wait for the running call, also in other tabs, or end it with `cancelUpgrade()`. Disable the button meanwhile.',
    CONFLICT: 'Show both sides and call [`resolveConflict`](adoption.md#the-four-decisions), or `cancelUpgrade()`.',
    CONFLICT_MISSING: 'Read `getState().upgrade` again: another tab has decided, or the session has ended.',
    IDENTITY_CHANGED: 'Render the current state, and let the user repeat what they wanted to do.',
    IDENTITY_UNKNOWN: 'Choose one of `listIdentities()`, or restore the identity from a backup first.',
    SESSION_MISSING: 'Let the user sign in again to the same account. Local data stays readable meanwhile.',
    SESSION_NOT_KEPT:
      "Serve the account server from your app's own site, such as `auth.example.com` for `app.example.com`. See [Routes](routes/README.md#what-an-app-must-not-do).",
    PROOF_NOT_SENT:
      'Call the client that has `latchkeyClient()` inside `run`, and await it: `auth.upgrade(() => authClient.signUp.email(…))`.',
    PROVIDER_REFUSED:
      'Show what the account server says in `error.cause`: a wrong password, a taken address, a rule of its own.',
    PROVIDER_LIMITED: 'Let the user try again after `error.cause.retryAfter` seconds.',
    PROVIDER_FAILED: "Let the user try again later, and read the account server's log.",
    RUN_FAILED: 'Fix the bug in `run`: the original error is the `cause`.',
    UPGRADE_CANCELLED: 'Nothing to do: nothing has changed.',
    UNSYNCED_DATA:
      'Tell the user what is not synced. Sync, or call `signOut({ force: true })` after they agree to lose it on this device.',
    PRINCIPAL_TAKEN:
      "Let the user sign in to the account that has this device's data, or `resolveConflict('switch')`. See [Special cases](adoption.md#special-cases).",
    PRINCIPAL_FIXED:
      "Adopt it instead: the outcome is a conflict, and `resolveConflict('adopt')` links the device as an alias.",
    ACCOUNT_OPEN:
      'Call `upgrade` again: the client binds an unused account by itself. An admin who impersonates the user, and a device that another one approved, have to wait until the user has used the account on a device where they signed in.',
    ACCOUNT_HANDED_OVER:
      'Let the user remove what `remaining` of the response lists, such as an unknown password or provider, then try again. See [Adopting a second principal](better-auth.md#adopting-a-second-principal).',
    REQUEST_SUPERSEDED:
      'Let the user request the change of address, the new password or the deletion again, or register the passkey again. A change of address counts only while the session that requested it exists, which a second factor that is switched on or off replaces.',
    PRINCIPAL_FIELD_FORBIDDEN:
      'Do not send `principal*` fields to `/update-user` or `/sign-up`. Only the plugin writes them.',
    USER_ID_FORBIDDEN:
      'Let the database generate user ids, or use ids that are not UUIDv8, do not begin with `urn:latchkey:` and were never used.',
    SESSION_NOT_FRESH: 'Let the user sign in again, then repeat the operation.',
    ALIASES_FULL: 'Unlink an alias that is no longer needed with `unlinkAlias`. An account has at most 16.',
    ALIAS_UNKNOWN: "Read `session.principals` again. An account's own id cannot be unlinked.",
    LINK_FORBIDDEN: 'Let the user of the account adopt the device, with their own session.',
    LINK_REFUSED: 'Read the log of your `onLink`. The user can choose `switch` instead.',
    UNLINK_REFUSED: 'Read the log of your `onUnlink`, and let the user try again.',
    REOWN_CONFLICT:
      'Show the rows in `conflicts` and let the user keep one of each, or change the unique index; see [Moving rows](reown.md).',
    REOWN_TABLE_UNSUITABLE: 'Name the owner column, or leave the table out; see [Moving rows](reown.md).',
    CROSS_SITE_FORBIDDEN: 'Call the route from your own pages, or add the origin to `trustedOrigins` of Better Auth.',
  },
  'Devices of an account': {
    KEY_UNKNOWN: 'Read `GET /latchkey/keys` again.',
    KEY_FORBIDDEN: 'Use a session of the account itself.',
    KEY_NEEDED: 'Verify an address of the account, or add a passkey, then revoke the key.',
    DEVICES_UNSUPPORTED:
      'Hide the list. Another account provider can implement [`devices`](devices.md#your-own-server).',
    DEVICE_UNKNOWN: 'Read `auth.devices()` again.',
    DEVICE_CURRENT: 'Call `auth.signOut()`.',
    DEVICE_FORBIDDEN: 'Use a session of the account itself.',
  },
  'Tokens that a server refuses': {
    TOKEN_TOO_LARGE: 'Put less into the token, such as shorter lists of roles.',
    TOKEN_MALFORMED: 'Check what is sent: a whole JWT, not an opaque access token or a truncated one.',
    TOKEN_ENCODING_INVALID: 'Check what changes the token on its way, such as a proxy or a line break.',
    TOKEN_MEMBER_DUPLICATE: 'Fix the issuer: JSON with a duplicate member is read differently by different parsers.',
    TOKEN_TYPE_UNEXPECTED:
      "Send an access token or a session token, not an ID token. If the `typ` is right, name it in `type` of the issuer's options.",
    TOKEN_ALGORITHM_FORBIDDEN:
      'Name the algorithm in [`algorithms`](server.md#issuers) of the issuer, if you trust it.',
    TOKEN_HEADER_FORBIDDEN: 'A device cannot fix this. If your own code signs it, leave the parameter out.',
    TOKEN_CLAIM_UNKNOWN: 'Use the claims of [the format](concepts.md#formats) only; other data belongs in the request.',
    TOKEN_CLAIM_INVALID:
      "Decode the token with `npx latchkey inspect`, and compare it with the issuer's documentation.",
    TOKEN_TIME_INVALID: 'Fix the issuer: `iat` and `exp` are seconds since 1970.',
    TOKEN_LIFETIME_EXCEEDED: 'Issue tokens with a shorter life.',
    TOKEN_ISSUER_MISMATCH: 'Compare `iss` of the token with `issuer` in the options, to the last slash.',
    TOKEN_AUDIENCE_MISMATCH:
      'Make `audience` the same on both sides. Behind a dev proxy it is the origin that the browser sees, see [Troubleshooting](troubleshooting.md#every-request-is-refused-with-401).',
    TOKEN_SUBJECT_MISMATCH:
      'The token was altered, or a client derives its principal differently. Log which client sends it.',
    TOKEN_KEY_SMALL_ORDER: 'Nothing: no honest client has such a key.',
    TOKEN_KEY_NOT_CANONICAL: 'Nothing: no honest client has such a key.',
    TOKEN_SIGNATURE_NOT_CANONICAL: "Fix the client's Ed25519, if it is your own.",
    TOKEN_SIGNATURE_INVALID:
      "Check that the issuer's keys are those of this environment, and that nothing changes the token.",
    TOKEN_KEY_UNKNOWN: 'Check `jwksUrl`. After a rotation keep the old key published until its tokens have expired.',
    TOKEN_PARTY_MISMATCH: 'List the expected `azp` in [`authorizedParties`](server.md#issuers) of the issuer.',
    TOKEN_NOT_AN_ACCOUNT:
      'Let the user sign up. See [From Supabase](from-supabase.md), [From Firebase](from-firebase.md) and [From the anonymous plugin](from-anonymous.md).',
    TOKEN_NOT_YET_VALID:
      "The client corrects its clock by up to a day and tries again. Beyond that, ask the user to set it. Check the server's clock too.",
    TOKEN_EXPIRED: 'Nothing with `auth.fetch`, which refreshes. For your own socket call [`reportToken`](sessions.md).',
    DELEGATION_UNSUPPORTED: 'Send a token without the claim `delegation`.',
    ISSUER_UNKNOWN: 'Add the issuer to `external`, or turn on `localFirst` for tokens that devices sign.',
    KEYS_UNAVAILABLE: 'Check that the server reaches `jwksUrl`. The last keys stay valid for a day.',
    LOCAL_FIRST_DISABLED:
      'Set [`localFirst`](server.md#local-first) in the resolver, or `--allow-local-first` for `latchkey serve`.',
    PRINCIPAL_DISABLED:
      'Let the user sign in to the account that has the data. A banned user, a revoked key and a retired principal stay refused: see [Operations](operations.md#a-device-or-its-secret).',
    SESSION_REVOKED: 'Let the user sign in again on this device. See [A lost device](devices.md#a-lost-device).',
    PRINCIPAL_MISMATCH: 'Start a new session for the other principal instead of replacing the token.',
  },
  'Proofs that a server refuses': {
    PROOF_PURPOSE_MISMATCH: 'Use `auth.upgrade` and the calls of `auth`: they sign the right proof.',
    PROOF_NONCE_MISSING:
      'Set `latchkeyClient({ requireNonce: true })`, as the [server requires](better-auth.md#a-nonce-for-every-proof).',
    PROOF_NONCE_MISMATCH: 'Try again: a nonce is valid once, for two minutes, for one session and purpose.',
    PROOF_LINK_MISMATCH: 'Try again: another account was signed in meanwhile.',
    PROOF_PAIR_MISMATCH: 'Start the pairing again.',
    PROOF_DIGEST_MISMATCH: 'Seal the backup again and send that one.',
    PROOF_REPLAYED: 'Try again; do not repeat requests of the account client in a proxy or a service worker.',
    PROOF_KEY_REVOKED:
      "The user signs in as usual; this device's own data stays its own. Offer a new identity after `signOut()`.",
    PROOF_IDENTIFIER_MISMATCH:
      'Tell the user that the link is for another account than the address that they typed. `upgrade(run, { identifier })` corrects a typing error.',
  },
  Requests: {
    ORIGIN_NOT_ALLOWED:
      'List the origin in [`audiences`](client.md#options), or use plain `fetch`: this request then carries no token.',
    CREDENTIAL_MISSING: 'Send the request with `auth.fetch`, or allow anonymous access for this route.',
    CREDENTIAL_MALFORMED:
      'Send one `Authorization: Bearer <token>`. If a gateway needs that header, set [`tokenHeader`](client.md#options) on both sides.',
    COOKIE_ORIGIN_REFUSED: 'Add your origin to the trusted ones of the [cookie source](server.md#cookies).',
    ANONYMOUS_WRITE_DENIED:
      'Call `ensureIdentity()` before the first write. On the server answer with `toResponse(error)`.',
    BACKEND_DISABLED: 'Configure [`backend`](server.md#acting-on-behalf-of-a-user), or find out who sends its headers.',
    BACKEND_HEADERS_INVALID: 'Send both headers, each once.',
    BACKEND_FROM_BROWSER: '**Rotate the backend secret now**: see [Incidents](operations.md#the-backend-secret-1).',
    BACKEND_SECRET_WRONG: 'Compare the secrets. During a rotation configure both.',
    BACKEND_SESSION_INVALID:
      'Encode the session as base64 of JSON, as in [the example](server.md#acting-on-behalf-of-a-user).',
    DATABASE_NOT_MIGRATED:
      'Run `npx latchkey migrate --auth ./auth.ts`. For `latchkey/reown`, run the statements of [`reownTables`](reown.md#the-journal).',
    DATABASE_UNSUITABLE:
      'Read the log, run `npx latchkey doctor --auth ./auth.ts`, and choose a driver from [Databases](databases.md).',
    RUNTIME_UNSUITABLE:
      'Let the bundler set the condition `workerd` or `node`, or define `globalThis.AsyncLocalStorage`: see [Runtimes](runtimes.md#servers).',
  },
  'Sessions of sync engines and sockets': {
    DOCUMENT_FORBIDDEN:
      'Check the owner in the [name of the document](hocuspocus.md), and what `authorize` returns on the server.',
    ROLES_MISMATCH: 'Call `start()`: the session continues with the new roles.',
    SESSION_TOKEN_MISSING:
      'Call `auth.signOut()` to sign out. A refresh handler that is only offline throws instead of returning null.',
    SESSION_TOKEN_REFUSED:
      'Check the audience and the issuer that the sync server expects. The previous token stays in use.',
    SESSION_ENDED: 'Call `start()`.',
    EXTERNAL_SECRET_INVALID: 'Pass the public key as PEM, as described in [Triplit](triplit.md#the-servers).',
  },
  'Tests with Playwright': {
    TEST_APP_MISSING:
      'Open a page of the app first. If `createAuth` has the option `name`, pass it to `device({ name })`. Instances that exist before the page loads the kit, as in a page that the test did not open through a device, are not seen.',
    TEST_STATE_MISSED:
      'Compare the two states in the message. `device.events()` lists how the device came to its state. While `phase` is `starting`, `createAuth` has not read the record yet.',
    TEST_SETUP_REFUSED:
      'Read the outcome and the code in the message: the server may require [a verified address](routes/required-verification.md), limit requests, or not know the password. If Better Auth is not under `/api/auth`, pass `baseURL` with the [credentials](testing.md#devices-that-are-signed-in).',
    TEST_BROWSER_UNSUPPORTED:
      "Pass `ownBrowser: true` to `device` for `kill()` and `restart()`. Skip the test in other browsers: `test.skip(({ browserName }) => browserName !== 'chromium')`.",
    TEST_MAIL_MISSING:
      'Check that the server has the same [file](testing.md#mail-and-codes) as the tests and appends a line for each message, with the address in `to`. Each message is returned once.',
    TEST_PACKAGE_MISSING: 'Install the package that the message names.',
  },
}
