import { APIError, createAuthEndpoint } from 'better-auth/api'
import {
  type Device,
  type DeviceAnswer,
  describeDevice,
  groupDevices,
  hasSession,
  letInBy,
} from '../binding/devices.ts'
import { deleteGrantsOf } from '../binding/grant-store.ts'
import { type PrincipalStore, principalStore } from '../binding/principal-store.ts'
import { keyThatMade } from '../binding/session-origin.ts'
import { type SessionRow, endSessions, liveSessions } from '../binding/sessions.ts'
import type { StatusCache } from '../binding/status-cache.ts'
import { refusal } from '../hooks/proofs.ts'
import { type Endpoint, actsForSession, readText } from './endpoint.ts'
import { type KeysOutcome, revokeKeysThatMade } from './keys.ts'
import type { SessionContext } from './nonce.ts'
import { requireRecentSignIn } from './recent-sign-in.ts'

/** The response of `GET /latchkey/devices`. */
export interface DevicesAnswer {
  readonly devices: readonly DeviceAnswer[]
}

/** The response of `POST /latchkey/devices/revoke` and `/latchkey/devices/revoke-others`. */
export interface RevocationAnswer {
  /** Number of sessions that were ended. */
  readonly sessions: number
  /**
   * What became of the device keys that made these sessions: `kept` while the account cannot be recovered without them,
   * `none` if there was no key, or it was revoked before.
   */
  readonly keys: KeysOutcome
}

/** Longest name of a device, in characters. */
const MAX_NAME_CHARACTERS = 40

/** Lists, names and revokes the devices of an account: the sessions, grouped by installation. */
export function deviceEndpoints(
  cache: () => StatusCache,
  clock: () => number,
): Record<
  'latchkeyDevices' | 'latchkeyRenameDevice' | 'latchkeyRevokeDevice' | 'latchkeyRevokeOtherDevices',
  Endpoint
> {
  const revoke = async (ctx: SessionContext, revocation: Revocation): Promise<RevocationAnswer> => {
    const answer = await revokeChosen(ctx, revocation, principalStore(ctx.context.adapter, new Date(clock())))
    cache().clear()
    return answer
  }
  return {
    latchkeyDevices: createAuthEndpoint('/latchkey/devices', { ...actsForSession, method: 'GET' }, async (ctx) => {
      const context = ctx as unknown as SessionContext
      checkAccount(context, ctx.query)
      const { devices, current } = await devicesOf(context)
      return ctx.json<DevicesAnswer>({ devices: devices.map((device) => describeDevice(device, current.id)) })
    }),
    latchkeyRenameDevice: createAuthEndpoint('/latchkey/devices/rename', actsForSession, async (ctx) => {
      const context = ctx as unknown as SessionContext
      const [id, name] = [readText(ctx.body, 'id', 64), readName(ctx.body)]
      checkChange(context)
      const { sessions } = deviceWith(id, (await devicesOf(context)).devices)
      // With its old time: renaming a device from elsewhere does not count as having seen it.
      for (const { token, updatedAt } of sessions)
        await ctx.context.internalAdapter.updateSession(token, { deviceName: name, updatedAt: new Date(updatedAt) })
      return ctx.json({ status: true })
    }),
    latchkeyRevokeDevice: createAuthEndpoint('/latchkey/devices/revoke', actsForSession, async (ctx) => {
      const context = ctx as unknown as SessionContext
      const id = readText(ctx.body, 'id', 64)
      const isDeep = (ctx.body as { readonly andThoseItLetIn?: unknown }).andThoseItLetIn === true
      checkChange(context)
      // A device with the same key as this one was given its secret; the key is revoked nevertheless.
      const revocation = { choose: deviceAndThoseItLetIn(id, isDeep), exceptKey: null }
      return ctx.json<RevocationAnswer>(await revoke(context, revocation))
    }),
    latchkeyRevokeOtherDevices: createAuthEndpoint('/latchkey/devices/revoke-others', actsForSession, async (ctx) => {
      const context = ctx as unknown as SessionContext
      checkChange(context)
      const { session, user } = context.context.session
      const exceptKey = keyThatMade(session as unknown as SessionRow)
      // Before the sessions are read: a grant of this session that is in use creates no session afterwards.
      await deleteGrantsOf(ctx.context.adapter, user.id)
      // Includes older sessions of this device: a stolen one may look like them.
      return ctx.json<RevocationAnswer>(await revoke(context, { choose: async (sessions) => sessions, exceptKey }))
    }),
  }
}

/**
 * Makes sure that the session belongs to the account that the request names, if any: the client may show another one.
 *
 * @throws {APIError} `SESSION_MISSING`: also for a user of the anonymous plugin, who is not an account
 */
function checkAccount({ context }: SessionContext, said: unknown): void {
  const { user } = context.session
  const { accountId = user.id } = (said ?? {}) as { readonly accountId?: unknown }
  if (accountId !== user.id || user['isAnonymous'] === true) throw refusal('SESSION_MISSING')
}

function checkChange(ctx: SessionContext): void {
  checkAccount(ctx, ctx.body)
  requireRecentSignIn(ctx.context.session)
}

interface Devices {
  readonly devices: readonly Device[]
  readonly current: SessionRow
}

async function devicesOf({ context }: SessionContext): Promise<Devices> {
  const { session, user } = context.session
  return {
    devices: await groupDevices(await liveSessions(context, user.id)),
    current: session as unknown as SessionRow,
  }
}

function deviceWith(id: string, devices: readonly Device[]): Device {
  const device = devices.find((each) => each.id === id)
  if (!device) throw refusal('DEVICE_UNKNOWN')
  return device
}

/** Other users of the account see the name: it must not change how the text around it reads. */
function readName(body: unknown): string {
  const name = readText(body, 'name', MAX_NAME_CHARACTERS).trim()
  if (name !== '' && !/[\p{Cf}\p{Zl}\p{Zp}]/u.test(name)) return name
  throw new APIError('BAD_REQUEST', { code: 'BODY_INVALID', message: 'name: expected visible characters' })
}

interface Revocation {
  readonly choose: Choose
  /** The principal whose key stays. */
  readonly exceptKey: string | null
}

/** Chooses the sessions to end, among the live ones. Called again until it chooses none. */
type Choose = (sessions: readonly SessionRow[], current: SessionRow) => Promise<readonly SessionRow[]>

function deviceAndThoseItLetIn(id: string, isDeep: boolean): Choose {
  const revoked = new Set([id])
  let isBegun = false
  return async (sessions, current) => {
    const devices = await groupDevices(sessions)
    // Afterwards the device is gone, and only sessions that it let in meanwhile count.
    const device = isBegun ? devices.find((each) => each.id === id) : deviceWith(id, devices)
    isBegun = true
    if (device && hasSession(device.sessions, current.id)) throw refusal('DEVICE_CURRENT')
    const others = isDeep ? letInBy(devices, revoked, current.id) : []
    return [...new Set([...(device?.sessions ?? []), ...others])]
  }
}

async function revokeChosen(
  ctx: SessionContext,
  { choose, exceptKey }: Revocation,
  principals: PrincipalStore,
): Promise<RevocationAnswer> {
  const { session } = ctx.context
  const current = session.session as unknown as SessionRow
  let keys: KeysOutcome = 'none'
  const sessions = await endSessions(ctx.context, session.user.id, async (live) => {
    const others = (await choose(live, current)).filter(({ id }) => id !== current.id)
    if (others.length === 0) return others
    // Before the sessions: if the server dies in between, the device is still listed, and is revoked again.
    const outcome = await revokeKeysThatMade(principals, session, others, exceptKey)
    if (outcome !== 'none') keys = outcome
    return others
  })
  return { sessions, keys }
}
