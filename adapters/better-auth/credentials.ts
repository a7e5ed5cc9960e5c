import type { GenericEndpointContext } from 'better-auth'
import type { BoundUser } from './schema.ts'

/**
 * Tells whether nothing is left by which somebody could use the account who was there before its mailbox was proven:
 * no password, provider, passkey, second factor or other session, nor anything else that names the user.
 *
 * @param token - the session that is asking
 */
export async function isUntouched(
  { context }: GenericEndpointContext,
  user: BoundUser,
  token: string,
): Promise<boolean> {
  if (user.phoneNumberVerified || (user as { twoFactorEnabled?: boolean | null }).twoFactorEnabled) return false
  const sessions = await context.internalAdapter.listSessions(user.id)
  if (sessions.some((session) => session.token !== token)) return false
  for (const model of tablesOfUsers(context.tables)) {
    if ((await context.adapter.count({ model, where: [{ field: 'userId', value: user.id }] })) > 0) return false
  }
  return true
}

type Tables = GenericEndpointContext['context']['tables']

/** Whatever a plugin keeps about users, now or in a later version. */
function tablesOfUsers(tables: Tables): string[] {
  return Object.entries(tables)
    .filter(([name, { fields }]) => 'userId' in fields && name !== 'session' && !name.startsWith('latchkey'))
    .map(([name]) => name)
}
