import { describe, expect, test } from 'vitest'
import { memoryStore } from '../keystore/memory.ts'
import type { RecordStore } from '../keystore/store.ts'
import { type Fault, type Faults, createFaults, faultyStore } from './faulty-store.ts'
import { storeAcceptance } from './store-acceptance.ts'

function world(): { store: RecordStore; faults: Faults; faulty: RecordStore } {
  const [store, faults] = [memoryStore(), createFaults()]
  return { store, faults, faulty: faultyStore(store, faults) }
}

const write = (store: RecordStore, value: unknown): Promise<unknown> =>
  store
    .update(() => value)
    .then(
      () => 'answered',
      (error: { code: string }) => error.code,
    )

describe('a store whose faults never strike', () => {
  const open = async () => {
    const { faulty } = world()
    return { first: faulty, second: faulty }
  }
  for (const { name, run } of storeAcceptance(open)) test(name, run)

  test('keeps what it is', () => {
    const trace = { found: () => true, leave: () => {} }
    const properties = { durability: 'evictable', protection: 'keychain', channel: 'app', trace } as const
    expect(faultyStore({ ...memoryStore(), ...properties }, createFaults())).toMatchObject(properties)
    const absent = Object.keys(faultyStore(memoryStore(), createFaults()))
    for (const property of ['channel', 'protection', 'trace']) expect(absent).not.toContain(property)
  })
})

describe('an operation that goes wrong', () => {
  const expected: Record<Fault, { answer: string; isDone: boolean; later: string }> = {
    rejects: { answer: 'KEYSTORE_UNAVAILABLE', isDone: false, later: 'answered' },
    answerLost: { answer: 'KEYSTORE_UNAVAILABLE', isDone: true, later: 'answered' },
    dies: { answer: 'KEYSTORE_UNAVAILABLE', isDone: true, later: 'KEYSTORE_UNAVAILABLE' },
    hangs: { answer: 'KEYSTORE_UNAVAILABLE', isDone: false, later: 'answered' },
    answersLate: { answer: 'answered', isDone: true, later: 'answered' },
  }

  for (const [fault, { answer, isDone, later }] of Object.entries(expected) as [Fault, (typeof expected)[Fault]][]) {
    test(`${fault}: ${answer}, ${isDone ? 'done' : 'not done'}, and then ${later}`, async () => {
      const { store, faults, faulty } = world()
      faults.arm(fault, 'update', 2)
      expect(await write(faulty, 'first')).toBe('answered')
      const writing = write(faulty, 'second')
      expect(await store.read()).toBe(isDone ? 'second' : 'first')
      expect(faults).toMatchObject({ struck: true, operations: ['update', 'update'] })
      faults.recover()
      expect(await writing).toBe(answer)
      expect(await write(faulty, 'third')).toBe(later)
      expect(faults).toMatchObject({ pending: 0, dead: fault === 'dies' })
    })
  }

  test('a page that dies gets no answer any more, not to what is under way either', async () => {
    const { store, faults, faulty } = world()
    const writing = write(faulty, 'done')
    faults.die()
    expect(await writing).toBe('KEYSTORE_UNAVAILABLE')
    expect(await write(faulty, 'not done')).toBe('KEYSTORE_UNAVAILABLE')
    expect(await store.read()).toBe('done')
  })

  test('is overtaken while it does not answer', async () => {
    const { store, faults, faulty } = world()
    await write(store, 'before')
    faults.arm('answersLate', 'read')
    const reading = faulty.read()
    expect(await write(faulty, 'after')).toBe('answered')
    expect(faults.pending).toBe(0)
    faults.recover()
    expect(await reading).toBe('before')
  })

  test('is held back by no fault that is over before it was done', async () => {
    const { store, faults, faulty } = world()
    faults.arm('answersLate')
    const writing = write(faulty, 'done')
    faults.recover()
    expect(await writing).toBe('answered')
    expect(await store.read()).toBe('done')
    expect(faults).toMatchObject({ struck: true, pending: 0 })
  })

  test('is any operation by default, and none before or after', async () => {
    const { faults, faulty } = world()
    faults.arm('rejects', undefined, 2)
    expect(await faulty.read()).toBeUndefined()
    await expect(faulty.read()).rejects.toMatchObject({ code: 'KEYSTORE_UNAVAILABLE' })
    expect(await faulty.read()).toBeUndefined()
    faults.arm('rejects')
    faults.disarm()
    expect(await faulty.read()).toBeUndefined()
    expect(faults).toMatchObject({ struck: false, operations: ['read'] })
  })

  test('rejects with the code that was asked for', async () => {
    const faults = createFaults()
    faults.arm('rejects')
    await expect(faultyStore(memoryStore(), faults, 'KEYSTORE_FULL').read()).rejects.toMatchObject({
      code: 'KEYSTORE_FULL',
    })
  })
})
