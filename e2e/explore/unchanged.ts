import type { Dump, Row } from './dump.ts'
import { type Account, accountOf } from './subject.ts'
import type { Answer } from './ask.ts'
import type { World } from './world.ts'

/**
 * Tables in which a refused request leaves no trace. Not among them: rate limits, used proofs and nonces, the audit,
 * and what Better Auth itself writes when it refuses (`verification`: a code that was tried, a token that is used up).
 */
const KEPT_TABLES = [
  'user',
  'account',
  'latchkeyPrincipal',
  'latchkeyKey',
  'apikey',
  'walletAddress',
  'twoFactor',
] as const

/** A request that was refused, and the tables before and after it. */
export interface RefusedRequest {
  readonly path: string
  /** Of the session that it carried. */
  readonly token: string | undefined
  readonly answer: Answer
  readonly before: Dump
  readonly after: Dump
}

/** A refused request leaves the tables as they were, and no session. */
export function expectUnchanged(world: World, request: RefusedRequest): void {
  const { path, answer, token, before, after } = request
  const what = `${path.split('?')[0]} (${answer.status} ${answer.code})`
  const account = token === undefined ? undefined : accountOf(before, token)
  for (const table of KEPT_TABLES) {
    const [was, is] = [texts(before[table]), texts(after[table])]
    const gone = [...was.keys()].filter((text) => !is.has(text)).map((text) => was.get(text)!)
    const come = [...is.keys()].filter((text) => !was.has(text)).map((text) => is.get(text)!)
    if (gone.length + come.length === 0 || isAllowed(request, account, gone, come)) continue
    world.broken.push(`refused, but changed: ${what} left in ${table}\n  - ${show(gone)}\n  + ${show(come)}`)
  }
  const had = new Set((before['session'] ?? []).map((row) => row['token']))
  if ((after['session'] ?? []).some((row) => !had.has(row['token'])))
    world.broken.push(`refused, but a session is left: ${what}`)
}

function isAllowed({ path, answer }: RefusedRequest, account: Account | undefined, gone: Row[], come: Row[]): boolean {
  // Better Auth has taken the mail for a proof by then, and removed earlier ways in; the plugin ends the session.
  if (answer.code === 'PROOF_IDENTIFIER_MISMATCH' && MAILBOX_PROOFS.test(path)) return isProofOnly(gone, come)
  // What an earlier proof of the mailbox takes is completed by whatever looks next, also where that is refused.
  if (account?.isLost) return [...gone, ...come].every((row) => isOf(row, account))
  // So is a binding, by the first look at it.
  return isCompletion(gone[0], come[0], account) || (gone.length === 0 && come.every((row) => isKeyOf(row, account)))
}

function isCompletion(was: Row | undefined, is: Row | undefined, account: Account | undefined): boolean {
  return was?.['kind'] === 'reserved' && is?.['kind'] === 'canonical' && is['userId'] === account?.id
}

function isKeyOf(row: Row, account: Account | undefined): boolean {
  return row['thumbprint'] !== undefined && account?.principal === row['principal']
}

const MAILBOX_PROOFS = /^\/(magic-link\/verify|verify-email|sign-in\/email-otp|email-otp\/verify-email)/

const PROOF_FIELDS = new Set([
  'emailVerified',
  'principalMailbox',
  'principalMailboxBy',
  'principalMailboxAt',
  'updatedAt',
])

function isProofOnly(gone: Row[], come: Row[]): boolean {
  if (come.length === 0) return gone.every((row) => row['providerId'] !== undefined)
  const [was, is] = [gone[0]!, come[0]!]
  return Object.keys(is).every((name) => PROOF_FIELDS.has(name) || String(is[name]) === String(was[name]))
}

function isOf(row: Row, { id, principals }: Account): boolean {
  return row['id'] === id || row['userId'] === id || principals.includes(String(row['principal']))
}

function texts(rows: readonly Row[] = []): Map<string, Row> {
  return new Map(rows.map((row) => [JSON.stringify(row), row]))
}

function show(rows: readonly Row[]): string {
  return rows.map((row) => JSON.stringify(row)).join('\n    ')
}
