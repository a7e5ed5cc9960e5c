import type { GenericEndpointContext } from 'better-auth'
import { encodeBase64url, hmacKey } from '../../../lib/server-kit.ts'
import type { PrincipalStore } from '../binding/principal-store.ts'
import { hasRevokedKey } from '../binding/retire-row.ts'
import { type AskingSession, keyThatMade } from '../binding/session-origin.ts'
import { liveSession } from '../binding/sessions.ts'
import { decidesNothing, proverByKey } from '../binding/verified-email.ts'
import type { BoundUser } from '../schema.ts'
import { askingSession } from './asking-session.ts'

type Context = GenericEndpointContext['context']

/** What a session asks for, and a request without a session completes: an address, or the code of a device. */
export type Asked = readonly [kind: 'address' | 'device', name: string]

/** The name of the last takeover that {@link noteTakeover} noted. */
const TAKEOVER = ['takeover'] as const

type Name = Asked | typeof TAKEOVER

/** Who asked. */
interface Asker {
  /** The id of the session. */
  readonly session: string
  /** Of the account at that time. */
  readonly state: AccountState
}

interface AccountState {
  readonly epoch: string | null
  /** Who has proven the mailbox. */
  readonly prover: string | null
  readonly takeover: string | null
}

/** How long a mailed link of Better Auth is valid unless the app says otherwise, in seconds. */
const LINK_LIFETIME_SECONDS = 3600

/** Longer than any code of a device should live: half an hour by default. */
const NOTE_LIFETIME_MS = 86_400_000

/** Notes that the session of the request asks for something. The last one that asks for the same thing counts. */
export async function noteAsker(principals: PrincipalStore, ctx: GenericEndpointContext, asked: Asked): Promise<void> {
  const { context } = ctx
  const found = await askingSession(ctx)
  const user = found && (await principals.findUser('id', found.user.id))
  if (!user) return
  const asker: Asker = { session: found.session.id, state: await stateOf(context, user) }
  await note(context, user, asked, JSON.stringify(asker))
}

/**
 * Called after a sign-in: if it is unknown who created the account, and neither the key nor a credential of the creator
 * made the session, its user may be the mailbox's owner. Whatever the creator asked for before does not count then.
 */
export async function endAsked(
  principals: PrincipalStore,
  { context }: GenericEndpointContext,
  session: AskingSession & { readonly userId: string },
): Promise<void> {
  const user = await principals.findUser('id', session.userId)
  if (user?.principalMailboxBy == null || (await decidesNothing(principals, user, session))) return
  await noteTakeover(context, user)
}

/** Ends what the sessions of a user asked for: from now on, the account may be another person's. */
export async function noteTakeover(context: Context, user: BoundUser): Promise<void> {
  await note(context, user, TAKEOVER, crypto.randomUUID())
}

async function note(context: Context, user: BoundUser, name: Name, value: string): Promise<void> {
  const { expiresIn = LINK_LIFETIME_SECONDS } = context.options.emailVerification ?? {}
  // A link to the old address may lead to one to the new address.
  const lifetime = Math.max(NOTE_LIFETIME_MS, 2 * expiresIn * 1000)
  await context.internalAdapter.createVerificationValue({
    identifier: await nameOf(context, user, name),
    value,
    // By the system's clock, with which Better Auth deletes such rows.
    expiresAt: new Date(Date.now() + lifetime),
  })
}

/** Returns the session that asked for something; null if none is noted. */
export async function findAsker(context: Context, user: BoundUser, asked: Asked): Promise<Asker | null> {
  const value = await find(context, user, asked)
  return value === null ? null : (JSON.parse(value) as Asker)
}

/**
 * Returns true if a session may still have what it asked for: it has not ended, however that may happen, its key was
 * not revoked, and nobody else may have taken the account since.
 */
export async function mayStillHave(
  principals: PrincipalStore,
  context: Context,
  user: BoundUser,
  asker: Asker | null,
): Promise<boolean> {
  const session = asker && (await liveSession(context, user.id, asker.session))
  if (!session || !isUnchanged(asker.state, await stateOf(context, user), user)) return false
  const made = keyThatMade(session)
  const row = made === null ? null : await principals.find(made)
  return !row || !(await hasRevokedKey(principals, row))
}

async function stateOf(context: Context, user: BoundUser): Promise<AccountState> {
  const { principalEpoch, principalMailboxBy } = user
  return {
    epoch: principalEpoch ?? null,
    // A user who changes the password proves nothing new. A new one by mail is noted as a takeover.
    prover: principalMailboxBy?.replace(/^reset:.*/, 'reset') ?? null,
    takeover: await find(context, user, TAKEOVER),
  }
}

/** Returns false once the binding was reset, another party has proven the mailbox, or a takeover was noted. */
function isUnchanged(before: AccountState, { epoch, prover, takeover }: AccountState, user: BoundUser): boolean {
  // The key of the account has signed the proof.
  const isConfirmed = prover === proverByKey(user)
  // A note that was there before may have expired. One that is newer outlives what the session asked for.
  const isTakenOver = takeover !== null && takeover !== before.takeover
  return epoch === before.epoch && (isConfirmed || prover === before.prover) && !isTakenOver
}

async function find(context: Context, user: BoundUser, name: Name): Promise<string | null> {
  const found = await context.internalAdapter.findVerificationValue(await nameOf(context, user, name))
  // By the system's clock. Better Auth deletes such rows only now and then.
  return found && new Date(found.expiresAt).getTime() > Date.now() ? found.value : null
}

/** No client can name it: some routes of Better Auth look up the text that a client sends. */
async function nameOf({ secret }: Context, { id }: BoundUser, name: Name): Promise<string> {
  const named = new TextEncoder().encode(JSON.stringify([id, ...name]))
  const mac = await crypto.subtle.sign('HMAC', await hmacKey('asker', secret), named)
  return `latchkey-asker-${encodeBase64url(new Uint8Array(mac))}`
}
