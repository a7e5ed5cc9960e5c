import type { AuthContext, BetterAuthPlugin } from 'better-auth'
import { createAuthMiddleware } from 'better-auth/api'
import {
  type Challenges,
  type OptionNames,
  checkOptionNames,
  createChallenges,
  createExchangeLimits,
  createExternalAccounts,
} from '../../lib/server-kit.ts'
import { type BackupTools, backupEndpoints, readBackupRules } from './routes/backup.ts'
import { bindEndpoint } from './routes/bind.ts'
import { type BackupsWithoutAccount, createBackups } from './binding/backups.ts'
import { bindingStoreOf } from './binding/binding-store.ts'
import { limitBody } from './routes/body-limit.ts'
import { challengeEndpoint } from './routes/challenge.ts'
import { asSignOut } from './routes/end-session.ts'
import type { Endpoint } from './routes/endpoint.ts'
import { probeDatabase } from './checks/database-probe.ts'
import { EXCHANGE_OPTIONS, type ExchangeOptions, readExchange } from './exchange.ts'
import { deviceEndpoints } from './routes/devices.ts'
import { forgetDevice } from './hooks/device-tag.ts'
import { keyEndpoints } from './routes/keys.ts'
import { knownEndpoint } from './routes/known.ts'
import { type PairingOptions, createRendezvousTools } from './routes/pairing-options.ts'
import { pairEndpoints } from './routes/pair.ts'
import { rendezvousEndpoints } from './routes/rendezvous.ts'
import { ownAddresses, ownBaseURL } from './hooks/own-address.ts'
import { type OnLink, type OnUnlink, linkEndpoints } from './routes/link.ts'
import { type PrincipalStore, principalStore } from './binding/principal-store.ts'
import { checkFree } from './binding/reservation.ts'
import { type ReplayStorage, createReplayStore } from './binding/replay-store.ts'
import { checkRequestIsolation } from './checks/request-isolation.ts'
import { ASKS_WHO, refuseCrossSite } from './hooks/cross-site.ts'
import { beforeSecondFactor, usesSecondFactor } from './hooks/compared-password.ts'
import {
  CODE_APPROVAL,
  noteApproval,
  requireApproval,
  requireApprovalAfterwards,
  usesDeviceCode,
} from './hooks/device-code.ts'
import {
  ADDRESS_CHANGE,
  ADDRESS_REQUEST,
  beforeAddressChange,
  noteAddressRequest,
  refuseEarlierToken,
  usesUserToken,
} from './hooks/earlier-requests.ts'
import { checkNamedSession, checkSessionEnded, endAdminSession, namesSession } from './hooks/late-sign-out.ts'
import { ENDS_OTHERS, needsOwnSignIn, requireOwnSignIn, withdrawGrants } from './hooks/paired-session.ts'
import { afterPasswordReset, beforePasswordReset, resetsPassword } from './hooks/password-reset.ts'
import { PROOF_HEADER, type OneTimeProofs, createOneTimeProofs, rethrow } from './hooks/proofs.ts'
import { STATE_PROXY, noteProxiedState } from './hooks/proxied-state.ts'
import { carryProof, requestContextOf } from './hooks/request-context.ts'
import { type LatchkeySchema, schema } from './schema.ts'
import { createSharedLimitHint } from './routes/shared-limit.ts'
import { sessionEndpoint } from './routes/session.ts'
import { afterSignIn, concernsSignIn } from './hooks/sign-in.ts'
import { type StatusCache, statusCacheOf } from './binding/status-cache.ts'
import { type ExchangeTools, metadataEndpoint, tokenEndpoint } from './routes/token.ts'
import { offWhileUnmigrated } from './checks/unmigrated.ts'
import { givesNoSession, hidePrincipal } from './hooks/sign-up.ts'
import { type OnRetire, userHooks } from './hooks/users.ts'

/** Options of the Better Auth plugin. */
export interface LatchkeyPluginOptions {
  /**
   * `aud` of proofs: this server's origin plus base path, or a list where one server has several names. Never list
   * another server: a proof sent there would be valid here too. Defaults to Better Auth's configured base URL.
   */
  readonly audience?: string | readonly string[]
  /** Returns milliseconds since 1970. Defaults to the system clock. */
  readonly clock?: () => number
  /** Called before an account adopts a principal. Throwing refuses the link. */
  readonly onLink?: OnLink
  /** Called before an alias is removed from its account. Throwing keeps it. */
  readonly onUnlink?: OnUnlink
  /** Called after a user was deleted: replaces the cascade, which rows owned by principals do not have. */
  readonly onRetire?: OnRetire
  /** Enables `POST /latchkey/token`. Requires `latchkeyJwt`. */
  readonly exchange?: ExchangeOptions
  /**
   * Where used proofs and nonces are stored. Defaults to the table `latchkeyProof`. Better Auth's secondary storage is
   * suitable if its `increment` is atomic and it evicts nothing. While it fails, requests that need a proof or a nonce
   * are refused.
   */
  readonly replayStore?: ReplayStorage
  /**
   * Also requires a nonce from this server in proofs for a sign-up, a sign-in and the exchange (`latchkeyClient({
   * requireNonce: true })` requests it), so that an attacker who had a device for a minute cannot have signed proofs
   * for later. Costs one more request per proof. Defaults to false.
   */
  readonly requireNonce?: boolean
  /** Enables pairing: the endpoints under `/latchkey/rendezvous` and `/latchkey/pair`. */
  readonly pairing?: PairingOptions
  /**
   * Keeps sealed backups of `latchkey/passkey` also for identities without an account, one for each, within these
   * limits. By default only identities with an account have backups here, up to eight each.
   */
  readonly backupsWithoutAccount?: BackupsWithoutAccount
}

const PLUGIN_OPTIONS: OptionNames<LatchkeyPluginOptions> = {
  audience: true,
  clock: true,
  onLink: true,
  onUnlink: true,
  onRetire: true,
  exchange: true,
  replayStore: true,
  requireNonce: true,
  pairing: true,
  backupsWithoutAccount: true,
}

/**
 * The plugin's exact type: Better Auth infers `session.user.principal` from it, and a wider one would hide `auth.api`.
 */
export interface LatchkeyPlugin extends Pick<BetterAuthPlugin, 'init' | 'hooks' | 'onRequest' | 'rateLimit'> {
  readonly id: 'latchkey'
  readonly options: LatchkeyPluginOptions
  readonly schema: LatchkeySchema
  /**
   * `latchkeyToken` and `latchkeyMetadata` exist only with the option `exchange`, the latter unless `metadata` is
   * false; `latchkeyRendezvous*` and `latchkeyPair*` only with `pairing`.
   */
  readonly endpoints: Readonly<Record<EndpointName, Endpoint> & Partial<Record<OptionalEndpointName, Endpoint>>>
}

type EndpointName =
  | 'latchkeySession'
  | 'latchkeyChallenge'
  | 'latchkeyBind'
  | 'latchkeyLink'
  | 'latchkeyUnlink'
  | 'latchkeyKeys'
  | 'latchkeyKnown'
  | 'latchkeyNameKey'
  | 'latchkeyRevokeKey'
  | 'latchkeyDevices'
  | 'latchkeyRenameDevice'
  | 'latchkeyRevokeDevice'
  | 'latchkeyRevokeOtherDevices'
  | 'latchkeyBackup'
  | 'latchkeyReadBackup'
  | 'latchkeyRemoveBackup'

type OptionalEndpointName =
  | 'latchkeyToken'
  | 'latchkeyMetadata'
  | 'latchkeyRendezvous'
  | 'latchkeyRendezvousRead'
  | 'latchkeyRendezvousDelete'
  | 'latchkeyPairGrant'
  | 'latchkeyPairInspect'
  | 'latchkeyPairRedeem'

/** The parts that exist once Better Auth has started. */
interface Parts extends BackupTools {
  readonly proofs: OneTimeProofs
  readonly challenges: Challenges
  readonly cache: StatusCache
  readonly exchange: ExchangeTools | undefined
}

/**
 * Creates the plugin that binds local-first principals to Better Auth accounts: a sign-up whose request carries a proof
 * gives the account the device's principal, in the same INSERT.
 *
 * @throws {TypeError} an option is unknown or invalid; when Better Auth starts, there is neither `audience` nor a
 *   static base URL
 */
export function latchkey(options: LatchkeyPluginOptions = {}): LatchkeyPlugin {
  checkOptionNames('latchkey.', options, PLUGIN_OPTIONS)
  if (options.exchange) checkOptionNames('exchange.', options.exchange, EXCHANGE_OPTIONS)
  const { clock = Date.now, requireNonce = false } = options
  if (typeof requireNonce !== 'boolean') throw new TypeError('requireNonce: expected true or false')
  const backupRules = readBackupRules(options.backupsWithoutAccount)
  const now = (): Date => new Date(clock())
  const store = ({ context }: { readonly context: AuthContext }): PrincipalStore =>
    principalStore(context.adapter, now())
  const rendezvous = options.pairing && createRendezvousTools(options.pairing, clock)
  let started: Parts | undefined
  const parts = (): Parts => started!
  return offWhileUnmigrated({
    id: 'latchkey',
    options,
    schema,
    init(auth) {
      const audience = ownAddresses(auth, options.audience)
      const cache = statusCacheOf(auth.adapter)
      const challenges = createChallenges(auth.secret, clock)
      const proofs = createOneTimeProofs({
        audience,
        clock,
        replayStore: createReplayStore(clock, options.replayStore),
        challenges: requireNonce ? challenges : undefined,
      })
      const exchange = options.exchange && createExchange(options.exchange, { auth, clock, proofs })
      const backups = createBackups(backupRules, clock, auth.secret)
      started = { proofs, challenges, cache, exchange, backups }
      return {
        options: {
          databaseHooks: userHooks({
            auth,
            cache,
            now,
            onRetire: options.onRetire,
            hasPairing: rendezvous !== undefined,
          }),
        },
      }
    },
    endpoints: {
      latchkeySession: sessionEndpoint(clock),
      latchkeyChallenge: challengeEndpoint(() => parts().challenges, requireNonce, clock),
      latchkeyBind: bindEndpoint(parts, clock),
      ...linkEndpoints(() => ({ ...parts(), onLink: options.onLink, onUnlink: options.onUnlink }), clock),
      ...keyEndpoints(() => parts().cache, clock),
      ...deviceEndpoints(() => parts().cache, clock),
      latchkeyKnown: knownEndpoint(parts, clock),
      ...(rendezvous && rendezvousEndpoints(() => rendezvous, clock)),
      ...(rendezvous && pairEndpoints(() => ({ ...parts(), onDevicePaired: options.pairing?.onDevicePaired }), clock)),
      ...backupEndpoints(parts),
      ...(options.exchange && {
        latchkeyToken: tokenEndpoint(() => parts().exchange!, clock),
        ...(options.exchange.metadata !== false && { latchkeyMetadata: metadataEndpoint(() => parts().exchange!) }),
      }),
    },
    hooks: {
      before: [
        {
          matcher: needsDatabase,
          handler: createAuthMiddleware(async ({ context }) => checkSurroundings(context).catch(rethrow)),
        },
        { matcher: carriesProof, handler: createAuthMiddleware(async (ctx) => admit(store(ctx), ctx, parts().proofs)) },
        {
          matcher: ({ path }) => ASKS_WHO.includes(path),
          handler: createAuthMiddleware(async (ctx) => refuseCrossSite(ctx)),
        },
        {
          matcher: resetsPassword,
          handler: createAuthMiddleware(async (ctx) => beforePasswordReset(ctx)),
        },
        { matcher: usesSecondFactor, handler: createAuthMiddleware(async (ctx) => beforeSecondFactor(ctx)) },
        {
          matcher: needsOwnSignIn,
          handler: createAuthMiddleware(async (ctx) => requireOwnSignIn(ctx)),
        },
        {
          matcher: usesUserToken,
          handler: createAuthMiddleware(async (ctx) => refuseEarlierToken(store(ctx), ctx)),
        },
        {
          matcher: ({ path }) => path === ENDS_OTHERS,
          handler: createAuthMiddleware(async (ctx) => withdrawGrants(ctx)),
        },
        { matcher: namesSession, handler: createAuthMiddleware(async (ctx) => checkNamedSession(ctx)) },
        { matcher: namesSession, handler: createAuthMiddleware(async (ctx) => endAdminSession(ctx)) },
        {
          matcher: ({ path }) => path === ADDRESS_CHANGE,
          handler: createAuthMiddleware(async (ctx) => beforeAddressChange(store(ctx), ctx)),
        },
        {
          matcher: ({ path }) => path === ADDRESS_REQUEST,
          handler: createAuthMiddleware(async (ctx) => noteAddressRequest(store(ctx), ctx)),
        },
        {
          matcher: ({ path }) => path === CODE_APPROVAL,
          handler: createAuthMiddleware(async (ctx) => noteApproval(store(ctx), ctx)),
        },
        { matcher: usesDeviceCode, handler: createAuthMiddleware(async (ctx) => requireApproval(store(ctx), ctx)) },
      ],
      after: [
        {
          matcher: resetsPassword,
          handler: createAuthMiddleware(async (ctx) => afterPasswordReset(store(ctx), ctx)),
        },
        {
          matcher: ({ path, context }) => givesNoSession(path, context.options),
          handler: createAuthMiddleware(async (ctx) => hidePrincipal(ctx)),
        },
        {
          matcher: ({ path }) => path === '/sign-out',
          handler: createAuthMiddleware(async (ctx) => forgetDevice(ctx)),
        },
        { matcher: namesSession, handler: createAuthMiddleware(async (ctx) => checkSessionEnded(ctx)) },
        {
          matcher: usesDeviceCode,
          handler: createAuthMiddleware(async (ctx) => requireApprovalAfterwards(store(ctx), ctx)),
        },
        {
          matcher: ({ path }) => path === STATE_PROXY,
          handler: createAuthMiddleware(async (ctx) => noteProxiedState(ctx)),
        },
        {
          matcher: concernsSignIn,
          handler: createAuthMiddleware(async (ctx) => afterSignIn(store(ctx), ctx, parts().cache)),
        },
      ],
    },
    async onRequest(request, { baseURL }) {
      if (!isOwnPath(request, baseURL)) return undefined
      const limited = await limitBody(request)
      return 'request' in limited ? { request: asSignOut(limited.request) ?? limited.request } : limited
    },
    rateLimit: [
      // Nonces, bindings, restores and devices are requested rarely; the session at each start of a page.
      {
        pathMatcher: (path) =>
          /^\/latchkey\/(challenge|bind|link|unlink|known|keys\/|devices\/|pair\/|backup)/.test(path),
        window: 60,
        max: 20,
      },
      { pathMatcher: (path) => path === '/latchkey/token', window: 60, max: 60 },
      // Two devices behind one address each send one request per second.
      { pathMatcher: (path) => path.startsWith('/latchkey/rendezvous'), window: 60, max: 300 },
      { pathMatcher: (path) => path.startsWith('/latchkey/'), window: 60, max: 120 },
    ],
  })
}

interface ExchangeParts {
  readonly auth: AuthContext
  readonly clock: () => number
  readonly proofs: OneTimeProofs
}

function createExchange(options: ExchangeOptions, { auth, clock, proofs }: ExchangeParts): ExchangeTools {
  const rules = readExchange(options, auth)
  return {
    baseURL: ownBaseURL(auth),
    rules,
    accounts: createExternalAccounts(rules.issuers, clock),
    bindings: bindingStoreOf(auth.adapter, clock),
    proofs,
    limits: createExchangeLimits(rules, clock),
    hintAtSharedLimit: createSharedLimitHint(auth),
  }
}

type HookContext = Parameters<NonNullable<NonNullable<BetterAuthPlugin['hooks']>['before']>[number]['matcher']>[0]

/**
 * Routes that sign nobody in, but may be called inside a request that does: that one needs its proof. Better Auth's
 * OAuth provider goes on to `/oauth2/authorize` after a sign-in, a consent or a choice of the account.
 */
const WITHOUT_PROOF: readonly (string | undefined)[] = ['/get-session', '/oauth2/authorize']

/** The plugin's endpoints verify their proofs themselves. */
function carriesProof({ headers, path }: HookContext): boolean {
  const isOther = !WITHOUT_PROOF.includes(path) && path?.startsWith('/latchkey/') !== true
  return headers?.has(PROOF_HEADER) === true && isOther
}

/** Routes that bind or read a principal; the app's other routes work even if the database is unsuitable. */
function needsDatabase(ctx: HookContext): boolean {
  return carriesProof(ctx) || ctx.path?.startsWith('/latchkey/') === true || ctx.path === '/token'
}

/** At the first use instead of the start, when there may be no request and no database yet. */
async function checkSurroundings(context: AuthContext): Promise<void> {
  checkRequestIsolation(context)
  await probeDatabase(context)
}

async function admit(
  principals: PrincipalStore,
  { context, headers, path }: Parameters<Parameters<typeof createAuthMiddleware>[0]>[0] & { path?: string },
  proofs: OneTimeProofs,
): Promise<void> {
  const device = await proofs.admit(context, headers!, { purpose: 'upgrade' })
  requestContextOf({ headers }).device = device
  if (path?.startsWith('/sign-up/') && hidesAddresses(context.options))
    await checkFree(principals, device).catch(rethrow)
  if (path?.startsWith('/sign-in/')) await carryProof(device)
}

/** A sign-up responds in the same way whether the address has an account or not; the principal must not tell either. */
function hidesAddresses({ emailAndPassword }: AuthContext['options']): boolean {
  return emailAndPassword?.requireEmailVerification === true || emailAndPassword?.autoSignIn === false
}

/** A path in the base URL takes precedence over the option `basePath`. */
function isOwnPath({ url }: Request, baseURL: string): boolean {
  return new URL(url).pathname.startsWith(`${new URL(baseURL).pathname.replace(/\/+$/, '')}/latchkey/`)
}
