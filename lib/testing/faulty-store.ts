import { LatchkeyError, type LatchkeyErrorCode } from '../errors.ts'
import type { RecordStore } from '../keystore/store.ts'

/** How an operation fails. */
export type Fault =
  /** It is not performed, and rejects. */
  | 'rejects'
  /** It is performed, but its response is lost: it rejects. */
  | 'answerLost'
  /** It is performed, and the page dies: this and every later operation rejects permanently. */
  | 'dies'
  /** It does not settle until `recover()`; then it rejects, and nothing was done. */
  | 'hangs'
  /** It is performed at once but does not settle until `recover()`: meanwhile others overtake it. */
  | 'answersLate'

/** Transports one operation: performs it, or fails. */
export type Wire = <Answer>(operation: string, work: () => Promise<Answer>) => Promise<Answer>

/** Decides which operation of one page fails, and how. Made by `createFaults`. */
export interface Faults {
  /** Names of the operations since `arm`, in the order of their start: `read`, `update`, `signIn` … */
  readonly operations: readonly string[]
  /** Number of running operations, without those that are held back. */
  readonly pending: number
  /** True if the fault has occurred since `arm`. */
  readonly struck: boolean
  /** True if the page has died. */
  readonly dead: boolean
  /**
   * Restarts the count, and makes one operation fail.
   *
   * @param operation - its name. Defaults to any operation
   * @param nth - which operation of that name from now on, starting at 1
   */
  arm(fault: Fault, operation?: string, nth?: number): void
  /** Restarts the count, and makes no operation fail. */
  disarm(): void
  /** The page dies now: every running and later operation rejects. */
  die(): void
  /** Ends the fault: operations that were held back settle, and no further one fails. A dead page stays dead. */
  recover(): void
  /** Adds the faults to a connection. Failing operations reject with `code`. */
  wire(code: LatchkeyErrorCode): Wire
}

/** Creates the faults of one page. Nothing fails until `arm`. */
export function createFaults(): Faults {
  let plan: { readonly fault: Fault; readonly operation: string | undefined; left: number } | undefined
  let operations: string[] = []
  let recoveries = 0
  const held = new Set<() => void>()
  const faults = { operations: operations as readonly string[], pending: 0, struck: false, dead: false }

  function restart(next?: typeof plan): void {
    plan = next
    faults.operations = operations = []
    faults.struck = false
  }

  /** Returns the fault of the operation that starts now. */
  function next(operation: string): Fault | undefined {
    operations.push(operation)
    if (!plan || (plan.operation ?? operation) !== operation || --plan.left !== 0) return undefined
    faults.struck = true
    return plan.fault
  }

  async function hold(): Promise<void> {
    faults.pending--
    await new Promise<void>((resolve) => held.add(resolve))
    faults.pending++
  }

  async function carry<Answer>(
    code: LatchkeyErrorCode,
    fault: Fault | undefined,
    work: () => Promise<Answer>,
  ): Promise<Answer> {
    if (faults.dead || fault === 'rejects') throw new LatchkeyError(code, 'a fault')
    if (fault === 'hangs')
      await hold().then(() => {
        throw new LatchkeyError(code, 'a fault: no response')
      })
    const before = recoveries
    const answer = await work()
    // Held back after `recover()`, it would never be released.
    if (fault === 'answersLate' && recoveries === before) await hold()
    if (fault === 'dies') faults.dead = true
    if (faults.dead || fault === 'answerLost') throw new LatchkeyError(code, 'a fault: the response was lost')
    return answer
  }

  return Object.assign(faults, {
    arm: (fault: Fault, operation?: string, nth = 1) => restart({ fault, operation, left: nth }),
    disarm: () => restart(),
    die: () => void (faults.dead = true),
    recover() {
      plan = undefined
      recoveries++
      for (const resolve of held) resolve()
      held.clear()
    },
    wire:
      (code: LatchkeyErrorCode): Wire =>
      async (operation, work) => {
        faults.pending++
        try {
          return await carry(code, next(operation), work)
        } finally {
          faults.pending--
        }
      },
  })
}

/**
 * Adds faults to a working store. Open a new page over `store` itself to see the state after a restart.
 *
 * @param store - the real store of the record
 * @param faults - made by `createFaults`
 * @param code - the error code of failing operations
 */
export function faultyStore(
  store: RecordStore,
  faults: Faults,
  code: LatchkeyErrorCode = 'KEYSTORE_UNAVAILABLE',
): RecordStore {
  const wire = faults.wire(code)
  const { durability, protection, channel, trace } = store
  return {
    durability,
    ...(protection && { protection }),
    ...(channel !== undefined && { channel }),
    ...(trace && { trace }),
    read: () => wire('read', () => store.read()),
    update: (updater) => wire('update', () => store.update(updater)),
    close: () => store.close(),
  }
}
