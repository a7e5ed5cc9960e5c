import { type AuthContext, type BetterAuthOptions, type GenericEndpointContext, getCurrentAdapter } from 'better-auth'
import { isPlainText } from '../../../lib/server-kit.ts'
import { deleteGrantsBy } from '../binding/grant-store.ts'
import { type PrincipalStore, principalStore } from '../binding/principal-store.ts'
import { checkFree, reserve } from '../binding/reservation.ts'
import {
  CONTESTED,
  HANDED_ON,
  MOVED,
  NOBODY,
  OTHERS,
  hasBinding,
  isMailboxProven,
  isMoved,
  isOthers,
  isOwnKey,
  isProofPending,
  mailboxOf,
  noteCredential,
  proverByKey,
  proverBySession,
  settleMailbox,
} from '../binding/verified-email.ts'
import { storedSession } from './asking-session.ts'
import { noteHalfSignIn } from './compared-password.ts'
import { type Credential, deleteKeys, hasCredentialSince } from './credentials.ts'
import { noteMagicLink, readMailedToken, withSession } from './mailed-token.ts'
import { applyPasswordChange, applyPasswordReset, resetsPassword } from './password-reset.ts'
import { refusal, rethrow } from './proofs.ts'
import { principalViaOf } from './owner-session.ts'
import { nameProvider, proveByProvider, proverOfRequest } from './provider-proof.ts'
import { meetsExpectation, requestContextOf, provenDevice, signingDevice } from './request-context.ts'
import { prepareRetirement, retire } from '../binding/retire.ts'
import type { BoundUser } from '../schema.ts'
import { installationOf } from './device-tag.ts'
import { renewedTerm } from './paired-term.ts'
import type { SessionRow } from '../binding/sessions.ts'
import {
  isApproved,
  isMailboxSignIn,
  isSignIn,
  isVerification,
  principalOfSession,
  replacedSession,
  verifiedAddressOf,
} from './sign-in-origin.ts'
import { type AskingSession, isImpersonated, isNeutral } from '../binding/session-origin.ts'
import { givesNoSession } from './sign-up.ts'
import { sidOf } from '../binding/session-id.ts'
import { isReservedId } from '../binding/subject.ts'
import { type StatusCache, sessionKey } from '../binding/status-cache.ts'

type Context = GenericEndpointContext | null
type Hooks = NonNullable<BetterAuthOptions['databaseHooks']>

/** Dependencies of the hooks. */
export interface HookTools {
  readonly auth: AuthContext
  readonly cache: StatusCache
  readonly now: () => Date
  readonly onRetire?: OnRetire | undefined
  /** True if sessions can approve other devices. */
  readonly hasPairing: boolean
}

/**
 * Called after a user was deleted, with the principals that no one can use again: delete or keep their rows. What it
 * throws is logged; the user is gone by then.
 */
export type OnRetire = (principals: readonly string[]) => void | Promise<void>

/**
 * Creates the hooks that follow users through the database, whichever route or plugin creates, changes or deletes them.
 */
export function userHooks(tools: HookTools): Hooks {
  return {
    user: {
      create: { before: async (user, ctx) => ({ data: await bindingOf(user, ctx, tools) }) },
      update: {
        before: async (user, ctx) => ({ data: await mailboxUpdate(user, ctx, tools) }),
        after: async (user, ctx) => afterUpdate(user as unknown as BoundUser, ctx, tools),
      },
      delete: {
        before: async (user) => prepareRetirement(await storeOf(tools), user as unknown as BoundUser),
        after: async (user) => {
          // Better Auth runs it after its own transaction.
          const retired = await retire(principalStore(tools.auth.adapter, tools.now()), user as unknown as BoundUser)
          tools.cache.clear()
          await reportRetired(tools, retired)
        },
      },
    },
    account: {
      create: {
        before: async ({ password, userId }, ctx) => {
          const data = await followPassword(password, ctx, tools, userId)
          if (await proveByProvider(await storeOf(tools), ctx, userId)) tools.cache.clear()
          return { data }
        },
        after: async ({ id, userId }, ctx) => {
          requestContextOf(ctx).addedCredential = { id, userId }
          await nameProvider(await storeOf(tools), ctx, { id, userId })
        },
      },
      update: {
        before: async ({ password }, ctx) => ({ data: await followPassword(password, ctx, tools) }),
        after: async (account: Credential | null, ctx) => {
          // At each sign-in Better Auth stores the new tokens of the provider. Removed meanwhile, there is no row.
          if (account) requestContextOf(ctx).usedCredential = account
        },
      },
    },
    verification: {
      create: {
        before: async (row, ctx) => {
          if (ctx) await noteHalfSignIn(ctx, row)
          return { data: withSession(row.value, ctx) }
        },
      },
      delete: { after: async (row, ctx) => noteMagicLink(row, ctx) },
    },
    session: {
      create: {
        before: async (session, ctx) => ({
          data: {
            // Better Auth may copy the row of the session that this one replaces, whose tokens end with it.
            sid: null,
            principalVia: await principalViaOf(await storeOf(tools), session.userId, ctx),
            ...(await installationOf(session, ctx)),
            ...signInTime(session.userId, ctx),
          },
        }),
        after: async (session, ctx) => noteSignIn(session, ctx),
      },
      update: {
        before: async (session, ctx) => ({
          data: await renewedTerm(tools.auth, session as Partial<SessionRow>, ctx),
        }),
      },
      delete: {
        after: async ({ id }) => {
          // By whichever route it ends: this process refuses its tokens at once.
          tools.cache.forget(sessionKey(await sidOf(id)))
          if (tools.hasPairing) await deleteGrantsBy((await storeOf(tools)).adapter, id)
        },
      },
    },
  }
}

/** A second factor or a passkey that is added replaces the session, and is no sign-in: the old session's time stays. */
function signInTime(userId: string, ctx: Context): Partial<Pick<SessionRow, 'createdAt'>> {
  if (!/^\/two-factor\/|^\/passkey\/verify-registration$/.test(ctx?.path ?? '')) return {}
  const replaced = replacedSession(userId, ctx) as Partial<SessionRow> | null
  return replaced?.createdAt ? { createdAt: new Date(replaced.createdAt) } : {}
}

/**
 * @param hash - of the password, if the request sets one
 * @param userId - who gets a first password; a change does not name its user
 * @returns columns for the row of the password: one that may be another person's counts as added now
 */
async function followPassword(
  hash: unknown,
  ctx: Context,
  tools: HookTools,
  userId?: string,
): Promise<{ readonly createdAt?: Date }> {
  if (ctx && resetsPassword(ctx))
    return (await applyPasswordReset(await storeOf(tools), ctx, hash)) ? { createdAt: new Date() } : {}
  if (ctx?.path === '/change-password' && typeof hash === 'string')
    await applyPasswordChange(await storeOf(tools), ctx, hash)
  else if (ctx && typeof hash === 'string' && !isSignIn(ctx)) await notePassword(ctx, tools, userId)
  return {}
}

/** A page of the app may set a password for a user who has none, and an admin for another user. */
async function notePassword(
  { context: { session } }: GenericEndpointContext,
  tools: HookTools,
  userId = session?.user.id,
): Promise<void> {
  if (!session || userId === undefined) return
  const principals = await storeOf(tools)
  const user = await principals.findUser('id', userId)
  const asking = userId === session.user.id ? (session.session as AskingSession) : undefined
  if (user) await noteCredential(principals, user, asking)
}

async function reportRetired({ auth, onRetire }: HookTools, principals: readonly string[]): Promise<void> {
  try {
    await onRetire?.(principals)
  } catch (error) {
    auth.logger.error('Latchkey: onRetire failed; the rows of the retired principals remain.', error)
  }
}

/** In Better Auth's open transaction, if there is one. */
async function storeOf({ auth, now }: HookTools): Promise<PrincipalStore> {
  return principalStore(await getCurrentAdapter(auth.adapter), now())
}

type NewUser = Partial<BoundUser> & { readonly email: string }

/**
 * An id that the request chose, as an admin may, becomes the account's `sub` unless a device's proof gives it another
 * one.
 *
 * @throws {APIError} `USER_ID_FORBIDDEN`
 */
async function checkId({ id }: Partial<BoundUser>, tools: HookTools): Promise<void> {
  if (id === undefined) return
  // Postgres cannot search for control characters, and drivers write some as another text.
  if (!isPlainText(String(id)) || isReservedId(String(id)) || (await (await storeOf(tools)).find(String(id))))
    throw refusal('USER_ID_FORBIDDEN')
}

/** Returns the plugin's columns of a new user, whatever the caller passed for them. */
async function bindingOf(user: NewUser, ctx: Context, tools: HookTools): Promise<Partial<BoundUser>> {
  await checkId(user, tools)
  const mailbox = { principalMailbox: user.emailVerified ? mailboxOf(user) : null, principalMailboxBy: null }
  if (!mayBind(user, ctx)) return { principal: null, principalOpen: false, principalEpoch: null, ...mailbox }
  requestContextOf(ctx).createdUser = true
  const device = await provenDevice(ctx)
  // The device that began it binds the account afterwards, so that a new one would be of no use to it.
  const signing = device ? undefined : await signingDevice(ctx)
  if (signing) await checkFree(await storeOf(tools), signing).catch(rethrow)
  const meets = device ? meetsExpectation(ctx, user) : 'unsaid'
  if (meets === 'mismatch') throw refusal('PROOF_IDENTIFIER_MISMATCH')
  if (!device || meets === 'unsaid') return { principal: null, principalOpen: true, principalEpoch: null, ...mailbox }
  const epoch = await reserve(await storeOf(tools), device).catch(rethrow)
  tools.cache.clear()
  return {
    principal: device.principal,
    principalOpen: givesNoSession(ctx.path, tools.auth.options),
    principalEpoch: epoch,
    ...mailbox,
  }
}

/** A user created by an admin or by the app itself is not the user of the request. */
function mayBind(user: NewUser, ctx: Context): ctx is GenericEndpointContext {
  return ctx !== null && !user.isAnonymous && !isAdmins(ctx)
}

function isAdmins(ctx: Context): boolean {
  return ctx?.path?.startsWith('/admin/') === true
}

/** Returns the columns for the same UPDATE as the change of a mailbox, so that no crash can separate them. */
async function mailboxUpdate(user: Partial<BoundUser>, ctx: Context, tools: HookTools): Promise<Partial<BoundUser>> {
  if (Object.keys(user).some((name) => name.startsWith('principal'))) throw refusal('PRINCIPAL_FIELD_FORBIDDEN')
  if ('id' in user) throw refusal('USER_ID_FORBIDDEN')
  const present = user.email === undefined ? null : await sameUser(user.email, ctx, tools)
  // A change to an address that is proven at once proves nothing about the previous address.
  if (user.email !== undefined && !present)
    return {
      principalMailboxBy: (await isHandedOn(ctx, tools)) ? HANDED_ON : MOVED,
      principalMailboxAt: tools.now(),
      ...(user.emailVerified && { principalMailbox: mailboxOf(user as NewUser) }),
    }
  if (!user.emailVerified || isAdmins(ctx)) return {}
  const prover = await proverOf(ctx, tools)
  // As at each sign-in through a provider whose profile overwrites the user's.
  if (present && isDecided(present) && prover !== proverByKey(present)) return {}
  return {
    principalMailboxBy: prover,
    principalMailboxAt: tools.now(),
    ...(prover === CONTESTED && (await ownVerification(ctx!, tools))),
  }
}

/**
 * Returns the column that ends a verification of an account without a binding in a browser that is signed in to it: a
 * later sign-in by mail then ends nothing, as where {@link proverBySession} is recorded.
 */
async function ownVerification(ctx: GenericEndpointContext, tools: HookTools): Promise<Partial<BoundUser>> {
  const user = await verifiedUser(ctx, tools)
  if (!user || hasBinding(user)) return {}
  const found = await storedSession(ctx)
  const isOwn = found?.user.id === user.id && !isNeutral(found.session as AskingSession)
  return isOwn ? { principalMailbox: mailboxOf(user) } : {}
}

/**
 * Returns true if the request changes the address of an account that another person than its creator was shown to own,
 * or where another person may have added a credential since the mailbox was proven: the change must not hide that.
 */
async function isHandedOn(ctx: Context, tools: HookTools): Promise<boolean> {
  const user = await movingUser(ctx, tools)
  if (!user) return false
  if (isOthers(user)) return true
  const { emailVerified, principalMailboxBy: prover } = user
  if (!emailVerified || (prover !== MOVED && prover !== NOBODY)) return false
  return hasCredentialSince(await storeOf(tools), tools.auth, user)
}

/** Returns the user whose address the request changes, as it was; null if the request does not tell. */
async function movingUser(ctx: Context, tools: HookTools): Promise<BoundUser | null> {
  const id: unknown = isAdmins(ctx) ? ctx?.body?.userId : ctx?.context.session?.user.id
  if (isVerification(ctx)) return verifiedUser(ctx, tools)
  return id == null ? null : (await storeOf(tools)).findUser('id', String(id))
}

/** Returns true if the mailbox is verified already, and another proof of it has nothing to decide. */
function isDecided(user: BoundUser): boolean {
  return user.emailVerified && !isMoved(user) && !isProofPending(user)
}

/**
 * Returns who proved a mailbox: the key that signed the request, the provider that it added, or the key that created
 * the session of the verifying browser. A phone number counts only if it was verified before the mailbox.
 */
async function proverOf(ctx: Context, tools: HookTools): Promise<string> {
  if (isVerification(ctx) && !(await provenDevice(ctx))) return verifierOf(ctx, tools)
  const { addedCredential } = requestContextOf(ctx)
  const principals = await storeOf(tools)
  const user = addedCredential ? await principals.findUser('id', addedCredential.userId) : null
  return proverOfRequest(principals, ctx, user)
}

/** Returns who opened a link or typed a code that verifies a mailbox, without a proof. */
async function verifierOf(ctx: GenericEndpointContext, tools: HookTools): Promise<string> {
  const user = await verifiedUser(ctx, tools)
  // The mailbox was proven before, as by a reset of the password, which leaves it unverified: that decided.
  if (user?.principalMailboxBy != null && !isMoved(user) && isMailboxProven(user)) return user.principalMailboxBy
  if (user && isOthers(user)) return OTHERS
  const principal = await principalOfSession(ctx)
  // The browser may be signed in to another account.
  if (principal && principal === user?.principal) return proverBySession(principal)
  return user?.phoneNumberVerified === true ? NOBODY : CONTESTED
}

/** The link or code that verifies an address belongs to the user whom it names, or else who has the address. */
async function verifiedUser(ctx: GenericEndpointContext, tools: HookTools): Promise<BoundUser | null> {
  // As Better Auth finds the user of a change: an imported address may have capitals, and the link has none.
  const { userId } = await readMailedToken(ctx)
  if (userId != null) return (await storeOf(tools)).findUser('id', String(userId))
  const email = await verifiedAddressOf(ctx)
  return email === undefined ? null : userWith(email, tools)
}

/** An update does not name its user, but addresses are unique: one that exists is this user's own. */
async function userWith(email: string, tools: HookTools): Promise<BoundUser | null> {
  const where = [{ field: 'email', value: email.toLowerCase() }]
  return (await storeOf(tools)).adapter.findOne<BoundUser>({ model: 'user', where })
}

/** Returns the user of an update that leaves the mailbox as it is, even if it was imported with capitals. */
async function sameUser(email: string, ctx: Context, tools: HookTools): Promise<BoundUser | null> {
  const found = await userWith(email, tools)
  // At another sign-in, the session may be that of another user.
  if (found || (isSignIn(ctx) && !isVerification(ctx))) return found
  const user = await movingUser(ctx, tools)
  return user && mailboxOf(user) === email.toLowerCase() ? user : null
}

async function afterUpdate(user: BoundUser | null, ctx: Context, tools: HookTools): Promise<void> {
  tools.cache.clear()
  if (!user || !isProofPending(user)) return
  const principals = await storeOf(tools)
  // Better Auth has just removed the passwords, providers and sessions of the account's creator.
  const isOwn = await isOwnKey(principals, user, { principal: user.principalMailboxBy! })
  if (ctx && isMailboxSignIn(ctx) && !isOwn) await deleteKeys(principals, tools.auth, user.id)
  await settleMailbox(principals, user)
  requestContextOf(ctx).reboundUser = user.id
}

/**
 * Records the session of a sign-in: not one that replaces another, was created by another user, or was approved
 * elsewhere.
 */
async function noteSignIn(session: { readonly token: string; readonly userId: string }, ctx: Context): Promise<void> {
  const present = ctx?.context.session?.user as Partial<BoundUser> | undefined
  const isReplaced = present !== undefined && !present.isAnonymous && !isSignIn(ctx)
  if (!ctx || isReplaced || isImpersonated(session) || isApproved(ctx)) return
  Object.assign(requestContextOf(ctx), { signedIn: session.token, signedInUser: session.userId })
}
