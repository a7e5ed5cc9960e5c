import type { GenericEndpointContext, Where } from 'better-auth'
import { hasGrant } from '../binding/grant-store.ts'
import { isRevokedKey } from '../binding/keys.ts'
import { isCurrent } from '../binding/principal-row.ts'
import type { PrincipalStore } from '../binding/principal-store.ts'
import { isByOwner } from '../binding/session-origin.ts'
import { type SessionRow, liveSessions } from '../binding/sessions.ts'
import { MAX_ROWS_READ, equal } from '../binding/where.ts'
import type { Adapter } from '../binding/types.ts'
import { mailboxName, proverByReset, proverOfProvider } from '../binding/verified-email.ts'
import { type BoundUser, schema } from '../schema.ts'

type Context = GenericEndpointContext['context']
type Fields = Context['tables'][string]['fields']

/** Table of codes of devices, which anyone can ask for, with any user's id. */
export const DEVICE_CODES = 'deviceCode'

/** An id of this length does not occur in a text by chance. */
const MIN_DISTINCT_ID_CHARACTERS = 16

/**
 * Tables that never give access to an account: mailed tokens and codes of devices, of which those of an earlier owner
 * are refused, keys of the server, counters, and those of the plugin. Users, sessions, passwords, providers and linked
 * devices are checked separately.
 */
const HARMLESS_TABLES = ['verification', DEVICE_CODES, 'jwks', 'rateLimit', 'account', ...Object.keys(schema)]

/**
 * Columns of texts that users choose freely for rows of their own, such as the name of an organization or of a role in
 * it. They give no access, and a stranger could write any user's id there.
 */
const FREE_TEXT = /(name|slug|title|description|metadata|logo|image|icon|email|contacts|role|ur[il]s?)$/i

/**
 * Tables in which a stranger, even without a session, can write any text, and the only columns that count there. Also
 * those of the OAuth provider whose lists name no user: with many rows, they would count as a trace of every user.
 */
const OPEN_TO_STRANGERS: Readonly<Record<string, readonly string[]>> = {
  apikey: ['referenceId', 'userId'],
  // The app's server chooses the reference.
  oauthClient: ['userId', 'referenceId'],
  oauthAccessToken: ['userId', 'referenceId'],
  oauthConsent: ['userId', 'referenceId'],
  oauthRefreshToken: ['userId', 'referenceId'],
  passkey: ['userId'],
  scimProvider: ['userId'],
  ssoProvider: ['userId'],
}

/** Tables of tokens that stay when they have expired: their plugin refuses them, and no route removes them. */
const EXPIRING_TABLES = ['oauthAccessToken', 'oauthRefreshToken']

/** Key prefixes under which plugins store data of a user outside the database; the keys end with the user's id. */
const SECONDARY_STORAGE_KEYS = ['api-key:by-ref:']

/**
 * A way into an account: `session`, `password`, `phoneNumber`, `twoFactor`, `device`, `grant`, `secondaryStorage`, the
 * id of a provider, or the name of a plugin's table that has the user's id in one of its columns, whatever the column
 * is called.
 */
export type WayIn = string

/**
 * Lists the ways in which anyone who used the account before its mailbox was proven could still enter it, except for
 * the session that asks, if the mailbox's owner made it, and the credential that the owner chose while proving the
 * mailbox. Another session that asks is a way in itself: what made it may have been removed since.
 */
export async function waysIn(
  principals: PrincipalStore,
  ctx: GenericEndpointContext,
  user: BoundUser,
  asking: Pick<SessionRow, 'token' | 'principalVia'>,
): Promise<readonly WayIn[]> {
  const { context } = ctx
  const { twoFactorEnabled } = user as { twoFactorEnabled?: boolean | null }
  const sessions = await liveSessions(context, user.id)
  const isOwners = isByOwner(asking, await mailboxName(user))
  const ways = [
    // One that is not verified yet is, by the code that signs in.
    ...(user.phoneNumber || user.phoneNumberVerified ? ['phoneNumber'] : []),
    ...(twoFactorEnabled ? ['twoFactor'] : []),
    ...(!isOwners || sessions.some(({ token }) => token !== asking.token) ? ['session'] : []),
    ...(await foreignCredentials(context, user)),
    ...((await hasDevice(principals, user)) ? ['device'] : []),
    ...((await hasGrant(context.adapter, user.id)) ? ['grant'] : []),
  ]
  for (const [model, { fields }] of Object.entries(context.tables)) {
    if (!HARMLESS_TABLES.includes(model) && (await hasTrace(context, model, fields, user.id))) ways.push(model)
  }
  return [...ways, ...((await isInSecondaryStorage(context, user.id)) ? ['secondaryStorage'] : [])]
}

/** A device's key was linked to the account, or created it, and was not revoked. */
async function hasDevice(principals: PrincipalStore, user: BoundUser): Promise<boolean> {
  for (const row of await principals.rowsOf(user)) {
    const isKey = row.thumbprint !== null && isCurrent(row, user)
    if (isKey && !(await isRevokedKey(principals, row.thumbprint))) return true
  }
  return false
}

/** Passwords and providers, apart from the one that the mailbox's owner chose. */
async function foreignCredentials({ internalAdapter }: Context, user: BoundUser): Promise<WayIn[]> {
  const ways: WayIn[] = []
  for (const credential of await internalAdapter.findAccounts(user.id)) {
    const { providerId } = credential
    if (!(await isOwnersCredential(user, credential)))
      ways.push(providerId === PASSWORD_PROVIDER ? 'password' : providerId)
  }
  return ways
}

/** Returns true for the password or the provider that the mailbox's owner chose while proving the mailbox. */
export async function isOwnersCredential(
  { principalMailboxBy: prover }: BoundUser,
  { id, providerId, password }: Credential,
): Promise<boolean> {
  return prover === (providerId === PASSWORD_PROVIDER ? await proverByReset(password ?? '') : proverOfProvider(id))
}

/**
 * Returns true if a password, passkey or wallet was added since the mailbox was last proven or the address changed. A
 * sign-in through a provider is none by a credential of the account, so providers do not count.
 */
export async function hasCredentialSince(
  { adapter }: PrincipalStore,
  { tables }: Pick<Context, 'tables'>,
  { id, principalMailboxAt }: BoundUser,
): Promise<boolean> {
  const where: Where[] = [
    { field: 'userId', value: id },
    { field: 'createdAt', operator: 'gte', value: new Date(principalMailboxAt ?? 0) },
  ]
  const isPassword: Where = { field: 'providerId', value: PASSWORD_PROVIDER }
  if ((await adapter.count({ model: 'account', where: [...where, isPassword] })) > 0) return true
  for (const model of keyTables(tables)) if ((await adapter.count({ model, where })) > 0) return true
  return false
}

/**
 * Removes a user's passkeys and wallets, which Better Auth keeps when it removes the passwords and providers of an
 * account whose mailbox is proven for the first time.
 */
export async function deleteKeys(
  { adapter }: PrincipalStore,
  { tables }: Pick<Context, 'tables'>,
  userId: string,
): Promise<void> {
  for (const model of keyTables(tables)) await adapter.deleteMany({ model, where: equal({ userId }) })
}

function keyTables(tables: Context['tables']): string[] {
  return ['passkey', 'walletAddress'].filter((model) => tables[model])
}

/** The provider id that Better Auth uses for a password. */
const PASSWORD_PROVIDER = 'credential'

/** A password or a provider of a user, as Better Auth stores it. */
export interface Credential {
  readonly id: string
  readonly providerId: string
  /** The hash. */
  readonly password?: string | null | undefined
}

/** A user's password. */
export interface PasswordAccount extends Credential {
  readonly updatedAt: Date
}

/** Returns a user's password; null without one. */
export function passwordOf(adapter: Pick<Adapter, 'findOne'>, userId: string): Promise<PasswordAccount | null> {
  return adapter.findOne<PasswordAccount>({ model: 'account', where: equal({ userId, providerId: PASSWORD_PROVIDER }) })
}

async function hasTrace({ adapter }: Context, model: string, fields: Fields, userId: string): Promise<boolean> {
  const isSearched = (field: string): boolean => OPEN_TO_STRANGERS[model]?.includes(field) ?? !FREE_TEXT.test(field)
  const searched = Object.entries(fields).filter(([field]) => isSearched(field))
  const live = liveRows(model, fields)
  if (await hasTextWith(adapter, model, searched, live, userId)) return true
  const nested = searched.filter(([, { type }]) => type === 'json' || String(type).endsWith('[]'))
  if (nested.length === 0) return false
  // A table with more rows counts as a trace.
  const rows = await adapter.findMany<Record<string, unknown>>({
    model,
    ...(live.length > 0 && { where: live }),
    limit: MAX_ROWS_READ,
  })
  const text = distinctText(userId)
  const hasText = (row: Record<string, unknown>): boolean =>
    nested.some(([field]) => JSON.stringify(row[field] ?? null).includes(text))
  return rows.length === MAX_ROWS_READ || rows.some(hasText)
}

/** By the system's clock, with which Better Auth wrote the time. */
function liveRows(model: string, fields: Fields): Where[] {
  const mayExpire = EXPIRING_TABLES.includes(model) && 'expiresAt' in fields
  return mayExpire ? [{ field: 'expiresAt', operator: 'gt', value: new Date() }] : []
}

/**
 * Returns the text that identifies the user inside another text. A short id, such as a number, must be a JSON string
 * there.
 */
function distinctText(userId: string): string {
  return userId.length >= MIN_DISTINCT_ID_CHARACTERS ? userId : JSON.stringify(userId)
}

/** Searches a separate column, or inside a text. One query for the whole table. */
async function hasTextWith(
  adapter: Context['adapter'],
  model: string,
  fields: readonly (readonly [string, Fields[string]])[],
  live: readonly Where[],
  userId: string,
): Promise<boolean> {
  const where = fields.flatMap(([field, { type, references }]) => {
    const whole = { field, value: userId, connector: 'OR' as const }
    // A reference may be a number or a UUID in the database, which contains no other text.
    if (references?.model === 'user') return [whole]
    const part = { ...whole, operator: 'contains' as const, value: distinctText(userId) }
    return type === 'string' ? [whole, part] : []
  })
  // The other conditions last: some adapters evaluate them in order.
  return where.length > 0 && (await adapter.count({ model, where: [...where, ...live] })) > 0
}

async function isInSecondaryStorage({ secondaryStorage }: Context, userId: string): Promise<boolean> {
  for (const prefix of SECONDARY_STORAGE_KEYS) {
    const found = await secondaryStorage?.get(`${prefix}${userId}`)
    if (found != null) return true
  }
  return false
}
