import type { World } from './adoption.testing.ts'
import type { BoundUser, KeyRow, PrincipalRow } from '../schema.ts'
import type { TestServer } from './server.testing.ts'

/** Whose a principal is, as the rows have it. All but `isUnsettled` is left out where it does not apply. */
export interface Standing {
  /** The account that has it. */
  readonly of?: string
  /** The account that may have it again, and until when. */
  readonly held?: string
  readonly until?: Date
  readonly isRetired?: true
  /** A row that no request should leave behind. */
  readonly isUnsettled: boolean
}

/** What the database holds about the parties of a scenario. */
export interface State {
  readonly users: ReadonlyMap<string, BoundUser>
  /** Of the audit, as they are. */
  readonly acts: readonly { readonly act: string; readonly principal: string }[]
  /** Thumbprints. */
  readonly revoked: ReadonlySet<string>
  standing(principal: string): Standing
  subject(accountId: string): { readonly principal: string; readonly aliases: readonly string[] }
  idOf(email: string): string
}

const FREE: Standing = { isUnsettled: false }

/** Reads it as it is, without a look that would heal anything. */
export async function readState({ adapter }: TestServer, { accounts, devices, deeds }: World): Promise<State> {
  const among = <Row>(model: string, field: string, value: readonly string[]): Promise<Row[]> =>
    adapter.findMany<Row>({ model, where: [{ field, operator: 'in', value: [...value] }], limit: 10_000 })
  const users = await among<BoundUser>('user', 'email', [
    ...accounts.map(({ email }) => email),
    ...deeds.map(({ email }) => email),
  ])
  const named = await among<PrincipalRow>('latchkeyPrincipal', 'userId', [
    ...accounts.map(({ id }) => id),
    ...users.map(({ id }) => id),
  ])
  const principals = devices.map(({ principal }) => principal)
  const rows = [
    ...(await among<PrincipalRow>('latchkeyPrincipal', 'principal', principals)),
    ...named.filter(({ principal }) => !principals.includes(principal)),
  ]
  if (new Set(rows.map(({ principal }) => principal)).size !== rows.length) throw new Error('a principal has two rows')
  const byId = new Map(users.map((user) => [user.id, user]))
  const keys = await among<KeyRow>('latchkeyKey', 'principal', principals)
  return {
    users: byId,
    acts: await among('latchkeyAudit', 'principal', principals),
    revoked: new Set(keys.filter(({ retiredAt }) => retiredAt !== null).map(({ thumbprint }) => thumbprint)),
    standing: (principal) =>
      standingOf(
        rows.find((row) => row.principal === principal),
        byId,
      ),
    subject: (accountId) => subjectIn(rows, byId.get(accountId)!),
    idOf: (email) => users.find((user) => user.email === email)!.id,
  }
}

function standingOf(row: PrincipalRow | undefined, users: ReadonlyMap<string, BoundUser>): Standing {
  if (!row) return FREE
  const { kind, userId, until } = row
  if (kind === 'reserved') return { isUnsettled: userId !== null }
  if (kind === 'held') return until! > new Date() ? { held: userId!, until: until!, isUnsettled: false } : FREE
  if (kind === 'retired') return { isRetired: true, isUnsettled: false }
  const user = users.get(userId!)
  return user && isIts(row, user) ? { of: user.id, isUnsettled: false } : { isUnsettled: true }
}

/** Told anew, so that a mistake in the source is none here. */
function isIts({ kind, userId, epoch, principal }: PrincipalRow, user: BoundUser): boolean {
  if (userId !== user.id) return false
  if (kind === 'canonical') return user.principal === principal && user.principalEpoch === epoch
  return kind === 'alias' && (principal === user.id || user.principalEpoch === epoch)
}

function subjectIn(rows: readonly PrincipalRow[], user: BoundUser): { principal: string; aliases: string[] } {
  const its = rows.filter((row) => isIts(row, user))
  const principal = its.find(({ kind }) => kind === 'canonical')?.principal ?? user.id
  return {
    principal,
    aliases: its
      .filter(({ kind }) => kind === 'alias')
      .map((row) => row.principal)
      .filter((alias) => alias !== principal),
  }
}

/** How often which act was written down between two states. */
export function addedActs(before: State, after: State, of: string): Record<string, number> {
  const known = new Set(before.acts.map(({ act }) => act))
  const counts: Record<string, number> = {}
  for (const { act, principal } of after.acts) {
    const [kind = ''] = act.split(':')
    if (principal === of && !known.has(act)) counts[kind] = (counts[kind] ?? 0) + 1
  }
  return counts
}
