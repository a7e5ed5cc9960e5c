/** An account at an external provider, and its principal. */
export interface ExternalBinding {
  readonly issuer: string
  /** The provider's `sub`. */
  readonly subject: string
  readonly principal: string
  /** RFC 7638 thumbprint of the device key, complete; null if the principal is the account's own id. */
  readonly thumbprint: string | null
}

/** Stores which account has which principal. The relation is one to one, also under concurrent writes. */
export interface BindingStore {
  /** Returns the binding of an account, or null. */
  find(issuer: string, subject: string): Promise<ExternalBinding | null>
  /**
   * Stores a binding if the account has none.
   *
   * @returns the account's binding after the call; null if the principal is bound to another account, and nothing was
   *   written
   */
  insert(binding: ExternalBinding): Promise<ExternalBinding | null>
  /**
   * Marks a name as used, for example the id of a proof.
   *
   * @param until - the name may be forgotten after this time
   * @returns false if the name was used before
   */
  useOnce(name: string, until: Date): Promise<boolean>
}

/** A {@link BindingStore} that also stores aliases: principals that an account adopted. */
export interface AdoptingBindingStore extends BindingStore {
  /** Returns the aliases of an account. */
  aliasesOf(issuer: string, subject: string): Promise<readonly string[]>
  /**
   * Makes a device's principal an alias of an account that has a binding. Idempotent. Of concurrent accounts, one gets
   * the principal.
   *
   * @returns `taken` if another account has the principal or kept it less than {@link ALIAS_HOLD_MS} ago, or if the row
   *   has another key; `full` if the account has {@link ALIAS_LIMIT} aliases; nothing was written in both cases
   */
  link(binding: DeviceBinding): Promise<'linked' | 'taken' | 'full'>
  /**
   * Removes an alias. For {@link ALIAS_HOLD_MS}, only the same account can take the principal again. Idempotent during
   * that time.
   *
   * @returns false if the account has no such alias
   */
  unlink(issuer: string, subject: string, alias: string): Promise<boolean>
  /** Returns the account that has a principal or had it last, or null if no account ever had it. */
  holderOf(principal: string): Promise<PrincipalHolder | null>
}

/** A binding of a device's principal. */
export interface DeviceBinding extends ExternalBinding {
  readonly thumbprint: string
}

/** The account that has a principal, or had it last. */
export interface PrincipalHolder extends ExternalBinding {
  /** `former`: the principal was an alias of the account and is none any more. */
  readonly kind: 'canonical' | 'alias' | 'former'
}

/** Largest number of aliases of one account. */
export const ALIAS_LIMIT = 16

/** How long only the account that removed an alias can adopt it again, in milliseconds: 30 days. */
export const ALIAS_HOLD_MS: number = 30 * 86_400_000

/** Returns true if a store has aliases. */
export function hasAliases(store: BindingStore): store is AdoptingBindingStore {
  return 'link' in store
}
