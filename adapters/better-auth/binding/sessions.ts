import type { AuthContext } from 'better-auth'
import type { AskingSession } from './session-origin.ts'
import { sidOf } from './session-id.ts'
import type { KeyStatus } from './status.ts'
import { principalStore } from './principal-store.ts'
import { MAX_ROWS_READ, equal } from './where.ts'

/** A session as the plugin reads it. */
export interface SessionRow extends AskingSession {
  readonly token: string
  readonly userId: string
  readonly createdAt: Date
  readonly updatedAt: Date
  readonly expiresAt: Date
  readonly userAgent?: string | null
  readonly pairedBy?: string | null
  readonly pairedByDevice?: string | null
  readonly sid?: string | null
  readonly deviceTag?: string | null
  readonly deviceName?: string | null
}

type Context = Pick<AuthContext, 'adapter' | 'internalAdapter' | 'options'>

/** Returns true if the sessions are in the database, and not only in Better Auth's secondary storage. */
function areInDatabase({ options }: Context): boolean {
  return !options.secondaryStorage || options.session?.storeSessionInDatabase === true
}

/** Returns the live sessions of a user, at most {@link MAX_ROWS_READ}, the latest first. */
export async function liveSessions(context: Context, userId: string): Promise<SessionRow[]> {
  const found = areInDatabase(context)
    ? await context.adapter.findMany<SessionRow>({
        model: 'session',
        // Those that have expired stay in the table, and must not take the places of live ones.
        where: [
          { field: 'userId', value: userId },
          { field: 'expiresAt', operator: 'gt', value: new Date() },
        ],
        sortBy: { field: 'updatedAt', direction: 'desc' },
        limit: MAX_ROWS_READ,
      })
    : await sessionsInStorage(context, userId)
  return found.filter(isLive)
}

/**
 * Returns the sessions of a user that exist only in the secondary storage. Better Auth's `listSessions` leaves out
 * those that it fails to read: they would not be ended.
 *
 * @throws the error of the secondary storage
 */
async function sessionsInStorage({ options, internalAdapter }: Context, userId: string): Promise<SessionRow[]> {
  const kept = await options.secondaryStorage!.get(`active-sessions-${userId}`)
  const list = (typeof kept === 'string' ? JSON.parse(kept) : kept) as readonly { readonly token: string }[] | null
  const tokens = new Set(list?.map(({ token }) => token))
  const found = await Promise.all([...tokens].map((token) => internalAdapter.findSession(token)))
  return found.flatMap((each) => (each ? [each.session as unknown as SessionRow] : []))
}

/** How often the sessions are read again: each time, only those beyond the limit, or created meanwhile, are left. */
const MAX_ROUNDS = 100

/**
 * Ends sessions of a user.
 *
 * @param choose - returns those to end, among the live ones. Called again until it returns none
 * @returns their number
 * @throws {Error} some are still there: the database failed, or a hook of the app keeps them
 */
export async function endSessions(
  context: Context,
  userId: string,
  choose: (live: readonly SessionRow[]) => readonly SessionRow[] | Promise<readonly SessionRow[]>,
): Promise<number> {
  const ended = new Set<string>()
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const chosen = await choose(await liveSessions(context, userId))
    if (chosen.length === 0) return ended.size
    for (const { token } of chosen) {
      // Better Auth reports no failure if it cannot read the session before.
      await context.internalAdapter.deleteSession(token)
      ended.add(token)
    }
  }
  throw new Error('The sessions were not deleted.')
}

/** Returns a live session of a user; null if there is none. */
export async function liveSession(context: Context, userId: string, id: string): Promise<SessionRow | null> {
  // Sessions that exist only in the secondary storage cannot be found by id.
  const found = areInDatabase(context)
    ? await context.adapter.findOne<SessionRow>({ model: 'session', where: equal({ id, userId }) })
    : (await sessionsInStorage(context, userId)).find((each) => each.id === id)
  return found && isLive(found) ? found : null
}

/** By the system's clock, with which Better Auth wrote the time. */
function isLive({ expiresAt }: Pick<SessionRow, 'expiresAt'>): boolean {
  return new Date(expiresAt).getTime() > Date.now()
}

/**
 * Returns the claim `sid` for a token of a session. Writes it into the session's row once, so that servers find the
 * session by it.
 */
export async function issueSid(
  context: Context,
  session: AskingSession & { readonly sid?: string | null },
): Promise<string> {
  const sid = await sidOf(session.id)
  if (session.sid !== sid && areInDatabase(context))
    await context.adapter.updateMany({
      model: 'session',
      where: [{ field: 'id', value: session.id }],
      update: { sid },
    })
  return sid
}

/**
 * Returns `disabled` if the session of a token has ended: by a revocation here, by any route of Better Auth, or in the
 * database.
 *
 * @param principal - of the token; finds the sessions that exist only in the secondary storage
 */
export async function statusOfSession(context: Context, sid: string, principal: string): Promise<KeyStatus> {
  return (await (areInDatabase(context) ? isInDatabase(context, sid) : isInStorage(context, sid, principal)))
    ? 'active'
    : 'disabled'
}

async function isInDatabase({ adapter }: Context, sid: string): Promise<boolean> {
  const row = await adapter.findOne<SessionRow>({ model: 'session', where: [{ field: 'sid', value: sid }] })
  return row !== null && isLive(row)
}

async function isInStorage(context: Context, sid: string, principal: string): Promise<boolean> {
  const principals = principalStore(context.adapter, new Date())
  const row = await principals.find(principal)
  const userId = row?.userId ?? (await principals.findUser('principal', principal))?.id ?? principal
  for (const { id } of await liveSessions(context, userId)) if ((await sidOf(id)) === sid) return true
  return false
}
