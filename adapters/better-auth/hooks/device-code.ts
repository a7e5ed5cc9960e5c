import type { GenericEndpointContext } from 'better-auth'
import { APIError } from 'better-auth/api'
import { isPlainText } from '../../../lib/server-kit.ts'
import type { PrincipalStore } from '../binding/principal-store.ts'
import { equal } from '../binding/where.ts'
import { type Asked, findAsker, mayStillHave, noteAsker } from './asker.ts'
import { DEVICE_CODES } from './credentials.ts'
import { requestContextOf } from './request-context.ts'

/** The route on which a session approves a device by its code (RFC 8628). */
export const CODE_APPROVAL = '/device/approve'

const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:device_code'

/** A code of a device, as Better Auth's plugin stores it. */
interface DeviceCode {
  readonly id: string
  readonly userCode: string
  readonly userId?: string | null
  readonly status: string
}

/** Notes which session approves a code: its row names only the user. */
export async function noteApproval(principals: PrincipalStore, ctx: GenericEndpointContext): Promise<void> {
  const userCode: unknown = ctx.body?.userCode
  if (typeof userCode === 'string') await noteAsker(principals, ctx, approvalOf(userCode))
}

/** As Better Auth compares what a user types. */
function approvalOf(userCode: string): Asked {
  return ['device', userCode.replace(/[^a-zA-Z0-9]/g, '').toUpperCase()]
}

/** Returns true for a request of a device that uses its code, on the route for sessions or that for OAuth tokens. */
export function usesDeviceCode({ body }: { readonly body?: unknown }): boolean {
  return (body as Record<string, unknown> | undefined)?.['grant_type'] === GRANT_TYPE
}

/**
 * Refuses a code if the session that approved it has ended since, or the account may have become another person's.
 *
 * @throws {APIError} `access_denied` (RFC 8628 §3.5)
 */
export async function requireApproval(principals: PrincipalStore, ctx: GenericEndpointContext): Promise<void> {
  const { adapter, tables } = ctx.context
  const deviceCode: unknown = ctx.body.device_code
  if (!tables[DEVICE_CODES] || typeof deviceCode !== 'string' || !isPlainText(deviceCode)) return
  const code = await adapter.findOne<DeviceCode>({ model: DEVICE_CODES, where: equal({ deviceCode }) })
  if (!code) return
  const { id, userCode, userId, status } = code
  requestContextOf(ctx).userCode = userCode
  if (status !== 'approved' || !userId || (await isApproved(principals, ctx, userId, userCode))) return
  await adapter.deleteMany({ model: DEVICE_CODES, where: equal({ id }) })
  throw denied()
}

/**
 * Called after the route: the approving session may have ended while the new one was created.
 *
 * @throws {APIError} `access_denied`
 */
export async function requireApprovalAfterwards(
  principals: PrincipalStore,
  ctx: GenericEndpointContext,
): Promise<void> {
  const { newSession, internalAdapter } = ctx.context
  const { userCode } = requestContextOf(ctx)
  if (!newSession || !userCode || (await isApproved(principals, ctx, newSession.user.id, userCode))) return
  await internalAdapter.deleteSession(newSession.session.token)
  ctx.context.setNewSession(null)
  throw denied()
}

async function isApproved(
  principals: PrincipalStore,
  { context }: GenericEndpointContext,
  userId: string,
  userCode: string,
): Promise<boolean> {
  const user = await principals.findUser('id', userId)
  return user !== null && mayStillHave(principals, context, user, await findAsker(context, user, approvalOf(userCode)))
}

function denied(): APIError {
  return new APIError('BAD_REQUEST', { error: 'access_denied', error_description: 'The approval was withdrawn.' })
}
