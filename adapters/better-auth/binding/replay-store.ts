import type { SecondaryStorage } from 'better-auth'
import { sweepIn } from '../../../lib/server-kit.ts'
import { insertUnique } from './unique.ts'
import type { Adapter } from './types.ts'

/**
 * Storage for used names, instead of the table `latchkeyProof`: Better Auth's secondary storage, or the part of it that
 * counts.
 */
export type ReplayStorage = Pick<SecondaryStorage, 'increment'>

/** Records used names: of proofs and nonces. */
export interface ReplayStore {
  /** @returns false if the name was used before */
  use(adapter: Adapter, name: string, until: Date): Promise<boolean>
}

/** How often expired rows are deleted from the table, in milliseconds. */
const SWEEP_MS = 60_000

/** How much longer a name is kept, in milliseconds: for a server whose clock is behind, it has not expired. */
const CLOCKS_APART_MS = 300_000

/** @param storage - used instead of the table */
export function createReplayStore(clock: () => number, storage?: ReplayStorage): ReplayStore {
  return storage ? sharedStore(storage, clock) : tableStore(clock)
}

function tableStore(clock: () => number): ReplayStore {
  const sweep = sweepIn(SWEEP_MS, clock)
  return {
    async use(adapter, name, until) {
      if (!(await insertUnique(adapter, 'latchkeyProof', 'jti', { jti: name, until }))) return false
      const where = [{ field: 'until', operator: 'lt' as const, value: new Date(clock() - CLOCKS_APART_MS) }]
      await sweep(() => adapter.deleteMany({ model: 'latchkeyProof', where }))
      return true
    },
  }
}

function sharedStore(storage: ReplayStorage, clock: () => number): ReplayStore {
  return {
    async use(_, name, until) {
      const left = Math.max(0, until.getTime() - clock()) + CLOCKS_APART_MS
      // Anything but a certain first use counts as used.
      return (await storage.increment(`latchkey:once:${name}`, Math.ceil(left / 1000))) === 1
    },
  }
}
