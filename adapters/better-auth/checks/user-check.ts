import type { BetterAuthOptions, DBAdapter } from 'better-auth'
import type { DBFieldAttribute } from 'better-auth/db'
import { insertRefusing } from '../binding/unique.ts'
import type { Adapter } from '../binding/types.ts'
import { type DatabaseFault, notUnique } from './database-checks.ts'

/** The fields of Better Auth's `user` table. */
export type UserFields = Readonly<Record<string, DBFieldAttribute>>

/** The results of {@link checkUsers}. */
export interface UserFindings {
  readonly faults: readonly DatabaseFault[]
  /** True if a transaction that fails leaves no row; undefined if no user could be created. */
  readonly rollsBack: boolean | undefined
}

/**
 * Checks that the database accepts a principal for one user only, and whether its transactions roll back. Two users are
 * created in a transaction that fails; if it leaves them behind, they are deleted. Only the doctor does this: the table
 * is the app's, and without transactions its triggers see the rows.
 */
export async function checkUsers(
  adapter: Pick<DBAdapter, 'options'> & Adapter & Partial<Pick<DBAdapter, 'transaction'>>,
  fields: UserFields,
): Promise<UserFindings> {
  const principal = `latchkey:probe:${crypto.randomUUID()}`
  let isRefused: boolean | undefined
  let failed: unknown
  const attempt = async (trx: Adapter): Promise<never> => {
    await trx.create({ model: 'user', data: userOf(fields, principal, 1) })
    isRefused = !(await insertRefusing(trx, 'user', userOf(fields, principal, 2)))
    throw new Undo()
  }
  try {
    await (adapter.transaction ? adapter.transaction(attempt) : attempt(adapter))
  } catch (error) {
    if (!(error instanceof Undo)) failed = error
  }
  const left = await deleteUsers(adapter, principal)
  if (isRefused === undefined) return { faults: [unchecked(failed)], rollsBack: undefined }
  return { faults: isRefused ? [] : [notUniqueUser], rollsBack: left === 0 }
}

const notUniqueUser: DatabaseFault = { level: 'problem', ...notUnique('user', 'principal') }

class Undo extends Error {}

/** @returns how many there were */
async function deleteUsers(adapter: Adapter, principal: string): Promise<number> {
  const query = { model: 'user', where: [{ field: 'principal', value: principal }] }
  const left = await adapter.count(query)
  if (left > 0) await adapter.deleteMany(query)
  return left
}

function unchecked(error: unknown): DatabaseFault {
  const why = error instanceof Error ? error.message.split('\n')[0]! : 'unknown error'
  return {
    level: 'warning',
    what:
      "user.principal could not be checked, since a user cannot be created with Better Auth's fields alone " +
      `(${why})`,
    remedy: 'Make sure that the database has a unique index on this column.',
  }
}

/** @param number - distinguishes users in their other unique fields */
function userOf(fields: UserFields, principal: string, number: number): Record<string, unknown> {
  const name = `${principal}:${number}`
  const required = Object.entries(fields).filter(([, field]) => field.required !== false || field.unique === true)
  return {
    ...Object.fromEntries(required.map(([key, field]) => [key, valueOf(field, name, number)])),
    email: `${name.replaceAll(':', '-')}@latchkey.invalid`,
    principal,
  }
}

const VALUES: Readonly<Record<string, (number: number) => unknown>> = {
  number: (number) => -number,
  boolean: () => false,
  date: () => new Date(),
  json: () => ({}),
  'string[]': () => [],
  'number[]': () => [],
}

function valueOf({ type }: DBFieldAttribute, name: string, number: number): unknown {
  if (Array.isArray(type)) return type[0]
  return VALUES[String(type)]?.(number) ?? name
}

/** Returns true if the adapter says that it runs transactions. */
export function claimsTransactions({ options }: Pick<DBAdapter<BetterAuthOptions>, 'options'>): boolean {
  const { transaction } = options?.adapterConfig ?? {}
  return transaction !== undefined && transaction !== false
}
