import { LatchkeyError } from '../../errors.ts'
import { isPlainText } from '../../plain-text.ts'
import type { ExternalAccount } from '../external/accounts.ts'
import { type CurrentSession, deviceIdOf, isRevoked } from './account-sessions.ts'
import { actorOf } from './actor.ts'
import type { AccountSessionRow, AccountSessionStore } from './session-store.ts'

/** A device of an account: one session at its provider. Times are milliseconds since 1970. */
export interface BinderDevice {
  /** Identifies the device; gives no access. */
  readonly id: string
  /** Set by the user, or from the user agent; plain text of at most 40 characters. */
  readonly name: string
  /** For example `Android`; null if unknown. */
  readonly platform: string | null
  /** When this server saw the session first. */
  readonly createdAt: number
  /** Precise to a minute. */
  readonly lastSeenAt: number
  /** True for the device that sent the request. */
  readonly isCurrent: boolean
  /** Always null: there is no pairing here. */
  readonly approvedBy: null
}

/** A session that was revoked here. End it at the provider, too. */
export interface RevokedSession {
  readonly issuer: string
  /** The provider's `sub`. */
  readonly subject: string
  /** The provider's id of the session. */
  readonly session: string
}

/**
 * The devices of an account. Each method takes the provider's token, and rejects with `SESSION_MISSING` if `accountId`
 * names another account, and with `DEVICE_FORBIDDEN` for an admin who impersonates the user. A change rejects with
 * `SESSION_NOT_FRESH` if the sign-in is more than ten minutes ago.
 */
export interface BinderDevices {
  /** Returns the devices that were used in the last 30 days, the latest first. */
  list(token: string, accountId?: string): Promise<readonly BinderDevice[]>
  /**
   * Renames a device.
   *
   * @param name - 1 to 40 visible characters
   * @throws {TypeError} the name is invalid
   * @throws {LatchkeyError} `DEVICE_UNKNOWN`
   */
  rename(token: string, id: string, name: string, accountId?: string): Promise<void>
  /**
   * Revokes a device: its tokens are refused from now on. Idempotent.
   *
   * @returns the number of sessions that were revoked
   * @throws {LatchkeyError} `DEVICE_UNKNOWN`, `DEVICE_CURRENT`
   */
  revoke(token: string, id: string, accountId?: string): Promise<number>
  /**
   * Revokes every other session that this server has seen. All are revoked, also if `onRevoke` rejects for one; then
   * the call rejects, and a repeated call calls it again for each that was revoked in the last 30 days.
   *
   * @returns the number of sessions that were revoked
   */
  revokeOthers(token: string, accountId?: string): Promise<number>
}

/** What {@link createBinderDevices} needs of the binder. */
export interface DeviceTools {
  /** Verifies a token, whose session must not be revoked. */
  verify(token: string): Promise<{ readonly account: ExternalAccount; readonly current: CurrentSession | null }>
  /** @throws {LatchkeyError} `SESSION_NOT_FRESH` */
  readonly requireRecent: (account: ExternalAccount) => void
  readonly onRevoke: ((session: RevokedSession) => unknown) | undefined
  /** In the form for clients. */
  readonly accountIdOf: (account: ExternalAccount) => string
  readonly clock: () => number
}

/** Longest name of a device, in characters. */
export const MAX_DEVICE_NAME_CHARACTERS = 40

/** Other users of the account see the name: it must not change how the text around it reads. */
export function isDeviceName(name: string): boolean {
  const given = name.trim()
  return (
    given !== '' &&
    given.length <= MAX_DEVICE_NAME_CHARACTERS &&
    isPlainText(given) &&
    !/[\p{Cf}\p{Zl}\p{Zp}]/u.test(given)
  )
}

/** For how long a device is listed after its last use, and ended again after it was revoked. In milliseconds. */
const LISTED_MS = 30 * 86_400_000

/** How often the sessions are read again: each time, only those are left that were begun meanwhile. */
const MOST_ROUNDS = 100

/** Lists, names and revokes the sessions of accounts. */
export function createBinderDevices(store: AccountSessionStore, tools: DeviceTools): BinderDevices {
  const { clock, onRevoke } = tools

  const own = async (token: string, accountId: string | undefined): Promise<Own> => {
    const { account, current } = await tools.verify(token)
    if (accountId !== undefined && accountId !== tools.accountIdOf(account)) throw new LatchkeyError('SESSION_MISSING')
    if (actorOf(account)) throw new LatchkeyError('DEVICE_FORBIDDEN')
    return { account, current }
  }
  const changing = async (token: string, accountId: string | undefined): Promise<Own> => {
    const found = await own(token, accountId)
    tools.requireRecent(found.account)
    return found
  }
  const endAtProvider = async ({ issuer, subject }: ExternalAccount, session: string): Promise<void> => {
    await onRevoke?.({ issuer, subject, session })
  }
  /** The hook runs again if the user repeats the call: it may have failed. */
  const end = async (account: ExternalAccount, { session }: AccountSessionRow): Promise<boolean> => {
    const isEnded = await store.revokeSession(account.issuer, account.subject, session)
    await endAtProvider(account, session)
    return isEnded
  }
  /** Also what was revoked before: the hook may have failed. */
  const isDue = ({ revokedAt }: AccountSessionRow): boolean => revokedAt === null || revokedAt > clock() - LISTED_MS

  return {
    async list(token, accountId) {
      const { account, current } = await own(token, accountId)
      const rows = await store.sessionsOf(account.issuer, account.subject)
      const listed = rows.filter((row) => !isRevoked(row) && row.lastSeenAt > clock() - LISTED_MS)
      listed.sort((one, other) => other.lastSeenAt - one.lastSeenAt)
      return Promise.all(listed.map((row) => describe(account, row, current)))
    },
    async rename(token, id, name, accountId) {
      if (!isDeviceName(name))
        throw new TypeError(`name: expected 1 to ${MAX_DEVICE_NAME_CHARACTERS} visible characters`)
      const { account } = await changing(token, accountId)
      const row = await deviceWith(store, account, id)
      await store.nameSession(account.issuer, account.subject, row.session, name.trim())
    },
    async revoke(token, id, accountId) {
      const { account, current } = await changing(token, accountId)
      if (id === current?.deviceId) throw new LatchkeyError('DEVICE_CURRENT')
      return (await end(account, await deviceWith(store, account, id))) ? 1 : 0
    },
    async revokeOthers(token, accountId) {
      const { account, current } = await changing(token, accountId)
      const { issuer, subject } = account
      const found = new Set<string>()
      const failures: unknown[] = []
      const note = (error: unknown): void => void failures.push(error)
      let count = 0
      for (let round = 0; round < MOST_ROUNDS; round++) {
        const rows = await store.sessionsOf(issuer, subject)
        const others = rows.filter((row) => isDue(row) && row.session !== current?.session && !found.has(row.session))
        if (others.length === 0) break
        for (const { session } of others) {
          found.add(session)
          if (await store.revokeSession(issuer, subject, session).catch(note)) count++
        }
      }
      // Only now: a provider that does not answer for one leaves no other signed in here. All at once: the client waits
      // for ten seconds.
      await Promise.all([...found].map((session) => endAtProvider(account, session).catch(note)))
      if (failures.length > 0) throw failures[0]
      return count
    },
  }
}

interface Own {
  readonly account: ExternalAccount
  readonly current: CurrentSession | null
}

async function describe(
  account: ExternalAccount,
  { session, name, platform, createdAt, lastSeenAt }: AccountSessionRow,
  current: CurrentSession | null,
): Promise<BinderDevice> {
  const isCurrent = session === current?.session
  return {
    id: await deviceIdOf(account, session),
    name,
    platform,
    createdAt,
    lastSeenAt,
    isCurrent,
    approvedBy: null,
  }
}

async function deviceWith(
  store: AccountSessionStore,
  account: ExternalAccount,
  id: string,
): Promise<AccountSessionRow> {
  for (const row of await store.sessionsOf(account.issuer, account.subject))
    if ((await deviceIdOf(account, row.session)) === id) return row
  throw new LatchkeyError('DEVICE_UNKNOWN')
}
