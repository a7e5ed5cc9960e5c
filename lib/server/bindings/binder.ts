import { LatchkeyError } from '../../errors.ts'
import { createProofVerifier } from '../../tokens/verify.ts'
import { createChallenges } from './challenges.ts'
import type { ExternalIssuer } from '../external/options.ts'
import { type ExternalAccount, createExternalAccounts } from '../external/accounts.ts'
import { namespacedPrincipal } from '../external/principals.ts'
import type { BindingStore, ExternalBinding } from './binding-store.ts'

/** Options of {@link createExternalBinder}. */
export interface ExternalBinderOptions {
  /** The providers whose accounts are accepted. */
  readonly issuers: readonly ExternalIssuer[]
  readonly store: BindingStore
  /** `aud` of proofs: this server's origin plus base path. Take it from configuration, never from a Host header. */
  readonly audience: string
  /** Signs nonces. At least 32 characters; the same in every process of the server. */
  readonly secret: string
  /** Returns milliseconds since 1970. Defaults to the system clock. */
  readonly clock?: () => number
}

/** Binds device principals to accounts of external providers. Made by {@link createExternalBinder}. */
export interface ExternalBinder {
  /** `aud` of proofs, as configured. */
  readonly audience: string
  /**
   * Issues the nonce for a proof that binds the account of this token.
   *
   * @returns the nonce and its expiry (milliseconds since 1970)
   * @throws {LatchkeyError} `ISSUER_UNKNOWN`, one of the `TOKEN_*` codes, `KEYS_UNAVAILABLE`
   */
  challenge(token: string): Promise<{ readonly nonce: string; readonly expiresAt: number }>
  /**
   * Binds the device's principal to the account. Idempotent: repeating the same binding returns it.
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
   * Returns the binding of a token's account. If there is none, this call fixes the account's principal permanently: an
   * id derived from issuer and subject.
   *
   * @throws {LatchkeyError} `ISSUER_UNKNOWN`, one of the `TOKEN_*` codes, `KEYS_UNAVAILABLE`
   */
  principalOf(token: string): Promise<ExternalBinding>
  /**
   * Returns the account of a token and its binding, as {@link ExternalBinder.principalOf} does.
   *
   * @param peek - true: does not fix a principal; the binding is null if there is none
   * @throws {LatchkeyError} `ISSUER_UNKNOWN`, one of the `TOKEN_*` codes, `KEYS_UNAVAILABLE`
   */
  look(
    token: string,
    peek?: boolean,
  ): Promise<{ readonly account: ExternalAccount; readonly binding: ExternalBinding | null }>
}

/**
 * Creates a binder for accounts of any provider that signs JWTs. Your server needs no user table of its own.
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

/** Returns the binding of an account. If there is none, the namespaced id becomes its principal permanently. */
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
