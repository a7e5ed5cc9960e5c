import { describe, expect, test } from 'vitest'
import { createFaults, faultyStore } from '../testing/faulty-store.ts'
import { memoryStore } from './memory.ts'
import { EMPTY_KEYRING } from './keyring.ts'
import type { Keyring } from './record.ts'
import { type RecordStore, openKeystore } from './store.ts'

/** A store whose record can be taken away, with a trace beside it. */
function clearable(): RecordStore & { clear(): void; isTraced: boolean } {
  let inner = memoryStore()
  const store = {
    durability: 'evictable' as const,
    isTraced: false,
    trace: { found: () => store.isTraced, leave: () => void (store.isTraced = true) },
    read: () => inner.read(),
    update: <Value>(updater: (found: unknown) => Value) => inner.update(updater),
    close() {},
    clear: () => void (inner = memoryStore()),
  }
  return store
}

const withCurrent = (keyring: Keyring | null): Keyring => ({
  ...(keyring ?? EMPTY_KEYRING),
  outbox: [{ id: 'one', kind: 'sign-out', accountId: 'ada', createdAt: 1 }],
})

describe('a record that vanished', () => {
  test('is told apart from a first visit by what was seen here', async () => {
    const store = clearable()
    const keystore = openKeystore(store)
    expect(await keystore.read()).toBeNull()
    await keystore.update(withCurrent)
    store.clear()
    await expect(keystore.read()).rejects.toMatchObject({ code: 'KEYSTORE_VANISHED' })
    await expect(keystore.update(withCurrent)).rejects.toMatchObject({ code: 'KEYSTORE_VANISHED' })
    expect(await store.read()).toBeUndefined()
    expect(keystore.known()).toMatchObject({ outbox: [{ id: 'one' }] })
  })

  test('and by its trace after a reload', async () => {
    const store = clearable()
    store.trace!.leave()
    const keystore = openKeystore(store)
    await expect(keystore.read()).rejects.toMatchObject({ code: 'KEYSTORE_VANISHED' })
    await expect(keystore.update(withCurrent)).rejects.toMatchObject({ code: 'KEYSTORE_VANISHED' })
    expect(await store.read()).toBeUndefined()
  })

  test('is made anew from what is known, when it is asked for', async () => {
    const store = clearable()
    const keystore = openKeystore(store)
    await keystore.update(withCurrent)
    store.clear()
    await keystore.update((keyring) => keyring, { restores: true })
    expect(await store.read()).toMatchObject({ outbox: [{ id: 'one' }] })
  })

  test('is not believed while another tab is between its first write and its trace', async () => {
    const store = clearable()
    const keystore = openKeystore(store)
    const read = store.read
    let reads = 0
    Object.assign(store, {
      async read() {
        const found = await read()
        // The other tab commits and leaves its trace right after this read saw nothing.
        if (reads++ === 0) {
          await store.update(() => withCurrent(EMPTY_KEYRING))
          store.trace!.leave()
        }
        return found
      },
    })
    expect(await keystore.read()).toMatchObject({ outbox: [{ id: 'one' }] })
  })
})

describe('a read that an update overtakes', () => {
  test.each([[undefined], [EMPTY_KEYRING]])('says nothing new: what it saw was %s', async (before) => {
    const store = clearable()
    if (before) await store.update(() => before)
    const faults = createFaults()
    const keystore = openKeystore(faultyStore(store, faults))
    faults.arm('answersLate', 'read')
    const reading = keystore.read()
    await keystore.update(withCurrent)
    faults.recover()
    expect(await reading).toMatchObject({ outbox: [{ id: 'one' }] })
    expect(keystore.known()).toMatchObject({ outbox: [{ id: 'one' }] })
  })
})

describe('an update', () => {
  test('that changes nothing writes nothing, not even an empty record', async () => {
    const store = clearable()
    await openKeystore(store).update((keyring) => keyring)
    expect(await store.read()).toBeUndefined()
  })
})
