import { namespacedPrincipal } from '../external/principals.ts'
import type { AccountSessionRow, AccountSessionStore } from './session-store.ts'
import type { SqlRow, SqlServer } from './sql-database.ts'

/** Stores the sessions of accounts in the table `latchkey_session`. Each operation is one statement. */
export function sqlSessionStore({ run, now }: SqlServer): AccountSessionStore {
  return {
    async findSession(issuer, subject, session) {
      const [row] = await run(FIND, await namespacedPrincipal(issuer, subject), session)
      return row ? toSession(row) : null
    },
    async sessionsOf(issuer, subject) {
      return (await run(ALL, await namespacedPrincipal(issuer, subject))).map(toSession)
    },
    async seeSession(issuer, subject, { session, name, platform }) {
      const [row] = await run(SEE, await namespacedPrincipal(issuer, subject), session, name, platform, now())
      return toSession(row!)
    },
    nameSession: async (issuer, subject, session, name) =>
      (await run(NAME, await namespacedPrincipal(issuer, subject), session, name)).length === 1,
    revokeSession: async (issuer, subject, session) =>
      (await run(REVOKE, await namespacedPrincipal(issuer, subject), session, now())).length === 1,
  }
}

function toSession(row: SqlRow): AccountSessionRow {
  const { session, name, platform, created_at: createdAt, last_seen_at: lastSeenAt, revoked_at: revokedAt } = row
  return {
    session: String(session),
    name: String(name),
    platform: platform === null ? null : String(platform),
    createdAt: Number(createdAt),
    lastSeenAt: Number(lastSeenAt),
    revokedAt: revokedAt === null ? null : Number(revokedAt),
  }
}

const COLUMNS = 'session, name, platform, created_at, last_seen_at, revoked_at'
const ALL = `select ${COLUMNS} from latchkey_session where account = $1`
const FIND = `${ALL} and session = $2`

/** A server whose clock is behind does not set the time back. */
const SEE = `insert into latchkey_session as own (account, session, name, platform, created_at, last_seen_at)
  values ($1, $2, $3, $4, $5, $5)
  on conflict (account, session) do update set last_seen_at =
    case when own.last_seen_at < excluded.last_seen_at then excluded.last_seen_at else own.last_seen_at end
  returning ${COLUMNS}`

const NAME = 'update latchkey_session set name = $3 where account = $1 and session = $2 returning session'
const REVOKE = `update latchkey_session set revoked_at = $3
  where account = $1 and session = $2 and revoked_at is null returning session`
