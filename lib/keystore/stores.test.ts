import { IDBDatabase, IDBFactory, IDBObjectStore } from 'fake-indexeddb'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { isLatchkeyError } from '../errors.ts'
import { storeAcceptance } from '../testing/store-acceptance.ts'
import { indexedDbStore } from './indexed-db.ts'
import { memoryStore } from './memory.ts'

const STORES = {
  async memory() {
    const store = memoryStore()
    return { first: store, second: store }
  },
  async 'IndexedDB (fake)'() {
    vi.stubGlobal('indexedDB', new IDBFactory())
    return { first: indexedDbStore('app'), second: indexedDbStore('app') }
  },
}

for (const [name, open] of Object.entries(STORES)) {
  describe(name, () => {
    for (const { name: behaviour, run } of storeAcceptance(open)) test(behaviour, run)
  })
}

describe('the acceptance suite', () => {
  test('fails a store that loses updates', async () => {
    const open = async () => {
      let record: unknown
      const store = {
        durability: 'ephemeral' as const,
        read: async () => structuredClone(record),
        async update<Value>(updater: (found: unknown) => Value) {
          const found = structuredClone(record)
          await Promise.resolve()
          const next = updater(found)
          record = structuredClone(next)
          return next
        },
        close() {},
      }
      return { first: store, second: store }
    }
    const failed = await Promise.allSettled(storeAcceptance(open).map(({ run }) => run()))
    expect(failed.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(0)
  })
})

describe('IndexedDB', () => {
  afterEach(() => vi.restoreAllMocks())

  function fresh(): IDBFactory {
    const factory = new IDBFactory()
    vi.stubGlobal('indexedDB', factory)
    return factory
  }

  test('two names on one origin never see each other', async () => {
    fresh()
    const [one, other] = [indexedDbStore('one'), indexedDbStore('other')]
    await one.update(() => ({ owner: 'one' }))
    expect(await other.read()).toBeUndefined()
  })

  test('gives way when another tab deletes the database, and opens again', async () => {
    const factory = fresh()
    const store = indexedDbStore('app')
    await store.update(() => ({ kept: true }))
    await new Promise((resolve, reject) => {
      const request = factory.deleteDatabase('latchkey:app')
      request.onsuccess = resolve
      request.onblocked = () => reject(new Error('blocked'))
    })
    expect(await store.read()).toBeUndefined()
    await store.update(() => ({ again: true }))
    expect(await store.read()).toEqual({ again: true })
  })

  test('opens again when its handle is dead without an event', async () => {
    const factory = fresh()
    const handles: IDBDatabase[] = []
    const open = factory.open.bind(factory)
    vi.spyOn(factory, 'open').mockImplementation((...names) => {
      const request = open(...names)
      request.addEventListener('success', () => handles.push(request.result))
      return request
    })
    const store = indexedDbStore('app')
    await store.update(() => ({ kept: true }))
    handles[0]!.close()
    expect(await store.read()).toEqual({ kept: true })
    expect(handles).toHaveLength(2)
  })

  test('reports a store that cannot be opened, and tries again next time', async () => {
    const factory = fresh()
    vi.spyOn(factory, 'open').mockImplementationOnce(() => { throw new DOMException('denied', 'SecurityError') })
      .mockImplementationOnce(() => { throw new DOMException('denied', 'SecurityError') })
    const store = indexedDbStore('app')
    await expect(store.read()).rejects.toMatchObject({ code: 'KEYSTORE_UNAVAILABLE' })
    expect(await store.read()).toBeUndefined()
  })

  test('where there is no IndexedDB at all, that is what it reports', async () => {
    vi.stubGlobal('indexedDB', undefined)
    await expect(indexedDbStore('app').read()).rejects.toMatchObject({ code: 'KEYSTORE_UNAVAILABLE' })
  })

  test('a database that never answers is reported in bounded time', async () => {
    const factory = fresh()
    vi.spyOn(factory, 'open').mockImplementation(() => ({}) as IDBOpenDBRequest)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const reading = indexedDbStore('app').read().catch((error: unknown) => error)
    vi.runAllTimers()
    expect(isLatchkeyError(await reading, 'KEYSTORE_TIMEOUT')).toBe(true)
    vi.useRealTimers()
  })

  test('what was reported as too late is not written later', async () => {
    const factory = fresh()
    const open = factory.open.bind(factory)
    let answer = (): void => {}
    const late = new Promise<void>((resolve) => (answer = resolve))
    vi.spyOn(factory, 'open').mockImplementation((...names) => {
      const proxy: Partial<IDBOpenDBRequest> = {}
      void late.then(() => {
        const request = open(...names)
        request.onupgradeneeded = () => (Object.assign(proxy, { result: request.result }), proxy.onupgradeneeded!.call(request, {} as IDBVersionChangeEvent))
        request.onsuccess = () => (Object.assign(proxy, { result: request.result }), proxy.onsuccess!.call(request, {} as Event))
      })
      return proxy as IDBOpenDBRequest
    })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const store = indexedDbStore('app')
    const writing = store.update(() => ({ late: true })).catch((error: unknown) => error)
    vi.runAllTimers()
    expect(await writing).toMatchObject({ code: 'KEYSTORE_TIMEOUT' })
    vi.useRealTimers()
    answer()
    expect(await store.read()).toBeUndefined()
  })

  test('what was reported as too late while it waited behind another transaction is not written later', async () => {
    const factory = fresh()
    const store = indexedDbStore('app')
    await store.update(() => ({ kept: true }))
    const open = factory.open('latchkey:app')
    const other = await new Promise<IDBDatabase>((resolve) => (open.onsuccess = () => resolve(open.result)))
    const long = other.transaction('keyring', 'readwrite').objectStore('keyring')
    let isOver = false
    // A transaction lives as long as it has something to do.
    const goOn = (): void => void (long.get('record').onsuccess = () => isOver || goOn())
    goOn()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const begun = vi.spyOn(Object.getPrototypeOf(other) as IDBDatabase, 'transaction')
    const writing = store.update(() => ({ late: true })).catch((error: unknown) => error)
    await vi.waitFor(() => expect(begun).toHaveBeenCalled())
    vi.runAllTimers()
    expect(await writing).toMatchObject({ code: 'KEYSTORE_TIMEOUT' })
    vi.useRealTimers()
    isOver = true
    expect(await store.read()).toEqual({ kept: true })
  })

  test('the same reference back is no write, and every write waits for the disk', async () => {
    fresh()
    const store = indexedDbStore('app')
    const begun = vi.spyOn(IDBDatabase.prototype, 'transaction')
    const put = vi.spyOn(IDBObjectStore.prototype, 'put')
    await store.update(() => ({ kept: true }))
    expect(begun).toHaveBeenCalledWith('keyring', 'readwrite', { durability: 'strict' })
    expect(put).toHaveBeenCalledTimes(1)
    await store.update((found) => found)
    expect(put).toHaveBeenCalledTimes(1)
  })

  test('a full disk rejects the write and keeps what was there', async () => {
    fresh()
    const store = indexedDbStore('app')
    await store.update(() => ({ kept: true }))
    const put = vi.spyOn((globalThis as unknown as { IDBObjectStore: { prototype: IDBObjectStore } }).IDBObjectStore?.prototype ?? (await import('fake-indexeddb')).IDBObjectStore.prototype, 'put')
    put.mockImplementationOnce(() => { throw new DOMException('full', 'QuotaExceededError') })
    await expect(store.update(() => ({ kept: false }))).rejects.toMatchObject({ code: 'KEYSTORE_UNAVAILABLE' })
    put.mockRestore()
    expect(await store.read()).toEqual({ kept: true })
  })
})
