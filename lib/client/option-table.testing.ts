import type { AuthOptions } from './auth.ts'
import { OPTIONS } from './check-options.ts'

interface Row {
  readonly default: string
  readonly meaning: string
}

/** The text of docs/client.md for each option; the accepted values come from `OPTIONS`. */
const ROWS: Readonly<Record<keyof AuthOptions, Row>> = {
  account: { default: 'none', meaning: 'the account provider, for instance `betterAuthAccount(authClient)`' },
  backups: {
    default: "the account provider's",
    meaning: 'the store of [backups by a passkey](passkey-backup.md#a-store) that must not expire',
  },
  audience: { default: '`location.origin`', meaning: "`aud` of tokens for the page's own origin" },
  audiences: {
    default: 'none',
    meaning:
      "further origins that `auth.fetch` may call, with the `aud` for each; `{ audience, via: 'exchange' }` for [servers that cannot verify what a device signs](exchange.md)",
  },
  tokenHeader: {
    default: '`Authorization`',
    meaning:
      'the header in which `auth.fetch` sends the token if a gateway occupies `Authorization`; the [resolver](server.md) has the same option',
  },
  name: { default: '`latchkey`', meaning: 'separates the identities of several apps on one origin' },
  initialMode: {
    default: '`local-first`',
    meaning: 'creates an identity at the first start, or leaves it to `ensureIdentity`',
  },
  migrateSessionsUntil: {
    default: 'off',
    meaning:
      'until this time, in milliseconds since 1970, a session found at the first start on a device is used without confirmation: for an app that had accounts before Latchkey',
  },
  keystore: {
    default: 'IndexedDB',
    meaning: 'any `RecordStore`; `memoryStore()` is lost with the page, [`fileStore(path)`](node.md) is for Node',
  },
  crypto: { default: 'WebCrypto', meaning: '`nobleSuite` from `latchkey/noble` to choose the fallback yourself' },
  harden: {
    default: '`after-upgrade`',
    meaning:
      'when the secret is replaced by keys that script can use but not copy: once an account can restore the principal, from the start (no backup is possible then), or never',
  },
  describeLocal: { default: 'none', meaning: 'returns what data an identity has on this device' },
  describeAccount: { default: 'none', meaning: 'returns what data an account has, for the preview of a conflict' },
  onConflict: {
    default: '`ask`',
    meaning:
      'who resolves a conflict: the user (`ask`), a fixed decision, or a function that returns one of the three; none of them loses an identity',
  },
  readClaims: {
    default: 'all but the registered ones',
    meaning: "which claims of an account's token the session shows",
  },
  beforeSignOut: { default: 'none', meaning: 'returns how much is not synced yet; more than 0 vetoes the sign-out' },
  onPrincipalChange: { default: 'none', meaning: 'called after the principal changed' },
  onTokenExpired: {
    default: 'none',
    meaning: 'called when a server refuses the token as expired even after a refresh',
  },
  clock: { default: "the system's", meaning: 'returns milliseconds since 1970' },
}

/** Returns the table of options in docs/client.md. */
export function optionTable(): string {
  const kinds = ['object', 'string', 'number', 'function']
  const accepts = (expected: string): string =>
    expected
      .split('|')
      .map((value) => (kinds.includes(value) ? value : `\`${value}\``))
      .join(', ')
  return [
    '| option | accepts | default |  |',
    '| --- | --- | --- | --- |',
    ...(Object.keys(OPTIONS) as (keyof AuthOptions)[]).map(
      (name) => `| \`${name}\` | ${accepts(OPTIONS[name])} | ${ROWS[name].default} | ${ROWS[name].meaning} |`,
    ),
  ].join('\n')
}
