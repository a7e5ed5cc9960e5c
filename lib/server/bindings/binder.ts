import { LatchkeyError } from '../../errors.ts'
import { createProofVerifier } from '../../tokens/verify.ts'
import { createChallenges } from './challenges.ts'
import type { ExternalIssuer } from '../external/options.ts'
import { type ExternalAccount, createExternalAccounts } from '../external/accounts.ts'
import { namespacedPrincipal } from '../external/principals.ts'

/** An account of another provider, and its principal. */
export interface ExternalBinding {
  readonly issuer: string
  /** The provider's `sub`. */
  readonly subject: string
  readonly principal: string
  /** RFC 7638 thumbprint of the whole device key; null where the principal is the account's own id. */
  readonly thumbprint: string | null
}

/** Keeps which account has which principal. One account has one, and one principal has one account, under any race. */
export interface BindingStore {
  /** The binding of an account, or null. */
  find(issuer: string, subject: string): Promise<ExternalBinding | null>
  /**
   * Writes a binding, unless the account has one.
   *
   * @returns the binding that the account has now; null: the principal is somebody else's, and nothing was written
   */
  insert(binding: ExternalBinding): Promise<ExternalBinding | null>
  /**
   * Uses a name up, for instance that of a proof.
   *
   * @param until - after that it may be forgotten
   * @returns false: it was used before
   */
  useOnce(name: string, until: Date): Promise<boolean>
}

/** A {@link BindingStore} of one process, for tests and examples: it forgets everything when the process ends. */
export function memoryBindingStore(clock: () => number = Date.now): BindingStore {
  const byAccount = new Map<string, ExternalBinding>()
  const principals = new Set<string>()
  const used = new Map<string, number>()
  const nameOf = (issuer: string, subject: string): string => JSON.stringify([issuer, subject])
  return {
    find: async (issuer, subject) => byAccount.get(nameOf(issuer, subject)) ?? null,
    async insert(binding) {
      const name = nameOf(binding.issuer, binding.subject)
      const found = byAccount.get(name)
      if (found || principals.has(binding.principal)) return found ?? null
      byAccount.set(name, Object.freeze({ ...binding }))
      principals.add(binding.principal)
      return byAccount.get(name)!
    },
    async useOnce(name, until) {
      for (const [old, end] of used) if (end <= clock()) used.delete(old)
      if (used.has(name)) return false
      used.set(name, until.getTime())
      return true
    },
  }
}

/** Options of {@link createExternalBinder}. */
export interface ExternalBinderOptions {
  /** The providers whose accounts are taken. */
  readonly issuers: readonly ExternalIssuer[]
  readonly store: BindingStore
  /** `aud` of proofs: this server's origin plus base path, from configuration, never from a Host header. */
  readonly audience: string
  /** Signs nonces; the same on every process of the server. At least 32 characters. */
  readonly secret: string
  /** Milliseconds since 1970. Defaults to the system clock. */
  readonly clock?: () => number
}

/** Binds device principals to accounts of other providers. Made by {@link createExternalBinder}. */
export interface ExternalBinder {
  /** `aud` of proofs, as configured. */
  readonly audience: string
  /**
   * Issues the nonce that a proof to bind needs, for the account of this token.
   *
   * @returns the nonce, and when it lapses (milliseconds since 1970)
   * @throws {LatchkeyError} `ISSUER_UNKNOWN`, one of the `TOKEN_*` codes, `KEYS_UNAVAILABLE`
   */
  challenge(token: string): Promise<{ readonly nonce: string; readonly expiresAt: number }>
  /**
   * Makes the device's principal that of the account. The same binding again answers the same.
   *
   * @param request - the provider's token, a proof with purpose `bind`, and the nonce in it
   * @throws {LatchkeyError} `PRINCIPAL_TAKEN`, `PRINCIPAL_FIXED`, one of the `TOKEN_*` or `PROOF_*` codes
   */
  bindExternal(request: {
    readonly token: string
    readonly proof: string
    readonly nonce: string
  }): Promise<ExternalBinding>
  /**
   * The principal of a token's account. The first time that it is asked for without a binding fixes it: it is an id
   * made of issuer and subject from then on.
   *
   * @throws {LatchkeyError} `ISSUER_UNKNOWN`, one of the `TOKEN_*` codes, `KEYS_UNAVAILABLE`
   */
  principalOf(token: string): Promise<ExternalBinding>
  /**
   * The account of a token and its binding, as {@link ExternalBinder.principalOf} gives it.
   *
   * @param peek - fixes nothing: the binding is null where there is none yet
   * @throws {LatchkeyError} `ISSUER_UNKNOWN`, one of the `TOKEN_*` codes, `KEYS_UNAVAILABLE`
   */
  look(
    token: string,
    peek?: boolean,
  ): Promise<{ readonly account: ExternalAccount; readonly binding: ExternalBinding | null }>
}

/**
 * Binds principals to accounts of any provider that signs JWTs, without users of one's own.
 *
 * @throws {TypeError} an option is invalid
 */
export function createExternalBinder({
  issuers,
  store,
  audience,
  secret,
  clock = Date.now,
}: ExternalBinderOptions): ExternalBinder {
  if (secret.length < 32) throw new TypeError('secret: expected at least 32 characters')
  const accounts = createExternalAccounts(issuers, clock)
  const proofs = createProofVerifier({ audience, clock })
  const challenges = createChallenges(secret, clock)
  return {
    audience,
    async challenge(token) {
      return challenges.issue('bind', nameOf(await accounts.verify(token)))
    },
    async bindExternal({ token, proof, nonce }) {
      const account = await accounts.verify(token)
      const until = await challenges.check(nonce, 'bind', nameOf(account))
      if (!until) throw new LatchkeyError('PROOF_NONCE_MISMATCH')
      const { principal, thumbprint, claims } = await proofs.verify(proof, { purpose: 'bind', nonce })
      const isFirst =
        (await store.useOnce(claims.jti, new Date(claims.exp * 1000))) && (await store.useOnce(`nonce:${nonce}`, until))
      if (!isFirst) throw new LatchkeyError('PROOF_REPLAYED')
      const bound = await store.insert({ issuer: account.issuer, subject: account.subject, principal, thumbprint })
      if (!bound) throw new LatchkeyError('PRINCIPAL_TAKEN')
      if (bound.principal !== principal || bound.thumbprint !== thumbprint) throw new LatchkeyError('PRINCIPAL_FIXED')
      return bound
    },
    principalOf: async (token) => fixExternal(store, await accounts.verify(token)),
    async look(token, peek) {
      const account = await accounts.verify(token)
      return {
        account,
        binding: peek ? await store.find(account.issuer, account.subject) : await fixExternal(store, account),
      }
    },
  }
}

/** The binding of an account; where there is none, its own id becomes its principal for good. */
export async function fixExternal(
  store: BindingStore,
  { issuer, subject }: Pick<ExternalAccount, 'issuer' | 'subject'>,
): Promise<ExternalBinding> {
  const found = await store.find(issuer, subject)
  if (found) return found
  const principal = await namespacedPrincipal(issuer, subject)
  const fixed = await store.insert({ issuer, subject, principal, thumbprint: null })
  if (!fixed) throw new LatchkeyError('PRINCIPAL_TAKEN')
  return fixed
}

function nameOf({ issuer, subject }: ExternalAccount): string {
  return JSON.stringify([issuer, subject])
}
