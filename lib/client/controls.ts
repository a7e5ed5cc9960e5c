import type { Entry, Intent, Keyring } from '../keystore/record.ts'
import type { ensureIdentity, getToken, reportToken, signOut } from './later-parts.ts'
import type { Context } from './shared/context.ts'
import type { DevtoolsControls, DevtoolsToken } from './shared/devtools.ts'
import type { readPayload } from './tokens/account-token.ts'
import type { defaultAudience, isExchanged } from './tokens/audience.ts'
import type { deviceToken } from './tokens/first-token.ts'
import type { dropHeld } from './tokens/token-source.ts'

/** The functions of the client that the controls call. */
export interface ControlParts {
  readonly ensureIdentity: typeof ensureIdentity
  readonly getToken: typeof getToken
  readonly reportToken: typeof reportToken
  readonly signOut: typeof signOut
  readonly defaultAudience: typeof defaultAudience
  readonly deviceToken: typeof deviceToken
  readonly dropHeld: typeof dropHeld
  readonly isExchanged: typeof isExchanged
  readonly readPayload: typeof readPayload
}

/** An account that no server has. */
const SIMULATED_ACCOUNT = {
  accountId: 'simulated-account',
  principal: 'ffffffff-ffff-8fff-bfff-ffffffffffff',
  identifiers: ['ada@example.com'],
}

/** How long ago an expired token expires, in milliseconds. */
const EXPIRED_FOR_MS = 3_600_000

/** Creates the controls of one instance. Loaded by developer tools only. */
export function createControls(context: Context, client: ControlParts): DevtoolsControls {
  const { options, store, timing, tokens } = context
  return {
    audience: audienceOf(context, client),
    accountAudience: options.account?.audience ?? null,
    tokenHeader: options.tokenHeader ?? 'authorization',
    channel: store.channel ?? null,
    tokens: () =>
      [...tokens].map(([audience, { jwt, until, isDropped = false }]) => ({
        ...unsigned(client, jwt),
        audience,
        until,
        isDropped,
      })),
    record: () => withoutSecrets(context.keyring()),
    setClock(simulated) {
      timing.simulated = simulated
      timing.skew = 0
      timing.tokenExpiresAt = null
      client.dropHeld(context)
    },
    expireTokens: () => expireTokens(context, client),
    refreshToken: async () => void (await client.getToken(context, { fresh: true })),
    reportToken: (reason) => client.reportToken(context, reason),
    ...recordControls(context),
    ...conflictControls(context),
    async switchDevice(principal) {
      await client.signOut(context)
      await client.ensureIdentity(context, principal === undefined ? {} : { resume: principal })
    },
  }
}

function audienceOf({ options }: Context, client: ControlParts): string | null {
  try {
    return client.defaultAudience(options)
  } catch {
    return null
  }
}

function unsigned(client: ControlParts, jwt: string): Pick<DevtoolsToken, 'header' | 'claims'> {
  // It decodes what follows the first dot.
  return { header: client.readPayload(`.${jwt}`), claims: client.readPayload(jwt) }
}

/** Only a server can make an expired token of an account. */
async function expireTokens(context: Context, client: ControlParts): Promise<void> {
  const { getState, now, options, timing, tokens } = context
  const { session } = getState()
  const audiences = [...tokens.keys()].filter((audience) => !client.isExchanged(options, audience))
  client.dropHeld(context)
  timing.tokenExpiresAt = null
  if (session?.authMode !== 'local-first') return
  const earlier = { ...context, now: () => now() - EXPIRED_FOR_MS }
  for (const audience of audiences) {
    const { jwt } = await client.deviceToken(earlier, audience, session.principal)
    if (getState().session?.principal === session.principal)
      tokens.set(audience, { jwt, until: now() + EXPIRED_FOR_MS })
  }
}

function recordControls(context: Context): Pick<DevtoolsControls, 'removeRecord' | 'restoreRecord'> {
  const { store } = context
  let removed: unknown
  // A record that is missing is what the state then says.
  const look = (): Promise<unknown> => context.read().catch(() => {})
  return {
    async removeRecord() {
      await store.update((found) => {
        removed = found ?? removed
      })
      await look()
    },
    async restoreRecord() {
      if (removed === undefined) return false
      let isRestored = false
      await store.update((found) => {
        isRestored = found === undefined
        return found ?? removed
      })
      // The copy may be the only one.
      if (isRestored) removed = undefined
      await look()
      return isRestored
    },
  }
}

function conflictControls(context: Context): Pick<DevtoolsControls, 'showConflict' | 'endConflict'> {
  const { getState, write, dispatch } = context
  return {
    async showConflict() {
      const { authMode, phase } = getState()
      if (authMode !== 'local-first' || phase !== 'ready') return false
      await write((keyring) => keyring && withIntent(keyring, simulatedIntent(context)))
      const { conflict } = context.waiting()
      if (conflict) dispatch({ type: 'conflictFound', upgrade: { conflict } })
      return conflict !== undefined
    },
    async endConflict() {
      const isSimulated = (intent: Intent | null | undefined): boolean =>
        intent?.conflict?.account.accountId === SIMULATED_ACCOUNT.accountId
      if (!isSimulated(context.keyring()?.intent)) return
      await write((keyring) => (isSimulated(keyring?.intent) ? { ...keyring!, intent: null } : keyring))
      dispatch({ type: 'upgradeCancelled' })
    },
  }
}

/** Another tab may have begun an upgrade, which stays. */
function withIntent(keyring: Keyring, intent: Intent): Keyring {
  const other = keyring.intent
  return other?.conflict || (other?.expiresAt ?? 0) > intent.startedAt ? keyring : { ...keyring, intent }
}

function simulatedIntent({ getState, now, timing }: Context): Intent {
  const { principal } = getState().session!
  // As `deviceTime`, whose times the record has.
  const startedAt = now() - timing.skew
  return {
    id: SIMULATED_ACCOUNT.accountId,
    principal,
    expected: null,
    startedAt,
    expiresAt: startedAt,
    conflict: { account: SIMULATED_ACCOUNT, isTaken: false },
  }
}

/** Lists what may be shown: a member that a later version adds is not shown by accident. */
function withoutSecrets(keyring: Keyring | null): Readonly<Record<string, unknown>> | null {
  if (!keyring) return null
  const { v, current, entries, intent, outbox } = keyring
  return {
    v,
    current,
    entries: entries.map(shownEntry),
    intent: intent && pick(intent, ['principal', 'expected', 'startedAt', 'expiresAt', 'conflict']),
    outbox: outbox.map((item) => pick(item, ['kind', 'accountId', 'createdAt'])),
  }
}

function shownEntry(entry: Entry): Readonly<Record<string, unknown>> {
  if (entry.kind === 'account')
    return {
      ...pick(entry, ['kind', 'accountId', 'principal', 'aliases', 'recoverable', 'expected', 'claims', 'verifiedAt']),
      ...(entry.token && { token: { until: entry.token.until } }),
    }
  return {
    ...pick(entry, ['kind', 'profile', 'principal', 'createdAt', 'origin', 'wrote', 'derived', 'backedUpAt']),
    ...pick(entry, ['backedUpUntil']),
    key: entry.secret ? 'a secret, not shown' : 'keys that cannot be copied',
    backups: (entry.backups ?? []).map((backup) =>
      pick(backup, ['kind', 'label', 'createdAt', 'shownAt', 'shownOn', 'isSynced']),
    ),
  }
}

function pick<Value extends object>(value: Value, names: readonly (keyof Value)[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(names.filter((name) => value[name] !== undefined).map((name) => [name, value[name]]))
}
