import type { GenericEndpointContext } from 'better-auth'
import { APIError, createAuthEndpoint } from 'better-auth/api'
import { setSessionCookie } from 'better-auth/cookies'
import { withTimeout } from '../../../lib/server-kit.ts'
import { audit } from '../binding/audit.ts'
import { GRANT_LIFETIME_MS, grantStore } from '../binding/grant-store.ts'
import { deviceIdOf } from '../binding/devices.ts'
import { isRevokedKey } from '../binding/keys.ts'
import { type PrincipalStore, principalStore } from '../binding/principal-store.ts'
import { type AskingSession, isPaired, keyThatMade } from '../binding/session-origin.ts'
import { type SessionRow, liveSession } from '../binding/sessions.ts'
import { isBanned } from '../binding/status.ts'
import { peekSubject } from '../binding/subject.ts'
import type { ProvenDevice } from '../binding/types.ts'
import { isResetDue } from '../binding/verified-email.ts'
import { isNotTheirs } from '../hooks/impersonation.ts'
import { type OneTimeProofs, refusal, rethrow } from '../hooks/proofs.ts'
import { identifiersOf } from '../hooks/request-context.ts'
import { PAIRING } from '../hooks/sign-in-origin.ts'
import type { BoundUser, GrantRow } from '../schema.ts'
import { type Endpoint, actsForSession, readText } from './endpoint.ts'
import type { SessionContext } from './nonce.ts'
import { refuseOtherPages } from './page-check.ts'
import { isRecent } from '../hooks/fresh-session.ts'

/** The response of `POST /latchkey/pair/grant`. */
export interface GrantAnswer {
  /** For the new device, which can use it once. */
  readonly grant: string
  /** Milliseconds until it expires. */
  readonly expiresIn: number
}

/** The response of `POST /latchkey/pair/withdraw`. */
export interface WithdrawAnswer {
  /** False if the grant was used before, or is unknown: look at the devices of the account. */
  readonly withdrawn: boolean
}

/** The response of `POST /latchkey/pair/inspect`: the account that a grant is for. */
export interface InspectAnswer {
  readonly accountId: string
  readonly principal: string
  /** Its verified e-mail address and phone number, in lower case. */
  readonly identifiers: readonly string[]
}

/** A device that was let into an account. */
export interface PairedDevice {
  readonly userId: string
  /** The id of its session. */
  readonly sessionId: string
  /** The id of the session that approved it. */
  readonly approvedBy: string
  /** Of the request that made the session. */
  readonly headers: Headers
}

/**
 * Called after a device was approved for an account. Send the user a mail. What it throws is logged; the device waits
 * for it for at most five seconds.
 */
export type OnDevicePaired = (device: PairedDevice) => void | Promise<void>

/** Dependencies of the endpoints. */
export interface PairTools {
  readonly proofs: OneTimeProofs
  readonly onDevicePaired?: OnDevicePaired | undefined
}

/** Creates the endpoints with which a session approves another device. */
export function pairEndpoints(
  tools: () => PairTools,
  clock: () => number,
): Record<'latchkeyPairGrant' | 'latchkeyPairWithdraw' | 'latchkeyPairInspect' | 'latchkeyPairRedeem', Endpoint> {
  const options = { method: 'POST', requireHeaders: true, metadata: { noStore: true } } as const
  return {
    latchkeyPairGrant: createAuthEndpoint('/latchkey/pair/grant', actsForSession, async (ctx) => {
      const grant = await approve(ctx as unknown as SessionContext, tools(), new Date(clock())).catch(rethrow)
      return ctx.json<GrantAnswer>({ grant, expiresIn: GRANT_LIFETIME_MS })
    }),
    latchkeyPairWithdraw: createAuthEndpoint('/latchkey/pair/withdraw', actsForSession, async (ctx) => {
      const { adapter, session } = ctx.context
      refuseOtherPages(ctx as unknown as GenericEndpointContext, true)
      const grant = readText(ctx.body, 'grant', 43)
      const withdrawn = await grantStore(adapter, new Date(clock())).withdraw(grant, session.session.id)
      return ctx.json<WithdrawAnswer>({ withdrawn })
    }),
    latchkeyPairInspect: createAuthEndpoint('/latchkey/pair/inspect', options, async (ctx) => {
      const context = ctx as unknown as GenericEndpointContext
      return ctx.json<InspectAnswer>(await inspect(context, tools(), new Date(clock())).catch(rethrow))
    }),
    latchkeyPairRedeem: createAuthEndpoint(PAIRING, options, async (ctx) => {
      const context = ctx as unknown as GenericEndpointContext
      await redeem(context, tools(), new Date(clock())).catch(rethrow)
      return ctx.json({ status: true })
    }),
  }
}

async function approve(ctx: SessionContext, { proofs }: PairTools, now: Date): Promise<string> {
  refuseOtherPages(ctx, true)
  const { adapter, session: found } = ctx.context
  const principals = principalStore(adapter, now)
  const session = found.session as unknown as SessionRow
  if (isPaired(session)) throw refusal('SESSION_PAIRED')
  if (!isRecent(session)) throw refusal('SESSION_NOT_FRESH')
  const user = await principals.findUser('id', found.user.id)
  if (!user || !mayApprove(session, user)) throw refusal('GRANT_FORBIDDEN')
  const thumbprint = readText(ctx.body, 'thumbprint', 43)
  const device = await proofs.admit(ctx.context, ctx.headers!, { purpose: 'pair', pairTo: thumbprint })
  // A device signs its own thumbprint to use a grant: that must not be a grant for anybody.
  if (device.thumbprint === thumbprint) throw refusal('PROOF_PAIR_MISMATCH')
  await requireKeyOf(principals, session, device)
  const granted = { userId: user.id, principalEpoch: user.principalEpoch ?? null, approverSession: session.id }
  return grantStore(adapter, now).issue({ ...granted, thumbprint })
}

/** A binding that the mailbox's owner is about to reset is not the user's to share. */
function mayApprove(session: AskingSession, user: BoundUser): boolean {
  return !isNotTheirs(session, user) && !isBanned(user) && !isResetDue(user)
}

/** A session that was created with a key's proof approves others only with that key: a stolen cookie alone cannot. */
async function requireKeyOf(principals: PrincipalStore, session: AskingSession, device: ProvenDevice): Promise<void> {
  const made = keyThatMade(session)
  if (made !== null && made !== device.principal) throw refusal('GRANT_FORBIDDEN')
  const row = await principals.find(device.principal)
  if (row && row.thumbprint !== device.thumbprint) throw refusal('GRANT_FORBIDDEN')
  if (await isRevokedKey(principals, device.thumbprint)) throw refusal('PROOF_KEY_REVOKED')
}

interface Shown {
  readonly grant: GrantRow
  readonly user: BoundUser
  readonly approver: SessionRow
}

/** Returns what a grant is for, if this request's device may use it now. */
async function shown(ctx: GenericEndpointContext, { proofs }: PairTools, now: Date): Promise<Shown> {
  refuseOtherPages(ctx, true)
  const [text, thumbprint] = [readText(ctx.body, 'grant', 43), readText(ctx.body, 'thumbprint', 43)]
  const device = await proofs.admit(ctx.context, ctx.headers!, { purpose: 'pair', pairTo: thumbprint })
  if (device.thumbprint !== thumbprint) throw refusal('PROOF_PAIR_MISMATCH')
  const grant = await grantStore(ctx.context.adapter, now).find(text, thumbprint)
  if (!grant) throw refusal('GRANT_INVALID')
  return { grant, ...(await approverOf(ctx, grant)) }
}

/** The session that approved the device still exists, and its account is unchanged. */
async function approverOf(ctx: GenericEndpointContext, grant: GrantRow): Promise<Omit<Shown, 'grant'>> {
  const user = await principalStore(ctx.context.adapter, new Date()).findUser('id', grant.userId)
  const approver = await liveSession(ctx.context, grant.userId, grant.approverSession)
  const isSame = user && (user.principalEpoch ?? null) === (grant.principalEpoch ?? null)
  if (!isSame || !approver || !mayApprove(approver, user)) throw refusal('GRANT_INVALID')
  return { user, approver }
}

async function inspect(ctx: GenericEndpointContext, tools: PairTools, now: Date): Promise<InspectAnswer> {
  const { user } = await shown(ctx, tools, now)
  const subject = await peekSubject(principalStore(ctx.context.adapter, now), user.id)
  if (!subject) throw refusal('GRANT_INVALID')
  return { accountId: user.id, principal: subject.principal, identifiers: identifiersOf(user) }
}

async function redeem(ctx: GenericEndpointContext, tools: PairTools, now: Date): Promise<void> {
  const { grant, user, approver } = await shown(ctx, tools, now)
  const { adapter, internalAdapter } = ctx.context
  const grants = grantStore(adapter, now)
  if (!(await grants.consume(grant))) throw refusal('GRANT_INVALID')
  // Before the session: none exists that the audit does not know of.
  const principal = user.principal ?? user.id
  await audit(principalStore(adapter, now), 'pair', { principal, epoch: grant.hash, userId: user.id })
  const session = await internalAdapter.createSession(user.id, false, await termsOf(approver), true)
  if (!session) throw new APIError('INTERNAL_SERVER_ERROR')
  try {
    // The approver may have been revoked, the account reset, or the grant withdrawn, since they were looked at.
    await approverOf(ctx, grant)
    if (await grants.isWithdrawn(grant)) throw refusal('GRANT_INVALID')
  } catch (error) {
    await internalAdapter.deleteSession(session.token)
    throw error
  }
  await setSessionCookie(ctx, { session, user: user as never })
  await report(ctx, tools, { userId: user.id, sessionId: session.id, approvedBy: approver.id })
}

/** Neither fresher nor longer than the approver's own session: a later creation would count as a sign-in. */
async function termsOf(approver: SessionRow): Promise<Record<string, unknown>> {
  const { id, createdAt, expiresAt } = approver
  const pairedByDevice = await deviceIdOf(approver)
  return { createdAt: new Date(createdAt), expiresAt: new Date(expiresAt), pairedBy: id, pairedByDevice }
}

/** How long the new device waits for the hook. Its client waits for ten seconds in all. */
const HOOK_TIMEOUT_MS = 5000

async function report(
  ctx: GenericEndpointContext,
  { onDevicePaired }: PairTools,
  device: Omit<PairedDevice, 'headers'>,
): Promise<void> {
  try {
    const told = Promise.resolve(onDevicePaired?.({ ...device, headers: new Headers(ctx.headers) }))
    await withTimeout(told, HOOK_TIMEOUT_MS, () => {
      throw new Error('it did not end in time')
    })
  } catch (error) {
    ctx.context.logger.error('Latchkey: onDevicePaired failed.', error)
  }
}
