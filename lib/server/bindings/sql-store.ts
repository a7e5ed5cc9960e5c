import { namespacedPrincipal } from '../external/principals.ts'
import { sweepIn } from '../interval.ts'
import {
  ALIAS_HOLD_MS,
  ALIAS_LIMIT,
  type AdoptingBindingStore,
  type DeviceBinding,
  type ExternalBinding,
  type PrincipalHolder,
} from './binding-store.ts'
import {
  type PostgresDriver,
  type SqlDatabase,
  type SqlRow as Row,
  type SqlServer as Server,
  type SqliteDriver,
  postgresDatabase,
  sqliteDatabase,
} from './sql-database.ts'
import type { AccountSessionStore } from './session-store.ts'
import { isUniqueViolation } from './sql-errors.ts'
import { sqlSessionStore } from './sql-session-store.ts'

/**
 * The tables of {@link postgresBindingStore} and {@link sqliteBindingStore}, in SQL that both databases understand.
 *
 * A principal has one row, and an account has one row for each slot: 0 is its principal, 1 to 16 are its aliases. A
 * removed alias keeps its row without a slot. So the database itself refuses a second owner, a second principal and a
 * seventeenth alias.
 */
export const BINDING_TABLES: string = `create table if not exists latchkey_binding (
  principal text not null primary key,
  thumbprint text,
  account text not null,
  issuer text not null,
  subject text not null,
  slot integer check (slot between 0 and ${ALIAS_LIMIT}),
  held_until bigint,
  check ((slot is null) = (held_until is not null)),
  unique (account, slot)
);
create table if not exists latchkey_used (
  name text not null primary key,
  until bigint not null
);
create index if not exists latchkey_used_until on latchkey_used (until);
create table if not exists latchkey_session (
  account text not null,
  session text not null,
  name text not null,
  platform text,
  created_at bigint not null,
  last_seen_at bigint not null,
  revoked_at bigint,
  primary key (account, session)
);
`

/** A durable binding store. Made by {@link postgresBindingStore} or {@link sqliteBindingStore}. */
export interface SqlBindingStore extends AdoptingBindingStore, AccountSessionStore {
  /** Creates the tables that are missing ({@link BINDING_TABLES}). Can run on several servers at the same time. */
  migrate(): Promise<void>
}

/**
 * Creates a binding store in Postgres.
 *
 * @param driver - for example a `Pool` of `pg`. Not a client with an open transaction: a rollback would make used
 *   proofs usable again
 * @param clock - returns milliseconds since 1970. Defaults to the system clock
 */
export function postgresBindingStore(driver: PostgresDriver, clock?: () => number): SqlBindingStore {
  return sqlBindingStore(postgresDatabase(driver), clock)
}

/**
 * Creates a binding store in SQLite (3.35 or later).
 *
 * @param driver - for example a `Database` of `better-sqlite3` or a `DatabaseSync` of `node:sqlite`. A connection of
 *   its own: inside an open transaction of the app, a rollback would make used proofs usable again
 * @param clock - returns milliseconds since 1970. Defaults to the system clock
 */
export function sqliteBindingStore(driver: SqliteDriver, clock?: () => number): SqlBindingStore {
  return sqlBindingStore(sqliteDatabase(driver), clock)
}

/** Each operation has one statement that writes, and that the constraints guard: a crash leaves nothing half done. */
function sqlBindingStore(database: SqlDatabase, clock: () => number = Date.now): SqlBindingStore {
  const server: Server = {
    run: (statement, ...values) => database.run(statement, values),
    now: () => Math.floor(clock()),
  }
  const { run, now } = server
  return {
    ...sqlSessionStore(server),
    migrate: async () => void (await database.define(BINDING_TABLES)),
    find: (issuer, subject) => find(server, issuer, subject),
    async insert(binding) {
      await put(server, binding, 0)
      return find(server, binding.issuer, binding.subject)
    },
    useOnce: createUseOnce(server),
    aliasesOf: async (issuer, subject) => [...(await aliasSlotsOf(server, issuer, subject)).keys()],
    link: (binding) => link(server, binding),
    async unlink(issuer, subject, alias) {
      const account = await namespacedPrincipal(issuer, subject)
      const removed = await run(UNLINK, alias, account, now() + ALIAS_HOLD_MS)
      return removed.length === 1 || (await run(HELD, alias, account, now())).length === 1
    },
    async holderOf(principal) {
      const [row] = await run(ROW, principal)
      return row ? toHolder(row) : null
    },
  }
}

async function find({ run }: Server, issuer: string, subject: string): Promise<ExternalBinding | null> {
  const [row] = await run(FIND, await namespacedPrincipal(issuer, subject))
  return row ? { issuer, subject, principal: String(row['principal']), thumbprint: textOf(row['thumbprint']) } : null
}

/** @returns false if the principal or the slot belongs to another row */
async function put(
  { run, now }: Server,
  { principal, thumbprint, issuer, subject }: ExternalBinding,
  slot: number,
): Promise<boolean> {
  const account = await namespacedPrincipal(issuer, subject)
  try {
    return (await run(PUT, principal, thumbprint, account, issuer, subject, slot, now())).length === 1
  } catch (error) {
    if (isUniqueViolation(error)) return false
    throw error
  }
}

/** Returns the aliases of an account, with their slots. */
async function aliasSlotsOf({ run }: Server, issuer: string, subject: string): Promise<Map<string, number>> {
  const rows = await run(ALIASES, await namespacedPrincipal(issuer, subject))
  return new Map(rows.map((row) => [String(row['principal']), Number(row['slot'])]))
}

async function link(server: Server, binding: DeviceBinding): Promise<'linked' | 'taken' | 'full'> {
  // Each further attempt means that another link of the same account was faster.
  for (let attempt = 0; attempt <= ALIAS_LIMIT * 2; attempt++) {
    const linked = await tryLink(server, binding)
    if (linked) return linked
  }
  throw new Error('latchkey: too many concurrent links of one account')
}

/** @returns null if a concurrent statement took the slot or the principal */
async function tryLink(server: Server, binding: DeviceBinding): Promise<'linked' | 'taken' | 'full' | null> {
  const { issuer, subject, principal, thumbprint } = binding
  const [row] = await server.run(ROW, principal)
  if (row) {
    const isTheirs = row['account'] === (await namespacedPrincipal(issuer, subject))
    const isReleased = row['slot'] === null && (isTheirs || Number(row['held_until']) <= server.now())
    const isAlias = isTheirs && Number(row['slot']) > 0
    if (row['thumbprint'] !== thumbprint || !(isReleased || isAlias)) return 'taken'
    if (isAlias) return 'linked'
  }
  const used = new Set((await aliasSlotsOf(server, issuer, subject)).values())
  const free = ALIAS_SLOTS.find((slot) => !used.has(slot))
  if (free === undefined) return 'full'
  return (await put(server, binding, free)) ? 'linked' : null
}

function toHolder(row: Row): PrincipalHolder {
  const slot = row['slot'] === null ? null : Number(row['slot'])
  return {
    issuer: String(row['issuer']),
    subject: String(row['subject']),
    principal: String(row['principal']),
    thumbprint: textOf(row['thumbprint']),
    kind: slot === null ? 'former' : slot === 0 ? 'canonical' : 'alias',
  }
}

const ALIAS_SLOTS: readonly number[] = Array.from({ length: ALIAS_LIMIT }, (_, at) => at + 1)

const FIND = 'select principal, thumbprint from latchkey_binding where account = $1 and slot = 0'
const ALIASES = 'select principal, slot from latchkey_binding where account = $1 and slot > 0 order by slot'
const ROW = `select principal, thumbprint, account, issuer, subject, slot, held_until
  from latchkey_binding where principal = $1`

/** A removed alias can be taken by its last account, and by any other one after the hold; always with the same key. */
const PUT = `insert into latchkey_binding as own (principal, thumbprint, account, issuer, subject, slot)
  values ($1, $2, $3, $4, $5, $6)
  on conflict (principal) do update set
    account = excluded.account, issuer = excluded.issuer, subject = excluded.subject,
    slot = excluded.slot, held_until = null
  where own.slot is null and own.thumbprint = excluded.thumbprint
    and (own.account = excluded.account or own.held_until <= $7)
  returning principal`

const UNLINK = `update latchkey_binding set slot = null, held_until = $3
  where principal = $1 and account = $2 and slot > 0 returning principal`
const HELD = `select principal from latchkey_binding
  where principal = $1 and account = $2 and slot is null and held_until > $3`

const USE = 'insert into latchkey_used (name, until) values ($1, $2) on conflict do nothing returning name'
const SWEEP = 'delete from latchkey_used where until < $1 returning name'

/** How often expired names are deleted, in milliseconds. */
const SWEEP_MS = 60_000

/** How much longer a name is kept, in milliseconds: for a server whose clock is behind, it has not expired. */
const CLOCKS_APART_MS = 300_000

function createUseOnce({ run, now }: Server): AdoptingBindingStore['useOnce'] {
  const sweep = sweepIn(SWEEP_MS, now)
  return async (name, until) => {
    if ((await run(USE, name, Math.ceil(until.getTime()))).length === 0) return false
    await sweep(() => run(SWEEP, now() - CLOCKS_APART_MS))
    return true
  }
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}
