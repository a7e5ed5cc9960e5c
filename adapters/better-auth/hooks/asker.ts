import type { GenericEndpointContext } from 'better-auth'
import { encodeBase64url, hmacKey } from '../../../lib/server-kit.ts'
import type { PrincipalStore } from '../binding/principal-store.ts'
import { hasRevokedKey } from '../binding/retire-row.ts'
import { keyThatMade } from '../binding/session-origin.ts'
import { liveSession } from '../binding/sessions.ts'
import type { BoundUser } from '../schema.ts'
import { askingSession } from './asking-session.ts'

type Context = GenericEndpointContext['context']

/** What a session asks for, and a request without a session completes: an address, or the code of a device. */
export type Asked = readonly [kind: 'address' | 'device', name: string]

/** Who asked. */
interface Asker {
  /** The id of the session. */
  readonly session: string
  /** Of the account at that time. */
  readonly state: string
}

/**
 * Notes that the session of the request asks for something. The last one that asks for the same thing counts.
 *
 * @param lifetime - of the note, in milliseconds
 */
export async function noteAsker(
  principals: PrincipalStore,
  ctx: GenericEndpointContext,
  asked: Asked,
  lifetime: number,
): Promise<void> {
  const { context } = ctx
  const found = await askingSession(ctx)
  const user = found && (await principals.findUser('id', found.user.id))
  if (!user) return
  const asker: Asker = { session: found.session.id, state: await stateOf(context, user) }
  await context.internalAdapter.createVerificationValue({
    identifier: await nameOf(context, user, asked),
    value: JSON.stringify(asker),
    // By the system's clock, with which Better Auth deletes such rows.
    expiresAt: new Date(Date.now() + lifetime),
  })
}

/** Returns the session that asked for something; null if none is noted. */
export async function findAsker(context: Context, user: BoundUser, asked: Asked): Promise<Asker | null> {
  const found = await context.internalAdapter.findVerificationValue(await nameOf(context, user, asked))
  return found && (JSON.parse(found.value) as Asker)
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
  if (!session || asker.state !== (await stateOf(context, user))) return false
  const made = keyThatMade(session)
  const row = made === null ? null : await principals.find(made)
  return !row || !(await hasRevokedKey(principals, row))
}

/**
 * Another text once the binding was reset, or the mailbox proven by another party; where it is unknown who created the
 * account, also once a password or provider was added.
 */
async function stateOf({ internalAdapter }: Context, user: BoundUser): Promise<string> {
  const { principalEpoch, principalMailboxBy: prover } = user
  const credentials = prover == null ? [] : (await internalAdapter.findAccounts(user.id)).map(({ id }) => id).sort()
  return JSON.stringify([principalEpoch ?? null, prover ?? null, credentials])
}

/** No client can name it: some routes of Better Auth look up the text that a client sends. */
async function nameOf({ secret }: Context, { id }: BoundUser, asked: Asked): Promise<string> {
  const named = new TextEncoder().encode(JSON.stringify([id, ...asked]))
  const mac = await crypto.subtle.sign('HMAC', await hmacKey('asker', secret), named)
  return `latchkey-asker-${encodeBase64url(new Uint8Array(mac))}`
}
