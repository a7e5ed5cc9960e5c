import { type AuthContext, type BetterAuthOptions, type BetterAuthPlugin, type GenericEndpointContext, getCurrentAdapter } from 'better-auth'
import { APIError, createAuthEndpoint, createAuthMiddleware, getSessionFromCtx } from 'better-auth/api'
import { setSessionCookie } from 'better-auth/cookies'
import { isLatchkeyError } from '../../lib/server.ts'
import { type Subject, claim, reserve, subjectOf } from './principals.ts'
import { PROOF_HEADER, type ProofGate, createProofGate, toApiError } from './proofs.ts'
import { type BoundUser, type LatchkeySchema, schema } from './schema.ts'

/** Options of the Better Auth plugin. */
export interface LatchkeyPluginOptions {
  /** `aud` of proofs: this server's origin plus base path. Better Auth's configured base URL unless told. */
  readonly audience?: string
  /** Milliseconds since 1970; the system clock unless told. */
  readonly clock?: () => number
}

/** What `GET /latchkey/session` answers. */
export interface SessionAnswer extends Subject {
  /** This server's clock, milliseconds since 1970. */
  readonly now: number
}

/** The plugin's own shape: Better Auth infers `session.user.principal` from it, and a wider one would hide `auth.api`. */
export interface LatchkeyPlugin extends Pick<BetterAuthPlugin, 'init' | 'hooks'> {
  readonly id: 'latchkey'
  readonly schema: LatchkeySchema
  readonly endpoints: { readonly latchkeySession: Endpoint }
}

type Endpoint = NonNullable<BetterAuthPlugin['endpoints']>[string]

/**
 * Binds local-first principals to Better Auth accounts: a sign-up whose request carries a proof gives the account
 * the device's principal, in the same INSERT.
 *
 * @throws {TypeError} when Better Auth starts: no `audience`, and no static base URL is configured
 */
export function latchkey(options: LatchkeyPluginOptions = {}): LatchkeyPlugin {
  const { clock = Date.now } = options
  let gate: ProofGate | undefined
  return {
    id: 'latchkey',
    schema,
    init(context) {
      gate = createProofGate(options.audience ?? configuredAudience(context), clock)
      return { options: { databaseHooks: databaseHooks(gate, clock) } }
    },
    endpoints: { latchkeySession: sessionEndpoint(clock) },
    hooks: {
      before: [
        {
          // `auth.api.getSession({ headers })` only looks; it must not use up what the request is for.
          matcher: ({ headers, path }) => headers?.has(PROOF_HEADER) === true && path !== '/get-session',
          handler: createAuthMiddleware(async (ctx) => gate!.admit(ctx.context, ctx.headers!)),
        },
      ],
      after: [
        {
          matcher: ({ headers, path }) => gate?.deviceOf(headers) !== undefined && path?.startsWith('/sign-in/') === true,
          handler: createAuthMiddleware(async (ctx) => claimOpenAccount(ctx, gate!, new Date(clock()))),
        },
      ],
    },
  }
}

function configuredAudience({ options, baseURL }: AuthContext): string {
  if (typeof options.baseURL === 'object' || !baseURL) throw new TypeError('latchkey: set baseURL, or the audience option')
  return baseURL.replace(/\/+$/, '')
}

function databaseHooks(gate: ProofGate, clock: () => number): NonNullable<BetterAuthOptions['databaseHooks']> {
  return {
    user: {
      create: { before: async (user, ctx) => ({ data: await bindingOf(user, ctx, gate, new Date(clock())) }) },
      update: { before: async (user) => refusePrincipalFields(user) },
    },
  }
}

/** The plugin's columns of a new user, whatever the caller passed for them. */
async function bindingOf(user: object, ctx: GenericEndpointContext | null, gate: ProofGate, now: Date): Promise<Partial<BoundUser>> {
  const mayBind = ctx !== null && !('isAnonymous' in user && user.isAnonymous) && !ctx.path?.startsWith('/admin/')
  const device = mayBind ? gate.deviceOf(ctx.headers) : undefined
  if (!device) return { principal: null, principalOpen: mayBind, principalEpoch: null }
  const adapter = await getCurrentAdapter(ctx!.context.adapter)
  const epoch = await reserve(adapter, device, now).catch(rethrow)
  return { principal: device.principal, principalOpen: false, principalEpoch: epoch }
}

async function refusePrincipalFields(user: object): Promise<void> {
  const field = Object.keys(user).find((name) => name.startsWith('principal'))
  if (field) throw new APIError('BAD_REQUEST', { code: 'PRINCIPAL_FIELD_FORBIDDEN', message: `${field} is written by the latchkey plugin alone` })
}

function rethrow(error: unknown): never {
  throw isLatchkeyError(error) ? toApiError(error) : error
}

/** A sign-in to an account that was made without a proof and never used since. */
async function claimOpenAccount(ctx: GenericEndpointContext, gate: ProofGate, now: Date): Promise<void> {
  const { newSession } = ctx.context
  const device = gate.deviceOf(ctx.headers)
  const user = newSession?.user as (BoundUser & NonNullable<typeof newSession>['user']) | undefined
  if (!newSession || !user?.principalOpen || !device || (await isHalfSignedIn(ctx))) return
  try {
    if (!(await claim(ctx.context.adapter, user.id, device, now))) return
    // The cookie cache would go on showing the account as it was.
    await setSessionCookie(ctx, { session: newSession.session, user: { ...user, principal: device.principal, principalOpen: false } as typeof user })
  } catch (error) {
    // The principal is another account's: this one stays as it is, and the client sees that it differs.
    if (!isLatchkeyError(error, 'PRINCIPAL_TAKEN')) throw error
  }
}

/** The second factor is still to come. */
async function isHalfSignedIn(ctx: GenericEndpointContext): Promise<boolean> {
  const plugin = ctx.context.getPlugin('two-factor') as { shouldRequireTwoFactor?: (ctx: GenericEndpointContext) => Promise<boolean> } | null
  return (await plugin?.shouldRequireTwoFactor?.(ctx)) === true
}

function sessionEndpoint(clock: () => number): Endpoint {
  return createAuthEndpoint('/latchkey/session', { method: 'GET', requireHeaders: true, metadata: { noStore: true } }, async (ctx) => {
    const found = await getSessionFromCtx(ctx)
    const subject = found && (await subjectOf(ctx.context.adapter, found.user.id, new Date(clock())))
    return ctx.json<SessionAnswer | null>(subject && { ...subject, now: clock() })
  })
}
