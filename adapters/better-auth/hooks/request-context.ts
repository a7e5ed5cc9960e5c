import type { GenericEndpointContext } from 'better-auth'
import { addOAuthServerContext, getOAuthState } from 'better-auth/api'
import type { ProvenDevice } from '../binding/types.ts'

/** The identifier that the person typed, in a request that verifies one: the proof is for that account only. */
export const EXPECT_HEADER = 'x-latchkey-expect'

/** Where a provider sends the browser back to. */
const CALLBACK = '/callback/:id'

/** What is known of one request, from its first hook to its last. */
export interface RequestContext {
  /** The device whose proof the request carried. */
  device?: ProvenDevice
  /** The request made a user, with the device's principal or open. */
  createdUser?: boolean
  /** The id of the credential that the request added, such as a provider's. */
  addedCredential?: string
  /** The user whose password the request resets by a mailed link. */
  resetUser?: string
  /** The request signed somebody in who was not signed in: the token of that session. */
  signedIn?: string
  /** The binding of this user changed in the request. */
  reboundUser?: string
}

/** By the request's own headers: a call that another one makes inside has headers of its own. */
const notes = new WeakMap<Headers, RequestContext>()

/** What is known of the request that is going on; nothing is kept where there is none. */
export function requestContextOf(ctx: { readonly headers?: Headers | undefined } | null): RequestContext {
  const headers = ctx?.headers
  if (!headers) return {}
  const found = notes.get(headers) ?? {}
  notes.set(headers, found)
  return found
}

/** The start of a sign-in that leaves for a provider: its proof waits in the state, which no client can write. */
export async function carryProof(device: ProvenDevice): Promise<void> {
  await addOAuthServerContext({ latchkey: { principal: device.principal, thumbprint: device.thumbprint } })
}

/** The device whose key signed for this request, or for the start of the redirect that ends with it. */
export async function provenDevice(ctx: GenericEndpointContext | null): Promise<ProvenDevice | undefined> {
  if (!ctx) return undefined
  return ctx.path === CALLBACK ? deviceOfState(ctx) : requestContextOf(ctx).device
}

/** Only if this very callback checked the state cookie: a start that was handed to somebody else binds nothing. */
async function deviceOfState(ctx: GenericEndpointContext): Promise<ProvenDevice | undefined> {
  const { skipStateCookieCheck, storeStateStrategy } = ctx.context.oauthConfig
  if (skipStateCookieCheck && storeStateStrategy !== 'cookie') return undefined
  const state = await getOAuthState()
  if (!state || state.link) return undefined
  const { principal, thumbprint } = (state.serverContext?.['latchkey'] ?? {}) as Partial<ProvenDevice>
  return typeof principal === 'string' && typeof thumbprint === 'string' ? { principal, thumbprint } : undefined
}

/** Whether a request only looks, or comes from a link, which anybody may have sent: such a one says whom it expects. */
function isFollowedLink(ctx: GenericEndpointContext): boolean {
  return ctx.path !== CALLBACK && ctx.body === undefined
}

/** The identifiers of a user that somebody proved. */
interface Identified {
  readonly email?: string | null
  readonly emailVerified?: boolean | null
  readonly phoneNumber?: string | null
  readonly phoneNumberVerified?: boolean | null
}

/** What somebody proved to have: in small letters, as it is compared. */
export function identifiersOf({ email, emailVerified, phoneNumber, phoneNumberVerified }: Identified): string[] {
  const proven = [emailVerified === true && email, phoneNumberVerified === true && phoneNumber]
  return proven.filter((identifier) => typeof identifier === 'string').map((identifier) => identifier.toLowerCase())
}

/** What a request may do for a user, by the identifier that the person expects. */
export function meetsExpectation(ctx: GenericEndpointContext, user: Identified): 'yes' | 'unsaid' | 'mismatch' {
  const expected = ctx.headers?.get(EXPECT_HEADER)
  if (expected == null) return isFollowedLink(ctx) ? 'unsaid' : 'yes'
  return identifiersOf(user).includes(expected.trim().toLowerCase()) ? 'yes' : 'mismatch'
}
