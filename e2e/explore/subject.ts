import type { Dump, Row } from './dump.ts'

/** An account as the rows have it. Worked out without the code of the plugin, so that the two can be compared. */
export interface Account {
  readonly id: string
  readonly user: Row
  readonly principal: string
  /** The principal and the aliases. */
  readonly principals: readonly string[]
  /** A proof of the mailbox by another key was written down, and takes the principals at the next look. */
  readonly isLost: boolean
}

/** What is written down when the address changes. */
export const MOVED: readonly unknown[] = ['moved', 'handed-on']

/** All accounts. */
export function accountsIn(dump: Dump): Account[] {
  return (dump['user'] ?? []).map((user) => readAccount(dump, user))
}

/** The account of a session. */
export function accountOf(dump: Dump, token: string): Account | undefined {
  const session = (dump['session'] ?? []).find((row) => row['token'] === token)
  const user = (dump['user'] ?? []).find(({ id }) => id === session?.['userId'])
  return user && readAccount(dump, user)
}

function readAccount(dump: Dump, user: Row): Account {
  const id = String(user['id'])
  const rows = dump['latchkeyPrincipal'] ?? []
  const isBound = rows.some((row) => row['principal'] === user['principal'] && isItsCanonical(row, user))
  const linked = rows.filter((row) => row['kind'] === 'alias' && row['userId'] === id && isInEpoch(row, user))
  const principal = isBound ? String(user['principal']) : id
  const aliases = isBound || user['principal'] == null ? linked.map((row) => String(row['principal'])) : []
  return { id, user, principal, principals: [...new Set([principal, ...aliases])], isLost: isLost(user) }
}

function isItsCanonical(row: Row, user: Row): boolean {
  if (row['epoch'] !== user['principalEpoch']) return false
  if (row['kind'] === 'canonical') return row['userId'] === user['id']
  return row['kind'] === 'reserved' && row['userId'] == null
}

function isInEpoch(row: Row, user: Row): boolean {
  return row['principal'] === user['id'] || row['epoch'] === user['principalEpoch']
}

function isLost(user: Row): boolean {
  const prover = user['principalMailboxBy']
  const isBound = user['principal'] != null || user['principalEpoch'] != null
  return (
    isBound &&
    Boolean(user['emailVerified']) &&
    prover != null &&
    !MOVED.includes(prover) &&
    prover !== user['principal'] &&
    user['principalMailbox'] !== String(user['email']).toLowerCase() &&
    // One that was verified before the mailbox keeps the binding.
    !(user['phoneNumberVerified'] && prover !== 'contested')
  )
}
