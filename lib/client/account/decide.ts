import type { Entry } from '../../keystore/record.ts'
import type { Decision } from '../../machine/events.ts'
import type { AccountSession } from '../shared/account-provider.ts'

/**
 * Why a session may be used. `asked`: `run` made it, or the user confirmed it. `expected`: its account has proven the
 * identifier that the user typed. `installed`: it was there when Latchkey started for the first time on this device.
 * `none`: anybody could have put it there.
 */
export type Consent = 'asked' | 'expected' | 'installed' | 'none'

/** What is known about a session at the account server and the identity of this device. */
export interface Facts {
  /** The current identity. */
  readonly before: Entry | undefined
  readonly found: AccountSession
  readonly consent: Consent
  /** How the user ended the conflict. */
  readonly decision?: Decision
  /** The account's principal is fixed: a device's principal can only become an alias. */
  readonly isFixed?: boolean
  /** The device's principal belongs to another account. */
  readonly isTaken?: boolean
  /** The account's reset took the current principal from it, and linking it again was tried. */
  readonly isRelinkTried?: boolean
  /** Replacing the device's identity would lose no user data; undefined until the app was asked. */
  readonly isEmpty?: boolean | undefined
}

/**
 * The next step. `show` leaves the session to the user, `complete` makes the account current with this device's
 * principal, `switch` makes it current in place of this device's identity, `hold` keeps both. The others learn more:
 * `bind` gives an open account the device's principal, `fix` leaves it its own, `link` adds the device's as an alias,
 * `relink` adds the principal that the current account had before it was reset, `describe` asks the app what the device
 * holds.
 */
export type Plan = 'show' | 'complete' | 'bind' | 'fix' | 'link' | 'relink' | 'describe' | 'switch' | 'hold'

/** Decides what to do with a session. Pure; this is the only place that knows the rule. */
export function decide(facts: Facts): Plan {
  const { before, found, consent, decision, isFixed, isTaken, isEmpty, isRelinkTried } = facts
  if (isSameIdentity(found, before)) return 'complete'
  if (isReset(found, before) && !isRelinkTried) return 'relink'
  if (isReset(found, before)) return consent === 'asked' || consent === 'expected' ? 'complete' : 'show'
  if (consent === 'none') return 'show'
  if (before?.kind === 'account') return consent === 'asked' ? 'hold' : 'show'
  if (consent === 'asked' && decision) return isFixed ? (decision === 'adopt' ? 'link' : 'switch') : 'fix'
  if (isTaken) return consent === 'installed' ? 'show' : 'hold'
  if (consent !== 'installed' && found.open && !isFixed) return before ? 'bind' : 'fix'
  if (isEmpty === undefined) return 'describe'
  if (!isEmpty) return consent === 'installed' ? 'show' : 'hold'
  return consent === 'installed' && !isFixed ? 'fix' : 'switch'
}

/**
 * True if this is the current account, which got another principal: its mailbox was proven without the device's key.
 */
function isReset({ accountId }: AccountSession, before: Entry | undefined): boolean {
  return before?.kind === 'account' && before.accountId === accountId
}

/** True if the account has this device's principal, canonical or alias: also when only the first answer was lost. */
export function isSameIdentity(found: AccountSession, before: Entry | undefined): boolean {
  return before !== undefined && [found.principal, ...found.aliases].includes(before.principal)
}
