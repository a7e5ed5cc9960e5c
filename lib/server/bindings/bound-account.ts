import { LatchkeyError } from '../../errors.ts'
import type { ExternalAccount } from '../external/accounts.ts'
import { type Principals, namespacedPrincipal } from '../external/principals.ts'
import type { CurrentSession } from './account-sessions.ts'
import { type Actor, actorOf } from './actor.ts'
import { ALIAS_LIMIT, type BindingStore, type ExternalBinding, hasAliases } from './binding-store.ts'

/** An account and what is stored of it. */
export interface BoundAccount {
  readonly account: ExternalAccount
  /** Null if the account has no principal yet. */
  readonly binding: ExternalBinding | null
  readonly aliases: readonly string[]
  /** True if the account can adopt a further principal. */
  readonly canAdopt: boolean
  /** The device's id, if the token names a session and the store has sessions. */
  readonly deviceId: string | null
  /** The admin who impersonates the user, with the admin's principal; null if the user acts. */
  readonly actor: (Actor & { readonly principal: string }) | null
}

/** A verified token: its account, and the session that it names. */
export interface VerifiedToken {
  readonly account: ExternalAccount
  readonly current: CurrentSession | null
}

/** Returns the account of a token and what is stored of it. See `look` of the binder. */
export async function look(
  store: BindingStore,
  { account, current }: VerifiedToken,
  isPeek: boolean,
): Promise<BoundAccount> {
  const { issuer, subject } = account
  const actor = actorOf(account)
  const binding = isPeek || actor ? await store.find(issuer, subject) : await fixExternal(store, account)
  const aliases = await aliasesOf(store, account)
  return {
    account,
    binding,
    aliases,
    canAdopt: hasAliases(store) && aliases.length < ALIAS_LIMIT,
    deviceId: current?.deviceId ?? null,
    actor: actor && { ...actor, principal: await principalOfAccount(store, actor) },
  }
}

async function principalOfAccount(
  store: BindingStore,
  { issuer, subject }: Pick<ExternalAccount, 'issuer' | 'subject'>,
): Promise<string> {
  return (await store.find(issuer, subject))?.principal ?? namespacedPrincipal(issuer, subject)
}

async function aliasesOf(
  store: BindingStore,
  { issuer, subject }: Pick<ExternalAccount, 'issuer' | 'subject'>,
): Promise<readonly string[]> {
  return hasAliases(store) ? store.aliasesOf(issuer, subject) : []
}

/** The members of an account by which its principals are found. */
export type NamedAccount = Pick<ExternalAccount, 'issuer' | 'subject' | 'claims'>

/**
 * Returns the principal of an account and its aliases, and fixes the principal if there is none.
 *
 * @throws {LatchkeyError} `ACCOUNT_OPEN`: an admin who impersonates the user fixes nothing; `TOKEN_CLAIM_INVALID`
 */
export async function ownPrincipals(store: BindingStore, account: NamedAccount): Promise<Principals> {
  const { principal } = await fixOwn(store, account)
  return [principal, ...(await aliasesOf(store, account))]
}

/**
 * Returns the binding of an account, and fixes its principal if there is none.
 *
 * @throws {LatchkeyError} `ACCOUNT_OPEN`: an admin who impersonates the user fixes nothing; `TOKEN_CLAIM_INVALID`
 */
export async function fixOwn(store: BindingStore, account: NamedAccount): Promise<ExternalBinding> {
  if (!actorOf(account)) return fixExternal(store, account)
  const found = await store.find(account.issuer, account.subject)
  if (!found) throw new LatchkeyError('ACCOUNT_OPEN')
  return found
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

/** Returns the id of an account in the form for clients, which know only the token: by the issuer that it names. */
export function sessionAccountIdOf({ claims, subject }: ExternalAccount): string {
  return JSON.stringify([claims['iss'], subject])
}
