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

  test('fails a store that writes what did not change', async () => {
    const open = async () => {
      const inner = memoryStore()
      const store = {
        ...inner,
        update: <Value>(updater: (found: unknown) => Value) =>
          inner.update((found) => structuredClone(updater(found)) as Value),
      }
      return { first: store, second: store }
    }
    const failed: string[] = []
    for (const { name, run } of storeAcceptance(open)) await run().catch(() => failed.push(name))
    expect(failed).toEqual(['returning the same reference writes nothing'])
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
    vi.spyOn(factory, 'open').mockImplementationOnce(() => {
      throw new DOMException('denied', 'SecurityError')
    })
    const store = indexedDbStore('app')
    await expect(store.read()).rejects.toMatchObject({ code: 'KEYSTORE_BLOCKED' })
    expect(await store.read()).toBeUndefined()
  })

  test.each([
    ['SecurityError', 'KEYSTORE_BLOCKED'],
    ['QuotaExceededError', 'KEYSTORE_FULL'],
    ['InvalidStateError', 'KEYSTORE_PRIVATE'],
    ['UnknownError', 'KEYSTORE_UNAVAILABLE'],
    ['VersionError', 'KEYSTORE_UNAVAILABLE'],
  ])('tells what keeps a database from being opened: %s is %s', async (name, code) => {
    vi.spyOn(fresh(), 'open').mockImplementation(() => {
      throw new DOMException('no', name)
    })
    await expect(indexedDbStore('app').read()).rejects.toMatchObject({ code })
  })

  test('where localStorage is forbidden, a database that cannot be opened for no known reason is too', async () => {
    vi.spyOn(fresh(), 'open').mockImplementation(() => {
      throw new DOMException('denied by the person', 'UnknownError')
    })
    const found = Object.getOwnPropertyDescriptor(globalThis, 'localStorage')
    Object.defineProperty(globalThis, 'localStorage', {
      configurable: true,
      get: () => {
        throw new DOMException('denied', 'SecurityError')
      },
    })
    const reading = indexedDbStore('app')
      .read()
      .catch((error: unknown) => error)
    expect(await reading).toMatchObject({ code: 'KEYSTORE_BLOCKED' })
    Reflect.deleteProperty(globalThis, 'localStorage')
    if (found) Object.defineProperty(globalThis, 'localStorage', found)
    await expect(indexedDbStore('app').read()).rejects.toMatchObject({ code: 'KEYSTORE_UNAVAILABLE' })
  })

  test('a page without an origin of its own is told apart from a blocked site', async () => {
    vi.spyOn(fresh(), 'open').mockImplementation(() => {
      throw new DOMException('no', 'SecurityError')
    })
    vi.stubGlobal('origin', 'null')
    await expect(indexedDbStore('app').read()).rejects.toMatchObject({ code: 'KEYSTORE_OPAQUE' })
    vi.unstubAllGlobals()
  })

  test.each([null, new DOMException('gone', 'AbortError'), new DOMException('closed', 'InvalidStateError')])(
    'does again what was aborted because the database was taken away: %s',
    async (reason) => {
      fresh()
      const store = indexedDbStore('app')
      await store.update(() => ({ count: 1 }))
      let updates = 0
      const put = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementationOnce(() => {
        throw reason
      })
      expect(await store.update((found) => (updates++, { count: (found as { count: number }).count + 1 }))).toEqual({
        count: 2,
      })
      expect(updates).toBe(2)
      expect(put).toHaveBeenCalledTimes(2)
      put.mockRestore()
      expect(await store.read()).toEqual({ count: 2 })
    },
  )

  test('does it a third time, since a clearing of the site closes two handles in a row, and no more than that', async () => {
    fresh()
    const store = indexedDbStore('app')
    const put = vi.spyOn(IDBObjectStore.prototype, 'put')
    const abort = (): never => {
      throw new DOMException('The connection was closed.', 'AbortError')
    }
    put.mockImplementationOnce(abort).mockImplementationOnce(abort)
    expect(await store.update(() => ({ kept: true }))).toEqual({ kept: true })
    expect(await store.read()).toEqual({ kept: true })
    put.mockClear()
    put.mockImplementation(abort)
    await expect(store.update(() => ({ kept: false }))).rejects.toMatchObject({ code: 'KEYSTORE_UNAVAILABLE' })
    expect(put).toHaveBeenCalledTimes(3)
    put.mockRestore()
    expect(await store.read()).toEqual({ kept: true })
  })

  test('leaves a trace beside the record, which outlives the database', async () => {
    const kept = new Map<string, string>()
    vi.stubGlobal('localStorage', {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
    })
    const { trace } = indexedDbStore('app')
    expect(trace?.found()).toBe(false)
    trace?.leave()
    expect(indexedDbStore('app').trace?.found()).toBe(true)
    expect(indexedDbStore('other').trace?.found()).toBe(false)
    expect([...kept.values()].join('')).toBe('')
    vi.stubGlobal('localStorage', undefined)
    expect(() => trace?.leave()).not.toThrow()
    expect(trace?.found()).toBe(false)
    vi.unstubAllGlobals()
  })

  test('where there is no IndexedDB at all, that is what it reports', async () => {
    vi.stubGlobal('indexedDB', undefined)
    await expect(indexedDbStore('app').read()).rejects.toMatchObject({ code: 'KEYSTORE_UNAVAILABLE' })
  })

  test('a database that never answers is reported in bounded time', async () => {
    const factory = fresh()
    vi.spyOn(factory, 'open').mockImplementation(() => ({}) as IDBOpenDBRequest)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const reading = indexedDbStore('app')
      .read()
      .catch((error: unknown) => error)
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
        request.onupgradeneeded = () => (
          Object.assign(proxy, { result: request.result }),
          proxy.onupgradeneeded!.call(request, {} as IDBVersionChangeEvent)
        )
        request.onsuccess = () => (
          Object.assign(proxy, { result: request.result }),
          proxy.onsuccess!.call(request, {} as Event)
        )
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
    const { transaction } = IDBDatabase.prototype
    const begun = new Promise<void>((resolve) => {
      vi.spyOn(IDBDatabase.prototype, 'transaction').mockImplementationOnce(function (this: IDBDatabase, ...given) {
        resolve()
        return transaction.apply(this, given)
      })
    })
    const writing = store.update(() => ({ late: true })).catch((error: unknown) => error)
    await begun
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
    const put = vi.spyOn(IDBObjectStore.prototype, 'put')
    put.mockImplementationOnce(() => {
      throw new DOMException('full', 'QuotaExceededError')
    })
    await expect(store.update(() => ({ kept: false }))).rejects.toMatchObject({ code: 'KEYSTORE_FULL' })
    put.mockRestore()
    expect(await store.read()).toEqual({ kept: true })
  })

  test('a full disk that the request reports, and not its transaction, is one too, and not tried again', async () => {
    fresh()
    const store = indexedDbStore('app')
    await store.update(() => ({ kept: true }))
    const put = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (this: IDBObjectStore, value) {
      // It fails because the value exists, and then says what a full disk does.
      const error = new DOMException('full', 'QuotaExceededError')
      return Object.defineProperty(this.add(value, 'record'), 'error', { get: () => error, set() {} })
    })
    await expect(store.update(() => ({ kept: false }))).rejects.toMatchObject({ code: 'KEYSTORE_FULL' })
    expect(put).toHaveBeenCalledTimes(1)
    put.mockRestore()
    expect(await store.read()).toEqual({ kept: true })
  })
})
