import { type OptionNames, checkOptionNames } from '../../option-names.ts'
import { LatchkeyError } from '../../errors.ts'
import type { Purpose } from '../../tokens/claims.ts'
import { type ProofVerifier, createProofVerifier } from '../../tokens/verify.ts'
import { type ExternalAccount, type ExternalAccounts, createExternalAccounts } from '../external/accounts.ts'
import type { ExternalIssuer } from '../external/options.ts'
import type { FindPrincipal } from '../external/principals.ts'
import {
  type AdoptingBindingStore,
  type BindingStore,
  type DeviceBinding,
  type ExternalBinding,
  hasAliases,
} from './binding-store.ts'
import { deviceIdOf, isRevoked, requireLive } from './account-sessions.ts'
import { actorOf } from './actor.ts'
import { type BinderDevices, type RevokedSession, createBinderDevices } from './binder-devices.ts'
import {
  type BoundAccount,
  type VerifiedToken,
  fixOwn,
  look,
  ownPrincipals,
  sessionAccountIdOf,
} from './bound-account.ts'
import { type Challenges, createChallenges } from './challenges.ts'
import { type PrincipalsTag, createPrincipalsTag } from './principals-tag.ts'
import { type AccountSessionStore, hasSessions } from './session-store.ts'
import { type SignInAge, createFreshness } from './freshness.ts'

/** Options of {@link createExternalBinder}. */
export interface ExternalBinderOptions {
  /** The providers whose accounts are accepted. */
  readonly issuers: readonly ExternalIssuer[]
  /** Aliases need an `AdoptingBindingStore`: `postgresBindingStore`, `sqliteBindingStore` or `memoryBindingStore`. */
  readonly store: BindingStore | AdoptingBindingStore
  /**
   * `aud` of proofs: this server's origin plus base path; a slash at the end makes no difference. Take it from
   * configuration, never from a Host header.
   */
  readonly audience: string
  /** Signs nonces. At least 32 characters; the same in every process of the server. */
  readonly secret: string
  /**
   * Largest age of the sign-in, in seconds, with which an account may bind, adopt or give up a principal. 0 allows any
   * age. Defaults to 86400.
   */
  readonly freshAge?: number
  /**
   * Returns when the user signed in, in seconds since 1970, from the claims of a verified token; undefined if the
   * provider does not say, and then any age is allowed. Defaults to the claim `auth_time`, or Clerk's `fva`.
   */
  readonly signedInAt?: SignInAge
  /**
   * Called after a device was revoked, to end its session at the provider. If it rejects, the device stays revoked, the
   * call rejects, and a repeated call calls it again. It must resolve for a session that has ended before.
   */
  readonly onRevoke?: (session: RevokedSession) => unknown
  /** Returns milliseconds since 1970. Defaults to the system clock. */
  readonly clock?: () => number
}

const OPTIONS: OptionNames<ExternalBinderOptions> = {
  issuers: true,
  store: true,
  audience: true,
  secret: true,
  freshAge: true,
  signedInAt: true,
  onRevoke: true,
  clock: true,
}

/** An operation of an account that needs a nonce. */
export type AccountAct = 'bind' | 'link' | 'unlink'

/** A request that an account and a device sign together. */
export interface ProvenRequest {
  /** The provider's token. */
  readonly token: string
  /** A proof of the device's key, with the nonce in it. */
  readonly proof: string
  /** The nonce of {@link ExternalBinder.challenge}. */
  readonly nonce: string
}

/** Binds device principals to accounts of external providers. Made by {@link createExternalBinder}. */
export interface ExternalBinder {
  /** `aud` of proofs, as clients write it: a URL without a slash at the end. */
  readonly audience: string
  /** True if the store has aliases. Otherwise `link`, `unlink`, `isKnown`, `lookup` and `verifyDevice` throw. */
  readonly hasAliases: boolean
  /**
   * Issues the nonce for one operation of the account of this token.
   *
   * @param act - defaults to `bind`
   * @returns the nonce and its expiry (milliseconds since 1970)
   * @throws {LatchkeyError} `ISSUER_UNKNOWN`, one of the `TOKEN_*` codes, `KEYS_UNAVAILABLE`
   */
  challenge(token: string, act?: AccountAct): Promise<{ readonly nonce: string; readonly expiresAt: number }>
  /**
   * Binds the device's principal to the account. Idempotent: repeating the same binding returns it.
   *
   * @param request - with a proof with purpose `bind`; `accountId`: the account that the client means, if it says so
   * @throws {LatchkeyError} `PRINCIPAL_TAKEN`, `PRINCIPAL_FIXED`, `SESSION_NOT_FRESH`, `PROOF_IDENTIFIER_MISMATCH`: the
   *   token is of another account; one of the `TOKEN_*` or `PROOF_*` codes
   */
  bindExternal(request: ProvenRequest & { readonly accountId?: string | undefined }): Promise<ExternalBinding>
  /**
   * Makes the device's principal an alias of the account, whose own principal is fixed. Idempotent.
   *
   * @param request - with a proof with purpose `link`, which names the account's principal
   * @throws {LatchkeyError} `PRINCIPAL_TAKEN`, `ALIASES_FULL`, `ACCOUNT_OPEN`, `SESSION_NOT_FRESH`, one of the
   *   `TOKEN_*` or `PROOF_*` codes
   */
  link(request: ProvenRequest): Promise<void>
  /**
   * Removes an alias of the account. Its key is active again immediately; for 30 days no other account can take the
   * principal. Idempotent.
   *
   * @throws {LatchkeyError} `ALIAS_UNKNOWN`, `SESSION_NOT_FRESH`, `PROOF_NONCE_MISMATCH`, `PROOF_REPLAYED`, one of the
   *   `TOKEN_*` codes
   */
  unlink(request: Omit<ProvenRequest, 'proof'> & { readonly alias: string }): Promise<void>
  /**
   * Returns true if the principal of a device belongs to an account, or belonged to one.
   *
   * @param proof - with purpose `known`
   * @throws {LatchkeyError} one of the `TOKEN_*` or `PROOF_*` codes
   */
  isKnown(proof: string): Promise<boolean>
  /**
   * Returns whether a device's key may still act alone: not while its principal belongs to an account. It is the option
   * `localFirst.lookup` of `createSessionResolver`.
   */
  lookup(principal: string, thumbprint: string): Promise<'active' | 'disabled'>
  /**
   * Returns whether a session may still act: not once its device was revoked. It is the option `lookupSession` of a
   * provider, and of the exchange's own tokens.
   *
   * @param sid - of the provider's token, or of an exchanged one
   */
  lookupSession(sid: string, principal: string): Promise<'active' | 'disabled'>
  /** The devices of accounts; null if the store has no sessions (`AccountSessionStore`). */
  readonly devices: BinderDevices | null
  /**
   * Returns the principal of a device that has no account.
   *
   * @param proof - with purpose `exchange`
   * @throws {LatchkeyError} `PRINCIPAL_DISABLED`, one of the `TOKEN_*` or `PROOF_*` codes
   */
  verifyDevice(proof: string): Promise<string>
  /** Computes the claim `principals_tag` of exchanged tokens. */
  readonly principalsTag: PrincipalsTag
  /**
   * Returns the binding of a token's account. If there is none, this call fixes the account's principal permanently: an
   * id derived from issuer and subject.
   *
   * @throws {LatchkeyError} `ISSUER_UNKNOWN`, one of the `TOKEN_*` codes, `KEYS_UNAVAILABLE`, `SESSION_REVOKED`;
   *   `ACCOUNT_OPEN`: an admin impersonates the user, and fixes nothing
   */
  principalOf(token: string): Promise<ExternalBinding>
  /**
   * Returns the principal of an account and its aliases. If the account has no principal, this call fixes one
   * permanently, as {@link ExternalBinder.principalOf} does. It is the option `principal` of a provider in
   * `createSessionResolver`.
   *
   * @throws {LatchkeyError} `ACCOUNT_OPEN`: an admin impersonates the user, and fixes nothing
   */
  readonly findPrincipals: FindPrincipal
  /**
   * Returns the account of a token and what is stored of it, as {@link ExternalBinder.principalOf} does.
   *
   * @param peek - true: does not fix a principal; the binding is null if there is none. So does a token of an admin who
   *   impersonates the user
   * @param userAgent - records that the session was used by a device with this `User-Agent` header, null if it has none
   * @throws {LatchkeyError} `ISSUER_UNKNOWN`, one of the `TOKEN_*` codes, `KEYS_UNAVAILABLE`, `SESSION_REVOKED`
   */
  look(token: string, peek?: boolean, userAgent?: string | null): Promise<BoundAccount>
}

/**
 * Creates a binder for accounts of any provider that signs JWTs. Your server needs no user table of its own.
 *
 * @throws {TypeError} an option is invalid
 */
export function createExternalBinder(options: ExternalBinderOptions): ExternalBinder {
  checkOptionNames('', options, OPTIONS)
  const { issuers, store, secret, clock = Date.now } = options
  const audience = asClientsWrite(options.audience)
  if (!secret || secret.length < 32) throw new TypeError('secret: expected at least 32 characters')
  const tools: Tools = {
    accounts: createExternalAccounts(issuers, clock),
    proofs: createProofVerifier({ audience, clock }),
    challenges: createChallenges(secret, clock),
    store,
    sessions: hasSessions(store) ? store : null,
    requireFresh: createFreshness(options, clock),
    clock,
  }
  return {
    audience,
    hasAliases: hasAliases(store),
    challenge: async (token, act = 'bind') => {
      const { account } = await verifyAccount(tools, token)
      return tools.challenges.issue(act, accountIdOf(account))
    },
    bindExternal: (request) => bind(tools, request),
    link: (request) => link(tools, adopting(store), request),
    unlink: (request) => unlink(tools, adopting(store), request),
    isKnown: (proof) => isKnown(tools, adopting(store), proof),
    lookup: (principal, thumbprint) => statusOf(adopting(store), principal, thumbprint),
    verifyDevice: (proof) => verifyDevice(tools, adopting(store), proof),
    principalsTag: createPrincipalsTag(secret),
    lookupSession: (sid, principal) => statusOfSession(tools, sid, principal),
    devices: devicesOf(tools, options),
    principalOf: async (token) => fixOwn(store, (await verifyAccount(tools, token)).account),
    findPrincipals: (subject, issuer, claims) => ownPrincipals(store, { issuer, subject, claims }),
    look: async (token, peek = false, userAgent) => look(store, await verifyAccount(tools, token, userAgent), peek),
  }
}

/** As `tokenAccount` writes its `server`: otherwise a slash at the end would refuse every proof. */
function asClientsWrite(audience: string): string {
  return URL.canParse(audience) ? new URL(audience).href.replace(/\/$/, '') : audience
}

interface Tools {
  readonly accounts: ExternalAccounts
  readonly proofs: ProofVerifier
  readonly challenges: Challenges
  readonly store: BindingStore
  readonly sessions: AccountSessionStore | null
  /** @throws {LatchkeyError} `SESSION_NOT_FRESH` */
  readonly requireFresh: (account: ExternalAccount) => void
  readonly clock: () => number
}

/** Verifies a token, whose session must not be revoked. */
async function verifyAccount(
  { accounts, sessions, clock }: Tools,
  token: string,
  userAgent?: string | null,
): Promise<VerifiedToken> {
  const account = await accounts.verify(token)
  return { account, current: await requireLive(sessions, account, clock(), userAgent) }
}

/** Largest age of the sign-in with which devices may be changed, in seconds. */
const RECENT_S = 600

function devicesOf(tools: Tools, { signedInAt, onRevoke }: ExternalBinderOptions): BinderDevices | null {
  const { sessions, clock } = tools
  if (!sessions) return null
  return createBinderDevices(sessions, {
    verify: (token) => verifyAccount(tools, token),
    requireRecent: createFreshness({ freshAge: RECENT_S, signedInAt }, clock),
    accountIdOf: sessionAccountIdOf,
    onRevoke,
    clock,
  })
}

async function statusOfSession(
  { store, sessions }: Tools,
  sid: string,
  principal: string,
): Promise<'active' | 'disabled'> {
  const holder = sessions && (await adopting(store).holderOf(principal))
  if (!holder) return 'active'
  for (const row of await sessions.sessionsOf(holder.issuer, holder.subject)) {
    const isMeant = isRevoked(row) && (row.session === sid || (await deviceIdOf(holder, row.session)) === sid)
    if (isMeant) return 'disabled'
  }
  return 'active'
}

function adopting(store: BindingStore): AdoptingBindingStore {
  if (!hasAliases(store)) throw new TypeError('store: expected a store with aliases (AdoptingBindingStore)')
  return store
}

/** A principal and its key, from a valid proof. */
type Device = Pick<DeviceBinding, 'principal' | 'thumbprint'>

/** Verifies a proof and marks it as used. */
async function proveOnce(
  { proofs, store }: Tools,
  proof: string,
  expectation: { readonly purpose: Purpose; readonly nonce?: string; readonly linkTo?: string },
): Promise<Device> {
  const { principal, thumbprint, claims } = await proofs.verify(proof, expectation)
  await useOnce(store, claims.jti, new Date(claims.exp * 1000))
  return { principal, thumbprint }
}

/**
 * Marks a nonce of this account and operation as used.
 *
 * @param prove - verifies the proof that goes with it; an invalid proof does not use up the nonce
 */
async function useNonce<Proven = void>(
  { challenges, store }: Tools,
  act: AccountAct,
  { nonce, account }: { readonly nonce: string; readonly account: ExternalAccount },
  prove?: () => Promise<Proven>,
): Promise<Proven> {
  const until = await challenges.check(nonce, act, accountIdOf(account))
  if (!until) throw new LatchkeyError('PROOF_NONCE_MISMATCH')
  const proven = await prove?.()
  await useOnce(store, `nonce:${nonce}`, until)
  return proven as Proven
}

async function useOnce(store: BindingStore, name: string, until: Date): Promise<void> {
  if (!(await store.useOnce(name, until))) throw new LatchkeyError('PROOF_REPLAYED')
}

/**
 * Returns the account of a token, whose sign-in must be fresh.
 *
 * @param code - of the refusal for an admin who impersonates the user
 */
async function freshAccount(
  tools: Tools,
  token: string,
  code: 'PRINCIPAL_FIXED' | 'LINK_FORBIDDEN',
): Promise<ExternalAccount> {
  const { account } = await verifyAccount(tools, token)
  if (actorOf(account)) throw new LatchkeyError(code)
  tools.requireFresh(account)
  return account
}

async function bind(
  tools: Tools,
  { token, proof, nonce, accountId }: Parameters<ExternalBinder['bindExternal']>[0],
): Promise<ExternalBinding> {
  const account = await freshAccount(tools, token, 'PRINCIPAL_FIXED')
  const { issuer, subject } = account
  if (accountId !== undefined && accountId !== sessionAccountIdOf(account))
    throw new LatchkeyError('PROOF_IDENTIFIER_MISMATCH')
  const device = await useNonce(tools, 'bind', { nonce, account }, () =>
    proveOnce(tools, proof, { purpose: 'bind', nonce }),
  )
  const bound = await tools.store.insert({ issuer, subject, ...device })
  if (!bound) throw new LatchkeyError('PRINCIPAL_TAKEN')
  const isTheirs = bound.principal === device.principal && bound.thumbprint === device.thumbprint
  if (!isTheirs && !(await isAlias(tools.store, account, device))) throw new LatchkeyError('PRINCIPAL_FIXED')
  return bound
}

async function isAlias(store: BindingStore, { issuer, subject }: ExternalAccount, device: Device): Promise<boolean> {
  const holder = hasAliases(store) ? await store.holderOf(device.principal) : null
  return (
    holder?.kind === 'alias' &&
    holder.issuer === issuer &&
    holder.subject === subject &&
    holder.thumbprint === device.thumbprint
  )
}

async function link(tools: Tools, store: AdoptingBindingStore, { token, proof, nonce }: ProvenRequest): Promise<void> {
  const account = await freshAccount(tools, token, 'LINK_FORBIDDEN')
  const { issuer, subject } = account
  const bound = await store.find(issuer, subject)
  if (!bound) throw new LatchkeyError('ACCOUNT_OPEN')
  const device = await useNonce(tools, 'link', { nonce, account }, () =>
    proveOnce(tools, proof, { purpose: 'link', nonce, linkTo: bound.principal }),
  )
  if (bound.principal === device.principal && bound.thumbprint === device.thumbprint) return
  const result = await store.link({ issuer, subject, ...device })
  if (result !== 'linked') throw new LatchkeyError(result === 'full' ? 'ALIASES_FULL' : 'PRINCIPAL_TAKEN')
}

async function unlink(
  tools: Tools,
  store: AdoptingBindingStore,
  { token, alias, nonce }: Parameters<ExternalBinder['unlink']>[0],
): Promise<void> {
  const account = await freshAccount(tools, token, 'LINK_FORBIDDEN')
  await useNonce(tools, 'unlink', { nonce, account })
  if (!(await store.unlink(account.issuer, account.subject, alias))) throw new LatchkeyError('ALIAS_UNKNOWN')
}

async function isKnown(tools: Tools, store: AdoptingBindingStore, proof: string): Promise<boolean> {
  const { principal, thumbprint } = await proveOnce(tools, proof, { purpose: 'known' })
  const holder = await store.holderOf(principal)
  return holder !== null && holder.thumbprint === thumbprint
}

async function statusOf(
  store: AdoptingBindingStore,
  principal: string,
  thumbprint: string,
): Promise<'active' | 'disabled'> {
  const holder = await store.holderOf(principal)
  return !holder || (holder.kind === 'former' && holder.thumbprint === thumbprint) ? 'active' : 'disabled'
}

async function verifyDevice(tools: Tools, store: AdoptingBindingStore, proof: string): Promise<string> {
  const { principal, thumbprint } = await proveOnce(tools, proof, { purpose: 'exchange' })
  if ((await statusOf(store, principal, thumbprint)) !== 'active') throw new LatchkeyError('PRINCIPAL_DISABLED')
  return principal
}

/** Names an account in nonces: by the first of the issuer's configured names. */
function accountIdOf({ issuer, subject }: ExternalAccount): string {
  return JSON.stringify([issuer, subject])
}
