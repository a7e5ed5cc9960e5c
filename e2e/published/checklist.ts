/** Whose documentation or users a behaviour comes from, and the behaviours, numbered through all groups. */
export interface ChecklistGroup {
  readonly title: string
  readonly lines: readonly string[]
}

/** The required behaviours. Tests quote the number of a line in their names: `(checklist 3: …)`. */
export const CHECKLIST: readonly ChecklistGroup[] = [
  {
    title: 'Modes, as Jazz documents them',
    lines: [
      'No credential gives anonymous, a device secret local-first, an account token external.',
      'Anonymous is ephemeral, needs no secret and no server; it can read and subscribe.',
      'Anonymous insert, update and delete are denied before any policy runs, as AnonymousWriteDenied with operation and resource.',
      'Reads can be gated on the mode. Claims can be used in permissions.',
      'Local-first is stable across reloads and restarts, and needs no server.',
      'Local-first upgrades to external with the same principal.',
      'External tokens are verified by a JWKS URL, or by one static JWK or PEM; configuring both is an error.',
      'Auth state is flat: mode, session, optional error out of expired, missing, invalid, disabled; readable synchronously; observable.',
      'After a rejection the error is set, the last session stays, sync and reconnects pause, and a valid refresh of the same principal resumes them.',
      'A refresh callback runs once however many requests fail together.',
      'Updating the token refreshes the same principal live; null or another principal is refused with a typed error; a change of principal means a new client.',
      'Backend-scoped sessions ignore token updates.',
      'Session resolution order: backend impersonation, external JWT, local-first, none. Impersonation needs both headers, and beats any JWT.',
      'The server takes: port, data directory, allow local-first, JWKS URL, backend secret, admin secret. In production local-first needs its explicit flag.',
    ],
  },
  {
    title: 'Sessions, as Triplit documents them',
    lines: [
      'A session starts from a token at construction or by startSession; a client may start without one; endSession ends it, stops refreshing and keeps local data; clear empties it.',
      'autoConnect false waits for connect().',
      'A refresh handler runs before expiry, or at a given interval, also from the constructor; a token already expired at start is refreshed first; refreshing stops at the end of the session.',
      'A manual token update works; a token with other roles closes with ROLES_MISMATCH.',
      'Error kinds UNAUTHORIZED, SCHEMA_MISMATCH, TOKEN_EXPIRED, ROLES_MISMATCH reach a handler, which may end the session and clear.',
      'Sessions survive reload and lost connections.',
      'Guest and user can be separate sessions.',
    ],
  },
  {
    title: 'Providers, as Triplit documents them and Clerk with Triplit needs them',
    lines: [
      "A token can carry a sync engine's own claims (project id, token type external, user id) and custom claims.",
      "A provider's changed token restarts the session, an unchanged one does not, a null one ends it.",
      'An RSA public key from configuration, newlines removed, verifies; a wrong key cannot connect.',
      "A role `match: { sub: '$userId' }` binds the user and is usable in permissions.",
    ],
  },
  {
    title: 'Beyond the peers: what their users ask for',
    lines: [
      'Any route of sign-up or sign-in upgrades: password, OAuth redirect, magic link, e-mail OTP, passkey, phone, username, SIWE, two-factor.',
      'Signing in to an existing account from a device with data never orphans or silently moves it: adopt, switch, discard or cancel, with preview and undo; an empty device is never asked.',
      'A second device, a lost device, a changed device: list, revoke, recover, without changing the principal.',
      "Recovery by 24 words, by a passkey's PRF, by pairing another device.",
      'Eight tabs, a crash at any point, a full disk, a cleared site, a wrong clock, no network: no identity is lost or duplicated.',
      'Fixtures for testing all of this in Playwright; developer tools that show what the state machine does.',
      'Recovery shows whom it brings before it stores; devices are listed, named and revoked; pairing gives a new device a session or the secret without a link ever acting by itself.',
      'The same identity works on the web, in Expo, in a web extension and in Node; the server on Node, Bun, Deno and Workers; the plugin on every database that the page of databases names.',
      'React, Vue, Svelte, Solid and Angular have the same binding, right on a server too.',
      'Living sync engines carry the whole route: offline writes, upgrade, second device, adoption with re-owned rows, undo, sign-out, next person.',
      'A developer with an existing Better Auth app (populated database, foreign keys, `useSession`, older peers) moves in without a failed command.',
    ],
  },
]

/** Lines that no test shows yet, and why. Remove a line here once a test names it. */
export const NOT_SHOWN: ReadonlyMap<number, string> = new Map()
