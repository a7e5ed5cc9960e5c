import type { GenericEndpointContext } from 'better-auth'
import { addOAuthServerContext, getOAuthState } from 'better-auth/api'
import type { ProvenDevice } from '../binding/types.ts'
import type { Credential } from './credentials.ts'
import { isStateProxied } from './proxied-state.ts'

/** The identifier that the user typed, in a request that verifies one: the proof is only for that account. */
export const EXPECT_HEADER = 'x-latchkey-expect'

/** The route to which a provider redirects the browser. */
const CALLBACK = '/callback/:id'

/** A row of Better Auth's table `account`. */
export interface AddedCredential {
  readonly id: string
  readonly userId: string
}

/** Data of one request, from its first hook to its last. */
export interface RequestContext {
  /** The device whose proof the request carried. */
  device?: ProvenDevice
  /** True if the request created a user, with the device's principal or open. */
  createdUser?: boolean
  /** The credential that the request added, such as a provider's. */
  addedCredential?: AddedCredential
  /** The provider's credential that the request signed in with. */
  usedCredential?: Pick<Credential, 'id' | 'providerId'>
  /** The address to which the magic link of the request was mailed. */
  mailedTo?: string
  /** The user whose password the request resets by a mailed link. */
  resetUser?: string
  /** The hash of the password that the request sets. */
  resetHash?: string
  /** The password of the sign-in that the request completes by a second factor: its hash, as it was compared. */
  compared?: string
  /** The request signed a user in who was not signed in: the token of that session. */
  signedIn?: string
  /** The user of that session. */
  signedInUser?: string
  /** The device's code that the request uses (RFC 8628), and the user to whom it belonged when the request arrived. */
  deviceCode?: { readonly id: string; readonly userId?: string | null | undefined }
  /** The user whose binding changed in the request. */
  reboundUser?: string
}

/** Keyed by the request's own headers, or by the context of a call without headers: an inner call has others. */
const contexts = new WeakMap<object, RequestContext>()

/** Returns the data of the current request. Without a request nothing is kept. */
export function requestContextOf(
  ctx: { readonly headers?: Headers | undefined; readonly context?: object } | null,
): RequestContext {
  const key = ctx?.headers ?? ctx?.context
  if (!key) return {}
  const found = contexts.get(key) ?? {}
  contexts.set(key, found)
  return found
}

/**
 * Called at the start of a sign-in that redirects to a provider: its proof waits in the state, which no client can
 * write.
 */
export async function carryProof(device: ProvenDevice): Promise<void> {
  await addOAuthServerContext({ latchkey: { principal: device.principal, thumbprint: device.thumbprint } })
}

/** Returns the device that this request may bind. One that began a sign-in elsewhere only binds in a later request. */
export async function provenDevice(ctx: GenericEndpointContext | null): Promise<ProvenDevice | undefined> {
  return isBegunElsewhere(ctx) ? undefined : signingDevice(ctx)
}

/** Returns the device whose key signed this request, or the start of the redirect that ends with it. */
export async function signingDevice(ctx: GenericEndpointContext | null): Promise<ProvenDevice | undefined> {
  if (!ctx) return undefined
  return ctx.path === CALLBACK ? deviceOfState(ctx) : requestContextOf(ctx).device
}

/** Returns true at the end of a redirect that another device, perhaps another person's, began. */
export function isBegunElsewhere(ctx: GenericEndpointContext | null): boolean {
  return ctx?.path === CALLBACK && isStateProxied(ctx)
}

/** Only if this callback itself checked the state cookie: a start that was handed to another user binds nothing. */
async function deviceOfState(ctx: GenericEndpointContext): Promise<ProvenDevice | undefined> {
  const { skipStateCookieCheck, storeStateStrategy } = ctx.context.oauthConfig
  if (skipStateCookieCheck && storeStateStrategy !== 'cookie') return undefined
  const state = await getOAuthState()
  if (!state || state.link) return undefined
  const { principal, thumbprint } = (state.serverContext?.['latchkey'] ?? {}) as Partial<ProvenDevice>
  return typeof principal === 'string' && typeof thumbprint === 'string' ? { principal, thumbprint } : undefined
}

/**
 * Returns true if a request only reads, or comes from a link that any party may have sent: such a request must name the
 * expected account.
 */
function isFollowedLink(ctx: GenericEndpointContext): boolean {
  return ctx.path !== CALLBACK && ctx.body === undefined
}

/** The verified identifiers of a user. */
interface Identified {
  readonly email?: string | null
  readonly emailVerified?: boolean | null
  readonly phoneNumber?: string | null
  readonly phoneNumberVerified?: boolean | null
}

/** Returns the verified identifiers in lower case, as they are compared. */
export function identifiersOf({ email, emailVerified, phoneNumber, phoneNumberVerified }: Identified): string[] {
  const proven = [emailVerified === true && email, phoneNumberVerified === true && phoneNumber]
  return proven.filter((identifier) => typeof identifier === 'string').map((identifier) => identifier.toLowerCase())
}

/** Returns what a request may do for a user, by the identifier that it expects. */
export function meetsExpectation(ctx: GenericEndpointContext, user: Identified): 'yes' | 'unsaid' | 'mismatch' {
  const expected = ctx.headers?.get(EXPECT_HEADER)
  if (expected == null) return isFollowedLink(ctx) ? 'unsaid' : 'yes'
  return identifiersOf(user).includes(expected.trim().toLowerCase()) ? 'yes' : 'mismatch'
}
