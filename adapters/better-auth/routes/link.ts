import type { AuthContext, GenericEndpointContext } from 'better-auth'
import { createAuthEndpoint, isAPIError } from 'better-auth/api'
import { type BeforeLink, type Link, adopt, giveUp } from '../binding/adopt.ts'
import { type SessionContext, useNonce } from './nonce.ts'
import type { BindTools } from './bind.ts'
import { type Endpoint, actsForSession, readText, requireFresh } from './endpoint.ts'
import { endHandover, waysBeforeLinking } from '../hooks/handover.ts'
import { taken } from '../binding/principal-row.ts'
import { type PrincipalStore, principalStore } from '../binding/principal-store.ts'
import { isNotTheirs } from '../hooks/impersonation.ts'
import { refusal, refuseHandedOver, rethrow } from '../hooks/proofs.ts'
import { EXPECT_HEADER, meetsExpectation } from '../hooks/request-context.ts'
import type { SessionAnswer } from './answers.ts'
import { sessionSubject } from './session.ts'
import { peekSubject, subjectOf } from '../binding/subject.ts'
import type { Subject } from '../binding/types.ts'
import type { Adapter, ProvenDevice } from '../binding/types.ts'

/** The second argument of `onLink` and `onUnlink`. */
export interface LinkContext {
  /** Better Auth's database adapter. If there are transactions, its writes are rolled back when the act fails. */
  readonly adapter: Adapter
  /** Headers of the request. Empty if an operator removes the link. */
  readonly headers: Headers
}

/**
 * Called on the server before a link counts. Throwing refuses it. Without transactions, or after a server died, it can
 * be called again for the same link.
 */
export type OnLink = (link: Link, context: LinkContext) => void | Promise<void>

/**
 * Called on the server before an alias is removed, unless that retires it because its key was revoked. Throwing keeps
 * the alias. Without transactions, after a server died, or if another request is faster, it can be called again.
 */
export type OnUnlink = OnLink

/** Dependencies of the endpoints, with the app's callbacks. */
export interface LinkTools extends BindTools {
  readonly onLink?: OnLink | undefined
  readonly onUnlink?: OnUnlink | undefined
}

/**
 * Creates the endpoints that adopt a device's principal and remove it again. Both need a fresh session and a nonce for
 * this session.
 */
export function linkEndpoints(
  tools: () => LinkTools,
  clock: () => number,
): Record<'latchkeyLink' | 'latchkeyUnlink', Endpoint> {
  const store = ({ context }: SessionContext): PrincipalStore => principalStore(context.adapter, new Date(clock()))
  const answer = async (ctx: SessionContext): Promise<SessionAnswer> => {
    tools().cache.clear()
    const { session, user } = ctx.context.session
    const subject = await subjectOf(store(ctx), user.id, session)
    return { now: clock(), session: subject && sessionSubject(ctx.context.session, subject) }
  }
  return {
    latchkeyLink: createAuthEndpoint('/latchkey/link', actsForSession, async (ctx) => {
      requireFresh(ctx.context)
      const context = ctx as unknown as SessionContext
      await link(store(context), context, tools()).catch(rethrow)
      return ctx.json<SessionAnswer>(await answer(context))
    }),
    latchkeyUnlink: createAuthEndpoint('/latchkey/unlink', actsForSession, async (ctx) => {
      requireFresh(ctx.context)
      const context = ctx as unknown as SessionContext
      const alias = readText(ctx.body, 'alias', 64)
      await useNonce(context, tools(), 'unlink')
      await unlink(store(context), context, alias, tools().onUnlink).catch(rethrow)
      return ctx.json<SessionAnswer>(await answer(context))
    }),
  }
}

async function link(principals: PrincipalStore, ctx: SessionContext, tools: LinkTools): Promise<void> {
  const subject = await linkable(principals, ctx)
  const nonce = readText(ctx.body, 'nonce', 200)
  const device = await useNonce(ctx, tools, 'link', () =>
    tools.proofs.admit(ctx.context, ctx.headers!, { purpose: 'link', nonce, linkTo: subject.principal }),
  )
  if (await isTheirs(principals, subject, device)) return
  const user = await principals.findUser('id', subject.accountId)
  // Deleted in between.
  if (!user) throw refusal('LINK_FORBIDDEN')
  const ways = await waysBeforeLinking(principals, ctx, user, device)
  refuseHandedOver(ways ?? [])
  await adopt(principals, { user, subject }, device, linking(ctx, tools.onLink))
  const after = await subjectOf(principals, subject.accountId)
  // The account was reset in between.
  if (!after?.aliases.includes(device.principal)) throw refusal('PROOF_LINK_MISMATCH')
  if (ways) await endHandover(principals, user.id)
}

/** Returns the account's subject, unless it may not link. */
async function linkable(principals: PrincipalStore, ctx: SessionContext): Promise<Subject> {
  const { session } = ctx.context
  const user = await principals.findUser('id', session.user.id)
  const subject = await peekSubject(principals, session.user.id, session.session)
  if (!user || !subject || isNotTheirs(session.session, user)) throw refusal('LINK_FORBIDDEN')
  if (subject.open) throw refusal('ACCOUNT_OPEN')
  if (ctx.headers?.has(EXPECT_HEADER) && meetsExpectation(ctx, user) !== 'yes')
    throw refusal('PROOF_IDENTIFIER_MISMATCH')
  return subject
}

/** True for a repeated link, and for an account that already has the principal. */
async function isTheirs(
  principals: PrincipalStore,
  { principal, aliases }: Subject,
  device: ProvenDevice,
): Promise<boolean> {
  if (![principal, ...aliases].includes(device.principal)) return false
  if ((await principals.find(device.principal))?.thumbprint !== device.thumbprint) throw taken()
  return true
}

function linking(ctx: GenericEndpointContext, onLink: OnLink | undefined): BeforeLink {
  return callApp(ctx.context, onLink, 'LINK_REFUSED', new Headers(ctx.headers))
}

/** @param headers - of the request */
export function unlinking(context: AuthContext, onUnlink: OnUnlink | undefined, headers: Headers): BeforeLink {
  return callApp(context, onUnlink, 'UNLINK_REFUSED', headers)
}

function callApp(
  context: AuthContext,
  callback: OnLink | undefined,
  code: 'LINK_REFUSED' | 'UNLINK_REFUSED',
  headers: Headers,
): BeforeLink {
  return async (link, adapter) => {
    try {
      await callback?.(link, { adapter, headers })
    } catch (error) {
      if (isAPIError(error)) throw error
      context.logger.error(`latchkey: ${code}`, error)
      throw refusal(code)
    }
  }
}

async function unlink(
  principals: PrincipalStore,
  ctx: SessionContext,
  alias: string,
  onUnlink: OnUnlink | undefined,
): Promise<void> {
  const { session } = ctx.context
  const user = await principals.findUser('id', session.user.id)
  if (!user || isNotTheirs(session.session, user)) throw refusal('LINK_FORBIDDEN')
  // An alias that a proof of the mailbox removed is no longer one.
  await subjectOf(principals, user.id, session.session)
  await giveUp(principals, user.id, alias, unlinking(ctx.context, onUnlink, new Headers(ctx.headers)))
}
