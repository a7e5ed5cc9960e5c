import type { RecordStore } from '../keystore/store.ts'

/** One case of the acceptance suite. */
export interface AcceptanceCase {
  readonly name: string
  /** Resolves if the store behaves correctly; otherwise rejects with its actual behaviour. */
  run(): Promise<void>
}

/** Two users of one record, like two tabs. */
export interface StorePair {
  readonly first: RecordStore
  /** Another handle on the same record; the same one if the store cannot be shared. */
  readonly second: RecordStore
}

/**
 * Acceptance tests that every {@link RecordStore} must pass. They need no test runner: call `run` of each case.
 *
 * @param open - opens an empty record, a new one on each call
 */
export function storeAcceptance(open: () => Promise<StorePair>): AcceptanceCase[] {
  return Object.entries(CASES).map(([name, check]) => ({
    name,
    async run() {
      const pair = await open()
      try {
        await check(pair)
      } finally {
        pair.first.close()
        pair.second.close()
      }
    },
  }))
}

const CASES: Readonly<Record<string, (pair: StorePair) => Promise<void>>> = {
  async 'an empty store reads as undefined'({ first }) {
    expectEqual(await first.read(), undefined)
  },

  async 'a written value is read back, also by another handle'({ first, second }) {
    const record = { v: 1, list: ['a', { b: null }], bytes: Uint8Array.of(1, 2) }
    await first.update(() => record)
    expectEqual(await first.read(), record)
    expectEqual(await second.read(), record)
  },

  async 'the updater receives the stored value, and its result is returned'({ first }) {
    await first.update(() => ({ count: 1 }))
    const next = await first.update((found) => ({ count: (found as { count: number }).count + 1 }))
    expectEqual(next, { count: 2 })
    expectEqual(await first.read(), { count: 2 })
  },

  async 'concurrent updates from two handles are never lost'({ first, second }) {
    const add = (found: unknown): { count: number } => ({
      count: ((found as { count: number } | undefined)?.count ?? 0) + 1,
    })
    await Promise.all(Array.from({ length: 20 }, (_, index) => (index % 2 ? first : second).update(add)))
    expectEqual(await first.read(), { count: 20 })
  },

  async 'of many concurrent candidates one is kept, and every caller gets that one'({ first, second }) {
    const kept = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        (index % 2 ? first : second).update((found) => found ?? { winner: index }),
      ),
    )
    expectEqual(new Set(kept.map((record) => JSON.stringify(record))).size, 1)
    expectEqual(await second.read(), kept[0])
  },

  async 'updates settle in the order in which they were made'({ first }) {
    const done: number[] = []
    const answered: number[] = []
    await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        first.update(() => (done.push(index), { index })).then(() => answered.push(index)),
      ),
    )
    expectEqual(answered, done)
  },

  async 'an updater that throws rejects with that error and writes nothing'({ first }) {
    await first.update(() => ({ kept: true }))
    const refusal = Object.assign(new Error('refused'), { [Symbol.for('latchkey.error')]: true, code: 'CONFLICT' })
    const thrown = await first
      .update(() => {
        throw refusal
      })
      .catch((error: unknown) => error)
    expectEqual(thrown === refusal, true)
    expectEqual(await first.read(), { kept: true })
  },

  async 'returning the same reference writes nothing'({ first, second }) {
    await first.update(() => ({ kept: true }))
    expectEqual(await second.update((found) => found), { kept: true })
    // A change made in place shows whether the store wrote nevertheless.
    await second.update((found) => Object.assign(found as object, { kept: false }))
    expectEqual(await first.read(), { kept: true })
  },

  async 'changing a read or written object does not change the record'({ first }) {
    const written = { list: ['a'] }
    await first.update(() => written)
    written.list.push('b')
    ;((await first.read()) as { list: string[] }).list.push('c')
    expectEqual(await first.read(), { list: ['a'] })
  },

  async 'a value that cannot be stored rejects and leaves the record'({ first }) {
    await first.update(() => ({ kept: true }))
    const isRejected = await first
      .update(() => ({ call: () => {} }))
      .then(
        () => false,
        () => true,
      )
    expectEqual(isRejected, true)
    expectEqual(await first.read(), { kept: true })
  },

  async 'a closed store opens again when it is used'({ first }) {
    await first.update(() => ({ kept: true }))
    first.close()
    expectEqual(await first.read(), { kept: true })
  },
}

export function expectEqual(actual: unknown, expected: unknown): void {
  const [left, right] = [inspect(actual), inspect(expected)]
  if (left !== right) throw new Error(`expected ${right}, got ${left}`)
}

function inspect(value: unknown): string {
  return String(JSON.stringify(value, (_, part: unknown) => (part instanceof Uint8Array ? [...part] : part)))
}
