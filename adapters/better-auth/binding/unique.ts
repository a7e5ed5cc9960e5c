import { isUniqueViolation } from '../../../lib/server-kit.ts'
import { repeatStatement } from './repeat.ts'
import { awaitShared } from './shared-work.ts'
import type { Adapter } from './types.ts'

/**
 * Inserts a row whose `field` must be unique. Better Auth's own migrations make the column unique. An app's own schema
 * or the memory adapter may not, so the value is also checked before and after, one request of this process at a time.
 *
 * @returns false if the value existed already
 */
export function insertUnique(
  adapter: Adapter,
  model: string,
  field: string,
  data: Record<string, unknown>,
): Promise<boolean> {
  const insert = (): Promise<boolean> => insertRefusing(adapter, model, data)
  if (adapter.id === 'kysely') return insert()
  const where = [{ field, value: data[field] as string }]
  const count = (): Promise<number> => adapter.count({ model, where })
  return inTurn(
    `${model}:${String(data[field])}`,
    async () => (await count()) === 0 && (await insert()) && (await count()) === 1,
  )
}

/**
 * Inserts a row where the database itself keeps the column unique.
 *
 * @returns false if the value existed already
 */
export async function insertRefusing(
  adapter: Adapter,
  model: string,
  data: Readonly<Record<string, unknown>>,
): Promise<boolean> {
  try {
    await repeatStatement(() => adapter.create({ model, data }))
    return true
  } catch (error) {
    if (isUniqueViolation(error)) return false
    throw error
  }
}

const turns = new Map<string, Promise<unknown>>()

async function inTurn(name: string, work: () => Promise<boolean>): Promise<boolean> {
  const before = turns.get(name) ?? Promise.resolve()
  const turn = awaitShared(before, () => {}).then(work, work)
  turns.set(name, turn)
  try {
    return await turn
  } finally {
    if (turns.get(name) === turn) turns.delete(name)
  }
}
