import type { Entry } from '../../keystore/record.ts'
import type { Decision } from '../../machine/events.ts'
import type { AccountSession } from '../shared/account-provider.ts'

/**
 * Why a session may be used. `asked`: `run` created it, or the user confirmed it. `expected`: its account has verified
 * the identifier that the user typed. `installed`: it existed when Latchkey started for the first time on this device.
 * `none`: any party could have placed it there.
 */
export type Consent = 'asked' | 'expected' | 'installed' | 'none'

/** The known facts about a session at the account server and the identity of this device. */
export interface Facts {
  /** The current identity. */
  readonly before: Entry | undefined
  readonly found: AccountSession
  readonly consent: Consent
  /** The user's decision about the conflict. */
  readonly decision?: Decision
  /** The account's principal is fixed: a device's principal can only become an alias. */
  readonly isFixed?: boolean
  /** The device's principal belongs to another account. */
  readonly isTaken?: boolean
  /** The account was reset, and linking the principals that it had here was tried. */
  readonly isRelinkTried?: boolean
  /** True if replacing the device's identity would lose no user data; undefined until the app was asked. */
  readonly isEmpty?: boolean | undefined
}

/**
 * The next step. `show` waits for the user, `complete` makes the account current with this device's principal, `switch`
 * makes it current instead of this device's identity, `hold` keeps both. The other steps yield new facts: `bind` gives
 * an open account the device's principal, `fix` keeps the account's own, `link` adds the device's as an alias, `relink`
 * adds the principals of this device that the account had before its reset, `describe` asks the app for the device's
 * data.
 */
export type Plan = 'show' | 'complete' | 'bind' | 'fix' | 'link' | 'relink' | 'describe' | 'switch' | 'hold'

/** Decides what to do with a session. Pure; the rule is only here. */
export function decide(facts: Facts): Plan {
  const { before, found, consent, decision, isFixed, isTaken, isEmpty, isRelinkTried } = facts
  // First: an earlier principal of a reset account, without a key, stays with it as an alias.
  if (isReset(found, before) && !isRelinkTried) return 'relink'
  if (isSameIdentity(found, before)) return 'complete'
  if (isReset(found, before)) return consent === 'asked' || consent === 'expected' ? 'complete' : 'show'
  if (consent === 'none') return 'show'
  if (before?.kind === 'account' && !(consent === 'asked' && decision)) return consent === 'asked' ? 'hold' : 'show'
  if (consent === 'asked' && decision) return isFixed ? (decision === 'adopt' ? 'link' : 'switch') : 'fix'
  if (isTaken) return consent === 'installed' ? 'show' : 'hold'
  if (consent !== 'installed' && found.open && !isFixed) return before ? 'bind' : 'fix'
  if (isEmpty === undefined) return 'describe'
  if (!isEmpty) return consent === 'installed' ? 'show' : 'hold'
  return consent === 'installed' && !isFixed ? 'fix' : 'switch'
}

/** True if this is the current account with a new principal: its mailbox was verified without the device's key. */
function isReset({ accountId, principal }: AccountSession, before: Entry | undefined): boolean {
  return before?.kind === 'account' && before.accountId === accountId && before.principal !== principal
}

/**
 * True if the account has this device's principal, canonical or as alias. Also true if only the first response was
 * lost.
 */
export function isSameIdentity(found: AccountSession, before: Entry | undefined): boolean {
  return before !== undefined && [found.principal, ...found.aliases].includes(before.principal)
}
