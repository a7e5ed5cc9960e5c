import type { GenericEndpointContext } from 'better-auth'
import { APIError, createAuthEndpoint } from 'better-auth/api'
import { audit } from '../binding/audit.ts'
import { deleteGrantsOf } from '../binding/grant-store.ts'
import { type Endpoint, actsForSession, readText, requireFresh } from './endpoint.ts'
import { listKeys, nameKey, revokeKey } from '../binding/keys.ts'
import { requireOwnKeys } from '../hooks/impersonation.ts'
import { refusal } from '../hooks/proofs.ts'
import type { KeyRow } from '../schema.ts'
import type { StatusCache } from '../binding/status-cache.ts'
import { type Subject, peekSubject } from '../binding/subject.ts'

/** One device key of an account. Times are milliseconds since 1970. */
export interface KeyAnswer {
  /** RFC 7638 thumbprint of the public key; identifies the key. */
  readonly thumbprint: string
  readonly principal: string
  readonly name: string | null
  readonly createdAt: number
  /** Last sign-in or binding with a proof. */
  readonly lastSeenAt: number | null
  /** Time of the revocation; null while the key is valid. */
  readonly retiredAt: number | null
}

/** The response of `GET /latchkey/keys`. */
export interface KeysAnswer {
  readonly keys: readonly KeyAnswer[]
}

/** Longest name of a key, in characters. */
const NAME = 64

/** Lists, names and revokes the device keys of an account. */
export function keyEndpoints(
  cache: () => StatusCache,
  clock: () => number,
): Record<'latchkeyKeys' | 'latchkeyNameKey' | 'latchkeyRevokeKey', Endpoint> {
  return {
    latchkeyKeys: createAuthEndpoint('/latchkey/keys', { ...actsForSession, method: 'GET' }, async (ctx) => {
      const { keys } = await keysOf(ctx as GenericEndpointContext, clock())
      return ctx.json<KeysAnswer>({ keys: keys.map(toAnswer) })
    }),
    latchkeyNameKey: createAuthEndpoint('/latchkey/keys/name', actsForSession, async (ctx) => {
      const thumbprint = readText(ctx.body, 'thumbprint', 64)
      const name = readText(ctx.body, 'name', NAME)
      requireOwnKeys(ctx.context.session)
      await keyOf(ctx as GenericEndpointContext, thumbprint, clock())
      await nameKey(ctx.context.adapter, thumbprint, name)
      return ctx.json({ status: true })
    }),
    latchkeyRevokeKey: createAuthEndpoint('/latchkey/keys/revoke', actsForSession, async (ctx) => {
      requireFresh(ctx.context)
      requireOwnKeys(ctx.context.session)
      await revoke(ctx as GenericEndpointContext, readText(ctx.body, 'thumbprint', 64), clock())
      cache().clear()
      return ctx.json({ status: true })
    }),
  }
}

/** Until the account can be recovered by other means, a key may be the last way in, so none is revoked. */
async function revoke(ctx: GenericEndpointContext, thumbprint: string, now: number): Promise<void> {
  const { key, subject } = await keyOf(ctx, thumbprint, now)
  if (!subject.recoverable) throw refusal('KEY_NEEDED')
  const { adapter } = ctx.context
  await audit(
    adapter,
    'revoke',
    { principal: key.principal, epoch: thumbprint, userId: subject.accountId },
    new Date(now),
  )
  await revokeKey(adapter, thumbprint, new Date(now))
  await deleteGrantsOf(adapter, subject.accountId)
}

async function keyOf(
  ctx: GenericEndpointContext,
  thumbprint: string,
  now: number,
): Promise<{ key: KeyRow; subject: Subject }> {
  const { keys, subject } = await keysOf(ctx, now)
  const key = keys.find((row) => row.thumbprint === thumbprint)
  if (!key) throw refusal('KEY_UNKNOWN')
  return { key, subject }
}

async function keysOf(ctx: GenericEndpointContext, now: number): Promise<{ keys: KeyRow[]; subject: Subject }> {
  const { adapter, session } = ctx.context
  // An account that nobody has used has no keys, and a look for them fixes nothing.
  const subject = await peekSubject(adapter, session!.user.id, new Date(now), session!.session)
  if (!subject) throw new APIError('UNAUTHORIZED')
  return { keys: await listKeys(adapter, [subject.principal, ...subject.aliases]), subject }
}

/** Returns a key in the form for clients. */
export function toAnswer({ thumbprint, principal, name, createdAt, lastSeenAt, retiredAt }: KeyRow): KeyAnswer {
  const time = (date: Date | null): number | null => date && new Date(date).getTime()
  return {
    thumbprint,
    principal,
    name: name ?? null,
    createdAt: new Date(createdAt).getTime(),
    lastSeenAt: time(lastSeenAt),
    retiredAt: time(retiredAt),
  }
}
