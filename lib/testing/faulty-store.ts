import { LatchkeyError, type LatchkeyErrorCode } from '../errors.ts'
import type { RecordStore } from '../keystore/store.ts'

/** What goes wrong with one operation. */
export type Fault =
  /** Nothing is done, and it rejects. */
  | 'rejects'
  /** It is done, but its answer is lost: it rejects. */
  | 'answerLost'
  /** It is done, and the page dies with it: this and every later operation rejects, for ever. */
  | 'dies'
  /** It does not answer until `recover()`; then it rejects, and nothing was done. */
  | 'hangs'
  /** It is done at once and does not answer until `recover()`: meanwhile others overtake it. */
  | 'answersLate'

/** Carries one operation to where it is done, or fails to. */
export type Wire = <Answer>(operation: string, work: () => Promise<Answer>) => Promise<Answer>

/** Decides which operation of one page goes wrong, and how. Made by `createFaults`. */
export interface Faults {
  /** Names of the operations since `arm`, in the order in which they began: `read`, `update`, `signIn` … */
  readonly operations: readonly string[]
  /** How many operations are under way; those that are held back do not count. */
  readonly pending: number
  /** Whether the fault has struck since `arm`. */
  readonly struck: boolean
  /** Whether the page died. */
  readonly dead: boolean
  /**
   * Counts anew, and lets one operation go wrong.
   *
   * @param operation - its name; any operation unless told
   * @param nth - which one of that name from now on, the first is 1
   */
  arm(fault: Fault, operation?: string, nth?: number): void
  /** Counts anew, and lets nothing go wrong. */
  disarm(): void
  /** The page dies now: whatever is under way and every later operation rejects. */
  die(): void
  /** The trouble is over: what was held back answers, and nothing goes wrong any more. Who died stays dead. */
  recover(): void
  /** Puts the faults in front of whatever does operations; `code` is what those reject with. */
  wire(code: LatchkeyErrorCode): Wire
}

/** Makes the faults of one page. Nothing goes wrong until `arm`. */
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

  /** The fault of the operation that begins now. */
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
        throw new LatchkeyError(code, 'a fault: no answer')
      })
    const before = recoveries
    const answer = await work()
    // Held back once the trouble is over, it would be called back by nobody.
    if (fault === 'answersLate' && recoveries === before) await hold()
    if (fault === 'dies') faults.dead = true
    if (faults.dead || fault === 'answerLost') throw new LatchkeyError(code, 'a fault: the answer was lost')
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
 * A store that fails as `faults` says, over one that works. Open a new page over `store` itself to see what a restart
 * finds.
 *
 * @param store - where the record really is
 * @param faults - made by `createFaults`
 * @param code - what its operations reject with
 */
export function faultyStore(
  store: RecordStore,
  faults: Faults,
  code: LatchkeyErrorCode = 'KEYSTORE_UNAVAILABLE',
): RecordStore {
  const wire = faults.wire(code)
  const { durability, channel, trace } = store
  return {
    durability,
    ...(channel !== undefined && { channel }),
    ...(trace && { trace }),
    read: () => wire('read', () => store.read()),
    update: (updater) => wire('update', () => store.update(updater)),
    close: () => store.close(),
  }
}
