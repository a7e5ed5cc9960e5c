import { createAuthEndpoint } from 'better-auth/api'
import { type NonceTools, type SessionContext, useNonce } from './nonce.ts'
import { claim } from '../binding/claim.ts'
import { waysBeforeBinding } from '../hooks/handover.ts'
import { type Endpoint, actsForSession, readText, requireFresh } from './endpoint.ts'
import { type PrincipalStore, principalStore } from '../binding/principal-store.ts'
import { isNotTheirs } from '../hooks/impersonation.ts'
import { refusal, refuseHandedOver, rethrow } from '../hooks/proofs.ts'
import { EXPECT_HEADER, meetsExpectation } from '../hooks/request-context.ts'
import type { SessionAnswer } from './answers.ts'
import { sessionSubject } from './session.ts'
import { refreshSession } from '../hooks/sign-in.ts'
import type { StatusCache } from '../binding/status-cache.ts'
import { isBegun, isPaired } from '../binding/session-origin.ts'
import { isOpen, peekSubject, subjectOf } from '../binding/subject.ts'
import type { Subject } from '../binding/types.ts'
import type { ProvenDevice } from '../binding/types.ts'
import type { BoundUser } from '../schema.ts'

/** Dependencies of the endpoint; they exist once the server is configured. */
export interface BindTools extends NonceTools {
  readonly cache: StatusCache
}

/**
 * Makes the device's principal that of an open account. Needs a fresh session and a proof for this session. Idempotent.
 */
export function bindEndpoint(tools: () => BindTools, clock: () => number): Endpoint {
  return createAuthEndpoint('/latchkey/bind', actsForSession, async (ctx) => {
    requireFresh(ctx.context)
    const context = ctx as unknown as SessionContext
    const device = await provenBy(context, tools())
    const principals = principalStore(context.context.adapter, new Date(clock()))
    const session = await bind(principals, context, device).catch(rethrow)
    tools().cache.clear()
    await refreshSession(principals, context, context.context.session)
    return ctx.json<SessionAnswer>({ now: clock(), session: sessionSubject(context.context.session, session) })
  })
}

function provenBy(ctx: SessionContext, tools: BindTools): Promise<ProvenDevice> {
  const nonce = readText(ctx.body, 'nonce', 200)
  return useNonce(ctx, tools, 'bind', () => tools.proofs.admit(ctx.context, ctx.headers!, { purpose: 'bind', nonce }))
}

/** The request may name the account that it is meant for. */
function isExpected(body: unknown, { id }: BoundUser): boolean {
  const { accountId } = body as { readonly accountId?: unknown }
  return accountId === undefined || accountId === id
}

async function bind(principals: PrincipalStore, ctx: SessionContext, device: ProvenDevice): Promise<Subject> {
  const {
    session,
    user: { id },
  } = ctx.context.session
  const user = await principals.findUser('id', id)
  if (!user || isNotTheirs(session, user)) throw refusal('PRINCIPAL_FIXED')
  if (!isExpected(ctx.body, user)) throw refusal('PROOF_IDENTIFIER_MISMATCH')
  if (ctx.headers?.has(EXPECT_HEADER) && meetsExpectation(ctx, user) !== 'yes')
    throw refusal('PROOF_IDENTIFIER_MISMATCH')
  const before = await peekSubject(principals, id, session)
  if (isOpen(user) && before?.open) {
    // No user has signed in on its device, whose key would outlast the session: it may only adopt an alias.
    if (isPaired(session)) throw refusal('PRINCIPAL_FIXED')
    refuseHandedOver(await waysBeforeBinding(principals, ctx, user, session))
    await claim(principals, user, device)
  }
  const after = await subjectOf(principals, id, session)
  // Another request may have bound or fixed it in between.
  if (!after || ![after.principal, ...after.aliases].includes(device.principal)) throw refusal('PRINCIPAL_FIXED')
  if (isBegun(session)) await settleOrigin(ctx, device)
  return after
}

/** The session and the key have met: from now on the key has made the session. */
async function settleOrigin({ context }: SessionContext, { principal }: ProvenDevice): Promise<void> {
  const { session } = context.session
  await context.internalAdapter.updateSession(session.token, { principalVia: principal })
  Object.assign(session, { principalVia: principal })
}
