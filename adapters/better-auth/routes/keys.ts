import type { AuthContext } from 'better-auth'
import { APIError, createAuthEndpoint } from 'better-auth/api'
import { audit } from '../binding/audit.ts'
import { deleteGrantsOf } from '../binding/grant-store.ts'
import type { KeyAnswer, KeysAnswer } from './answers.ts'
import { type Endpoint, actsForSession, readText, requireFresh } from './endpoint.ts'
import { listKeys, nameKey, revokeKey } from '../binding/keys.ts'
import { type PrincipalStore, principalStore } from '../binding/principal-store.ts'
import { requireOwnKeys } from '../hooks/impersonation.ts'
import { refusal } from '../hooks/proofs.ts'
import type { KeyRow } from '../schema.ts'
import { type AskingSession, keyThatMade } from '../binding/session-origin.ts'
import type { StatusCache } from '../binding/status-cache.ts'
import { peekSubject } from '../binding/subject.ts'
import type { Subject } from '../binding/types.ts'
import { isRecent } from '../hooks/fresh-session.ts'

/** Longest name of a key, in characters. */
const MAX_NAME_CHARACTERS = 64

/** Lists, names and revokes the device keys of an account. */
export function keyEndpoints(
  cache: () => StatusCache,
  clock: () => number,
): Record<'latchkeyKeys' | 'latchkeyNameKey' | 'latchkeyRevokeKey', Endpoint> {
  const store = ({ context }: { readonly context: AuthContext }): PrincipalStore =>
    principalStore(context.adapter, new Date(clock()))
  return {
    latchkeyKeys: createAuthEndpoint('/latchkey/keys', { ...actsForSession, method: 'GET' }, async (ctx) => {
      const { keys } = await keysOf(store(ctx), ctx.context.session)
      return ctx.json<KeysAnswer>({ keys: keys.map(toAnswer) })
    }),
    latchkeyNameKey: createAuthEndpoint('/latchkey/keys/name', actsForSession, async (ctx) => {
      const thumbprint = readText(ctx.body, 'thumbprint', 64)
      const name = readText(ctx.body, 'name', MAX_NAME_CHARACTERS)
      const principals = store(ctx)
      requireOwnKeys(ctx.context.session)
      await keyOf(principals, ctx.context.session, thumbprint)
      await nameKey(principals, thumbprint, name)
      return ctx.json({ status: true })
    }),
    latchkeyRevokeKey: createAuthEndpoint('/latchkey/keys/revoke', actsForSession, async (ctx) => {
      requireFresh(ctx.context)
      requireOwnKeys(ctx.context.session)
      if (!isRecent(ctx.context.session.session)) throw refusal('SESSION_NOT_FRESH')
      await revoke(store(ctx), ctx.context.session, readText(ctx.body, 'thumbprint', 64))
      cache().clear()
      return ctx.json({ status: true })
    }),
  }
}

/** The session of the request. */
interface Asking {
  readonly session: AskingSession
  readonly user: { readonly id: string }
}

/** Until the account can be recovered by other means, a key may be the last way in, so none is revoked. */
async function revoke(principals: PrincipalStore, asking: Asking, thumbprint: string): Promise<void> {
  const { key, subject } = await keyOf(principals, asking, thumbprint)
  if (!subject.recoverable) throw refusal('KEY_NEEDED')
  await revokeOne(principals, key, subject)
}

/** `kept`: a key may be the last way in while the account is not recoverable by other means. `none`: no such key. */
export type KeysOutcome = 'revoked' | 'kept' | 'none'

/**
 * Revokes the keys of the account that signed the requests which made some sessions.
 *
 * @param except - the principal whose key stays
 */
export async function revokeKeysThatMade(
  principals: PrincipalStore,
  asking: Asking,
  sessions: readonly AskingSession[],
  except: string | null,
): Promise<KeysOutcome> {
  const made = new Set(sessions.map(keyThatMade).filter((principal) => principal !== except))
  const { keys, subject } = await keysOf(principals, asking)
  const chosen = keys.filter(({ principal, retiredAt }) => made.has(principal) && retiredAt == null)
  if (chosen.length === 0) return 'none'
  if (!subject.recoverable) return 'kept'
  for (const key of chosen) await revokeOne(principals, key, subject)
  return 'revoked'
}

async function revokeOne(principals: PrincipalStore, key: KeyRow, { accountId }: Subject): Promise<void> {
  const { principal, thumbprint } = key
  await audit(principals, 'revoke', { principal, epoch: thumbprint, userId: accountId })
  await revokeKey(principals, thumbprint)
  await deleteGrantsOf(principals.adapter, accountId)
}

async function keyOf(
  principals: PrincipalStore,
  asking: Asking,
  thumbprint: string,
): Promise<{ key: KeyRow; subject: Subject }> {
  const { keys, subject } = await keysOf(principals, asking)
  const key = keys.find((row) => row.thumbprint === thumbprint)
  if (!key) throw refusal('KEY_UNKNOWN')
  return { key, subject }
}

async function keysOf(
  principals: PrincipalStore,
  { session, user }: Asking,
): Promise<{ keys: KeyRow[]; subject: Subject }> {
  // An unused account has no keys, and listing them fixes nothing.
  const subject = await peekSubject(principals, user.id, session)
  if (!subject) throw new APIError('UNAUTHORIZED')
  return { keys: await listKeys(principals, [subject.principal, ...subject.aliases]), subject }
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
