import type { AuthContext, GenericEndpointContext } from 'better-auth'
import { type JwtOptions, type ResolvedSigningKey, resolveSigningKey } from 'better-auth/plugins'
import { awaitShared } from './shared-work.ts'
import type { BetterAuthInstance } from './types.ts'

/** A key pair that signs tokens. */
export interface SigningKey {
  /** `kid` in the key set and in tokens. */
  readonly kid: string
  readonly alg: string
}

/**
 * Creates the server's key pairs: one for each algorithm of `jwks.keyPairConfig` and `jwks.keyPairConfigs` that has
 * none. Better Auth creates a pair with the first token that needs it, too late for consumers that read the key set
 * only when they start. Run it once after the migrations, before the server takes requests.
 *
 * @param auth - the result of `betterAuth()`, with the plugin `latchkeyJwt`
 * @returns the current key of each algorithm
 * @throws {TypeError} there is no `latchkeyJwt`, or another service signs (`jwt.sign`)
 */
export async function createSigningKeys(auth: BetterAuthInstance): Promise<readonly SigningKey[]> {
  const context = (await auth.$context) as unknown as AuthContext
  if (!context.getPlugin('jwt')) throw new TypeError('createSigningKeys: needs the plugin latchkeyJwt')
  const options = jwtOptionsOf(context)
  if (options.jwt?.sign) throw new TypeError('createSigningKeys: another service signs (jwt.sign)')
  const keys: SigningKey[] = []
  for (const alg of algorithmsOf(options)) {
    const key = await keyFor({ context } as GenericEndpointContext, options, alg)
    keys.push({ kid: key!.kid!, alg })
  }
  return keys
}

type Algorithm = NonNullable<NonNullable<JwtOptions['jwks']>['keyPairConfig']>['alg']

/** Returns the algorithms for which the `jwt` plugin has, or creates, a key pair. */
export function algorithmsOf({ jwks }: JwtOptions): readonly Algorithm[] {
  const further = (jwks?.keyPairConfigs ?? []).map(({ alg }) => alg)
  return [...new Set([firstAlgorithm({ jwks }), ...further])]
}

function firstAlgorithm({ jwks }: Pick<JwtOptions, 'jwks'>): Algorithm {
  return jwks?.keyPairConfig?.alg ?? 'EdDSA'
}

/** Returns the options of this server's `jwt` plugin. */
export function jwtOptionsOf({ getPlugin }: Pick<AuthContext, 'getPlugin'>): JwtOptions {
  return ((getPlugin('jwt') as { options?: JwtOptions } | null)?.options ?? {}) as JwtOptions
}

const firsts = new WeakMap<object, Map<Algorithm, Promise<unknown>>>()

/**
 * Returns the current key of an algorithm, and creates it if there is none. Concurrent first signatures would each
 * create a key: all wait for the first one.
 *
 * @param algorithm - defaults to the one that the `jwt` plugin uses
 * @returns null if another service signs
 */
export async function keyFor(
  ctx: GenericEndpointContext,
  options: JwtOptions,
  algorithm?: Algorithm,
): Promise<ResolvedSigningKey | null> {
  const { adapter } = ctx.context
  const pinned = algorithm && { signingAlgorithm: algorithm }
  const resolve = (): Promise<ResolvedSigningKey | null> => resolveSigningKey(ctx, options, pinned)
  const known = firsts.get(adapter) ?? new Map<Algorithm, Promise<unknown>>()
  firsts.set(adapter, known)
  const name = algorithm ?? firstAlgorithm(options)
  if (!known.has(name))
    known.set(
      name,
      resolve().catch(() => known.delete(name)),
    )
  const first = known.get(name)!
  await awaitShared(first, () => known.get(name) === first && known.delete(name))
  return resolve()
}
