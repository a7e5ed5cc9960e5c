import { type BetterAuthOptions, type DBAdapter, betterAuth } from 'better-auth'
import { symmetricDecrypt } from 'better-auth/crypto'
import { getMigrations } from 'better-auth/db/migration'
import { type SessionResolver, type Outcome, betterAuthCookie } from '../../lib/server.ts'
import {
  type BetterAuthInstance,
  type Operator,
  createBetterAuthResolver,
  createOperator,
  createSigningKeys,
  latchkey,
  latchkeyJwt,
} from '../better-auth/index.ts'
import type { Configuration, TokenClaim } from './configuration.ts'
import type { OpenDatabase } from './database.ts'
import { type OpenRedis, limitBy } from './redis.ts'
import { Refusal } from './refusal.ts'
import { ADDRESS_HEADER } from './request-address.ts'

/** The parts that make up the identity server. */
export interface IdentityParts {
  readonly configuration: Configuration
  readonly open: OpenDatabase
  readonly redis: OpenRedis | null
  readonly origin: string
  readonly secret: string
  /** Called with unexpected errors. */
  readonly onError: (error: unknown) => void
  readonly onOutcome: (outcome: Outcome) => void
}

/** Better Auth, the session resolver and the operator API. */
export interface Identity {
  readonly auth: BetterAuthInstance
  readonly resolver: SessionResolver
  readonly operator: Operator
  /** Rejects if the database or Redis does not respond. */
  ping(): Promise<void>
}

/**
 * Sets up the database and starts Better Auth.
 *
 * @throws {Refusal} the signing key was encrypted with another secret
 */
export async function createIdentity(parts: IdentityParts): Promise<Identity> {
  const { configuration, origin, open, redis, onOutcome } = parts
  const options = optionsOf(parts)
  const auth = betterAuth(options)
  const { adapter } = await auth.$context
  await open.alone(async () => {
    await open.change(async (database) => (await getMigrations({ ...options, database })).runMigrations())
    if (await isOfAnotherSecret(adapter, parts.secret)) throw new Refusal(ANOTHER_SECRET)
    await createSigningKeys(auth)
  })
  if (configuration.keyLifetime !== null) await limitKeys(adapter, configuration.keyLifetime)
  const resolver = createBetterAuthResolver(auth, {
    audience: configuration.audiences.length > 0 ? configuration.audiences : origin,
    localFirst: configuration.allowLocalFirst ? 'allow' : 'deny',
    cookieSession: betterAuthCookie({
      baseURL: `${origin}/api/auth`,
      origins: [origin, ...configuration.trustedOrigins],
      auth,
    }),
    onOutcome,
    ...(configuration.external && { external: [configuration.external] }),
    ...(configuration.backendSecrets.length > 0 && { backend: { secret: configuration.backendSecrets } }),
  })
  const ping = async (): Promise<void> => void (await Promise.all([adapter.count({ model: 'jwks' }), redis?.ping()]))
  return { auth, resolver, operator: createOperator(auth), ping }
}

/** What to do about another secret. */
export const ANOTHER_SECRET: string =
  'The signing keys (table jwks) were encrypted with another --secret. ' +
  'Use that one, or stop every server and delete the rows of jwks.'

/** Returns true if the current signing key was encrypted with another secret. Changes nothing. */
export async function hasAnotherSecret(parts: IdentityParts): Promise<boolean> {
  const { adapter } = await betterAuth(optionsOf(parts)).$context
  return isOfAnotherSecret(adapter, parts.secret)
}

interface KeyRow {
  readonly privateKey: string
  readonly expiresAt?: Date | null
}

/** Better Auth reads the private key only to sign: without this, a server would start, and every token would fail. */
async function isOfAnotherSecret(adapter: Pick<DBAdapter, 'findMany'>, secret: string): Promise<boolean> {
  const rows = await adapter.findMany<KeyRow>({ model: 'jwks', sortBy: { field: 'createdAt', direction: 'desc' } })
  const current = rows.find(({ expiresAt }) => !expiresAt || expiresAt.getTime() > Date.now())
  if (!current) return false
  const data = JSON.parse(current.privateKey) as string
  return symmetricDecrypt({ key: secret, data }).then(
    () => false,
    () => true,
  )
}

/** A key from before rotation was enabled has no expiry, and would be used for signing forever. */
async function limitKeys(adapter: Pick<DBAdapter, 'updateMany'>, lifetime: number): Promise<void> {
  const expiresAt = new Date(Date.now() + lifetime * 1000)
  await adapter.updateMany({ model: 'jwks', where: [{ field: 'expiresAt', value: null }], update: { expiresAt } })
}

/**
 * How long an old key still verifies, in seconds: tokens are valid for 15 minutes, and resolvers cache keys for a day
 * at most.
 */
const KEY_GRACE_S = 172_800

/** Returns the tables and columns that are missing in the database. */
export async function missingTables(parts: IdentityParts): Promise<readonly string[]> {
  const { toBeCreated, toBeAdded } = await getMigrations(optionsOf(parts))
  return [...toBeCreated, ...toBeAdded].map(({ table }) => table)
}

function optionsOf({ configuration, open, redis, origin, secret, onError }: IdentityParts) {
  const { production, audiences, place, external, allowLocalFirst, trustedOrigins, tokenClaims, keyLifetime } =
    configuration
  const issued: readonly [string, ...string[]] = [audiences[0] ?? origin, ...audiences.slice(1)]
  const exchange = { audiences: issued, localFirst: allowLocalFirst, ...(external && { issuers: [external] }) }
  return {
    baseURL: origin,
    secret,
    database: open.database,
    emailAndPassword: { enabled: true },
    user: { deleteUser: { enabled: true } },
    trustedOrigins: [...trustedOrigins],
    plugins: [
      latchkey({ exchange, ...(redis && { replayStore: redis.storage }) }),
      latchkeyJwt({
        jwt: { issuer: origin, audience: issued[0], definePayload: ({ user }) => claimsOf(user, tokenClaims) },
        ...(keyLifetime !== null && { jwks: { rotationInterval: keyLifetime, gracePeriod: KEY_GRACE_S } }),
      }),
    ],
    rateLimit: {
      enabled: production,
      storage: place.kind === 'postgres' ? 'database' : 'memory',
      ...(redis && { customStorage: limitBy(redis) }),
    },
    advanced: { ipAddress: { ipAddressHeaders: [ADDRESS_HEADER] } },
    telemetry: { enabled: false },
    // A wrong password is not logged; errors are logged elsewhere.
    logger: { disabled: true },
    onAPIError: { onError: (error: unknown) => void (isAnswer(error) || onError(error)) },
  } satisfies BetterAuthOptions
}

function claimsOf(
  { email, emailVerified, name }: { email: string; emailVerified: boolean; name: string },
  wanted: readonly TokenClaim[],
): Record<string, string | boolean> {
  const all = { email, email_verified: emailVerified, name }
  return Object.fromEntries(wanted.map((claim) => [claim, all[claim]]))
}

function isAnswer(error: unknown): boolean {
  return error instanceof Error && error.name === 'APIError'
}
