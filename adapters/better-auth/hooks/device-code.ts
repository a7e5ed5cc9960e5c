import type { GenericEndpointContext } from 'better-auth'
import { APIError, isAPIError } from 'better-auth/api'
import { isPlainText } from '../../../lib/server-kit.ts'
import type { PrincipalStore } from '../binding/principal-store.ts'
import { equal } from '../binding/where.ts'
import { type Asked, findAsker, mayStillHave, noteAsker } from './asker.ts'
import { DEVICE_CODES } from './credentials.ts'
import { requestContextOf } from './request-context.ts'

/** The route on which a session approves a device by its code (RFC 8628). */
export const CODE_APPROVAL = '/device/approve'

const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:device_code'

/** A code of the letters from which Better Auth makes its own, once it is in upper case. */
const OWN_CODE = /^[A-HJ-NP-Z2-9]+$/

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
  const code = typeof userCode === 'string' && isPlainText(userCode) ? await findTyped(ctx, userCode) : null
  // A note about a code that another session has approved would take its place.
  if (code?.status === 'pending') await noteAsker(principals, ctx, approvalOf(code.id))
}

/** Better Auth compares the app's own codes exactly, and those of its own letters as a user may type them. */
async function findTyped(ctx: GenericEndpointContext, typed: string): Promise<DeviceCode | null> {
  const exact = await findCode(ctx, { userCode: typed })
  if (exact?.userCode === typed) return exact
  const userCode = typed.replace(/[^a-zA-Z0-9]/g, '').toUpperCase()
  const found = OWN_CODE.test(userCode) ? await findCode(ctx, { userCode }) : null
  return found?.userCode === userCode ? found : null
}

async function findCode(
  { context: { adapter, tables } }: GenericEndpointContext,
  by: Partial<Record<'userCode' | 'deviceCode', string>>,
): Promise<DeviceCode | null> {
  return tables[DEVICE_CODES] ? adapter.findOne<DeviceCode>({ model: DEVICE_CODES, where: equal(by) }) : null
}

/** By its row: two codes of the app may differ only in letters that Better Auth leaves out of its own. */
function approvalOf(id: string): Asked {
  return ['device', id]
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
  const deviceCode: unknown = ctx.body.device_code
  if (typeof deviceCode !== 'string' || !isPlainText(deviceCode)) return
  const code = await findCode(ctx, { deviceCode })
  if (!code) return
  const { id, userId, status } = code
  requestContextOf(ctx).deviceCode = { id, userId }
  if (status !== 'approved' || !userId || (await isApproved(principals, ctx, userId, id))) return
  await ctx.context.adapter.deleteMany({ model: DEVICE_CODES, where: equal({ id }) })
  throw denied()
}

/**
 * Called after the route: the approving session may have ended while the new one, or the tokens of an OAuth client,
 * were created. The tokens are not returned then, so that nobody has them.
 *
 * @throws {APIError} `access_denied`
 */
export async function requireApprovalAfterwards(
  principals: PrincipalStore,
  ctx: GenericEndpointContext,
): Promise<void> {
  const { newSession, internalAdapter, returned } = ctx.context as typeof ctx.context & { readonly returned?: unknown }
  const { deviceCode } = requestContextOf(ctx)
  if (!deviceCode || isAPIError(returned)) return
  const userId = newSession?.user.id ?? deviceCode.userId
  if (userId && (await isApproved(principals, ctx, userId, deviceCode.id))) return
  if (newSession) await internalAdapter.deleteSession(newSession.session.token)
  ctx.context.setNewSession(null)
  throw denied()
}

async function isApproved(
  principals: PrincipalStore,
  { context }: GenericEndpointContext,
  userId: string,
  id: string,
): Promise<boolean> {
  const user = await principals.findUser('id', userId)
  return user !== null && mayStillHave(principals, context, user, await findAsker(context, user, approvalOf(id)))
}

function denied(): APIError {
  return new APIError('BAD_REQUEST', { error: 'access_denied', error_description: 'The approval was withdrawn.' })
}
