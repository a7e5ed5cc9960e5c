import type { AcceptanceCase } from './store-acceptance.ts'

/** Counts uses of a name, for proofs that can be used once: the option `replayStore` of `latchkey`. */
export interface ReplayStore {
  /**
   * Counts one use.
   *
   * @param seconds - how long the count is kept, from the first use
   * @returns the number of uses, including this one
   */
  increment(name: string, seconds: number): Promise<number> | number
}

/** Options of {@link replayStoreAcceptance}. */
export interface ReplayStoreOptions {
  /** Advances the clock of the store. Without it, no case tests how long a count is kept. */
  readonly passTime?: (milliseconds: number) => Promise<void> | void
}

/**
 * Acceptance tests that every {@link ReplayStore} must pass. They need no test runner: call `run` of each case.
 *
 * @param open - opens a store; the cases use names that no other run uses
 */
export function replayStoreAcceptance(
  open: () => Promise<ReplayStore>,
  { passTime }: ReplayStoreOptions = {},
): AcceptanceCase[] {
  const cases = Object.entries(CASES).map(([name, check]) => ({ name, run: async () => check(await open()) }))
  if (!passTime) return cases
  return [...cases, { name: 'keeps a count for its seconds', run: async () => keepsCounts(await open(), passTime) }]
}

const WINDOW_S = 600

async function keepsCounts(store: ReplayStore, passTime: NonNullable<ReplayStoreOptions['passTime']>): Promise<void> {
  const name = crypto.randomUUID()
  expectEqual(await store.increment(name, WINDOW_S), 1)
  await passTime((WINDOW_S - 1) * 1000)
  expectEqual(await store.increment(name, WINDOW_S), 2)
}

const CASES: Readonly<Record<string, (store: ReplayStore) => Promise<void>>> = {
  async 'counts the uses of a name from 1'(store) {
    const name = crypto.randomUUID()
    for (const count of [1, 2, 3]) expectEqual(await store.increment(name, WINDOW_S), count)
  },

  async 'counts each name separately'(store) {
    const name = crypto.randomUUID()
    for (const other of [name, `${name}:`, name.toUpperCase(), `${name} `])
      expectEqual(await store.increment(other, WINDOW_S), 1)
  },

  async 'of twenty concurrent uses exactly one is the first'(store) {
    const name = crypto.randomUUID()
    const counts = await Promise.all(Array.from({ length: 20 }, () => store.increment(name, WINDOW_S)))
    expectEqual(
      counts.sort((left, right) => left - right).join(),
      Array.from({ length: 20 }, (_, index) => index + 1).join(),
    )
  },

  async 'keeps the names of proofs and of nonces apart, whatever they contain'(store) {
    const id = crypto.randomUUID()
    for (const name of [`latchkey:once:${id}`, `latchkey:once:nonce:${id}.1.${'x'.repeat(43)}`])
      expectEqual(await store.increment(name, WINDOW_S), 1)
  },
}

function expectEqual(actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`expected ${String(expected)}, got ${String(actual)}`)
}
