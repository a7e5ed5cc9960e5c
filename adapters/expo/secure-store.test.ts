import { afterEach, describe, expect, test, vi } from 'vitest'
import { storeAcceptance } from '../../lib/testing.ts'
import { type Phone, phone } from './phone.testing.ts'
import { type SecureStoreOptions, secureStore } from './secure-store.ts'

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

let opened = 0
/** A name that no other test waits for. */
const fresh = (): string => `test-${++opened}`

function open({ modules }: Phone, options: Partial<SecureStoreOptions> = {}) {
  return secureStore({ ...modules, name: `test-${opened}`, ...options })
}

describe('a store in SecureStore', () => {
  const pair = async () => {
    const [device, name] = [phone(), fresh()]
    return { first: open(device, { name }), second: open(device, { name }) }
  }
  for (const { name, run } of storeAcceptance(pair)) test(name, run)

  test('is one item that stays on this device, and can be read in the background', async () => {
    const device = phone()
    await open(device, { name: 'notes' }).update(() => ({ kept: true }))
    expect([...device.keychain]).toEqual([['latchkey.notes', { value: '{"kept":true}', accessible: 1 }]])
  })

  test('refuses a name that SecureStore would refuse', () => {
    expect(() => open(phone(), { name: 'a:b' })).toThrow(TypeError)
  })

  test('refuses the old file system, which cannot leave a mark in time', () => {
    const { modules } = phone()
    expect(() => secureStore({ ...modules, FileSystem: { documentDirectory: '' } as never })).toThrow(TypeError)
  })
})

describe('a write', () => {
  test('that the system loses without an error is a failure', async () => {
    const device = phone()
    const store = open(device, { name: fresh() })
    await store.update(() => ({ count: 1 }))
    device.device.fault = (call) => (call === 'set' ? Promise.resolve() : undefined)
    await expect(store.update(() => ({ count: 2 }))).rejects.toMatchObject({ code: 'KEYSTORE_UNAVAILABLE' })
    device.device.fault = null
    expect(await store.read()).toEqual({ count: 1 })
  })

  test('of more than 2048 bytes that the system refuses says so', async () => {
    const device = phone()
    const store = open(device, { name: fresh() })
    device.device.fault = (call, value) =>
      call === 'set' && value!.length > 2048 ? Promise.reject(new Error('too large')) : undefined
    await expect(store.update(() => ({ text: 'x'.repeat(2048) }))).rejects.toMatchObject({ code: 'KEYSTORE_FULL' })
    await store.update(() => ({ text: 'x'.repeat(1024) }))
  })

  test('while the phone is locked fails, and changes nothing', async () => {
    const device = phone()
    const store = open(device, { name: fresh() })
    await store.update(() => ({ count: 1 }))
    device.device.fault = () => Promise.reject(new Error('User interaction is not allowed.'))
    await expect(store.read()).rejects.toMatchObject({ code: 'KEYSTORE_UNAVAILABLE' })
    await expect(store.update(() => ({ count: 2 }))).rejects.toMatchObject({ code: 'KEYSTORE_UNAVAILABLE' })
    device.device.fault = null
    expect(await store.read()).toEqual({ count: 1 })
  })

  test('that the system never answers ends in bounded time, and what waited for it is not written later', async () => {
    vi.useFakeTimers()
    const device = phone()
    const store = open(device, { name: fresh() })
    await store.update(() => ({ count: 1 }))
    let answer = (): void => {}
    device.device.fault = (call) =>
      call === 'get' ? new Promise((resolve) => (answer = () => resolve('{"count":1}'))) : undefined
    const [stuck, waiting] = [store.read(), store.update(() => ({ count: 2 }))]
    const failed = Promise.all([stuck, waiting].map((call) => call.catch((error: unknown) => error)))
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await failed).toMatchObject([{ code: 'KEYSTORE_TIMEOUT' }, { code: 'KEYSTORE_TIMEOUT' }])
    device.device.fault = null
    answer()
    expect(await store.read()).toEqual({ count: 1 })
  })

  test('waits for its turn over all copies of the module', async () => {
    const device = phone()
    const name = fresh()
    vi.resetModules()
    const copy = await import('./secure-store.ts')
    const stores = [open(device, { name }), copy.secureStore({ ...device.modules, name })]
    const add = (found: unknown) => ({ count: ((found as { count: number } | undefined)?.count ?? 0) + 1 })
    await Promise.all(Array.from({ length: 10 }, (_, index) => stores[index % 2]!.update(add)))
    expect(await stores[0]!.read()).toEqual({ count: 10 })
  })
})

describe('a record without its marks is of an earlier installation', () => {
  async function reinstalled(options: Partial<SecureStoreOptions>) {
    const device = phone()
    const name = fresh()
    await open(device, { name }).update(() => ({ owner: 'before' }))
    device.uninstallOnIos()
    return { device, store: open(device, { name, ...options }), name }
  }

  test('and is kept by default', async () => {
    const { device, store } = await reinstalled({})
    expect(await store.read()).toEqual({ owner: 'before' })
    expect(store.trace!.found()).toBe(true)
    expect(device.keychain.size).toBe(1)
  })

  test('and is deleted if the app says so: the next one is new', async () => {
    const { device, store } = await reinstalled({ onReinstall: 'forget' })
    expect(await store.read()).toBeUndefined()
    expect(store.trace!.found()).toBe(false)
    expect(device.keychain.size).toBe(0)
    await store.update((found) => ({ found: found ?? null }))
    expect(await store.read()).toEqual({ found: null })
  })

  test('and is deleted only once the app has deleted the rest', async () => {
    const onForget = vi.fn(() => Promise.reject(new Error('no access')))
    const { device, store, name } = await reinstalled({ onReinstall: 'forget', onForget })
    await expect(store.read()).rejects.toMatchObject({ code: 'KEYSTORE_UNAVAILABLE' })
    await expect(store.update(() => ({}))).rejects.toMatchObject({ code: 'KEYSTORE_UNAVAILABLE' })
    expect(onForget).toHaveBeenCalledTimes(2)
    expect(device.keychain.get(`latchkey.${name}`)?.value).toBe('{"owner":"before"}')
    onForget.mockImplementation(async () => expect(device.keychain.size).toBe(1) as never)
    expect(await store.read()).toBeUndefined()
    expect(await store.read()).toBeUndefined()
    expect(onForget).toHaveBeenCalledTimes(3)
    expect(device.keychain.size).toBe(0)
  })

  test('and is kept while the app does not end: the next access asks it again', async () => {
    vi.useFakeTimers()
    const onForget = vi.fn(() => new Promise<void>(() => {}))
    const { device, store } = await reinstalled({ onReinstall: 'forget', onForget })
    const failed = store.read().catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await failed).toMatchObject({ code: 'KEYSTORE_TIMEOUT' })
    expect(device.keychain.size).toBe(1)
    onForget.mockResolvedValue()
    expect(await store.read()).toBeUndefined()
    expect(onForget).toHaveBeenCalledTimes(2)
    expect(device.keychain.size).toBe(0)
  })

  test('and is not deleted after a failure was reported', async () => {
    vi.useFakeTimers()
    let end = (): void => {}
    const onForget = () => new Promise<void>((resolve) => (end = resolve))
    const { device, store } = await reinstalled({ onReinstall: 'forget', onForget })
    let answer = (): void => {}
    device.device.fault = () => new Promise((resolve) => (answer = () => resolve('{"owner":"before"}')))
    const failed = store.read().catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(5000)
    device.device.fault = null
    answer()
    await vi.advanceTimersByTimeAsync(5000)
    expect(await failed).toMatchObject({ code: 'KEYSTORE_TIMEOUT' })
    end()
    await vi.advanceTimersByTimeAsync(0)
    expect(device.keychain.size).toBe(1)
  })

  test('and a function learns of it once', async () => {
    const onReinstall = vi.fn(() => 'keep' as const)
    const { device, store, name } = await reinstalled({ onReinstall })
    await store.read()
    await open(device, { name, onReinstall }).read()
    expect(onReinstall).toHaveBeenCalledTimes(1)
  })

  test.each(['forgot', true, null, () => 'forgot', async () => 'forget' as const, () => {}])(
    'and %j is no answer: the app learns of its mistake, and nothing is deleted',
    async (onReinstall) => {
      const reportError = vi.fn()
      vi.stubGlobal('reportError', reportError)
      const { device, name } = await reinstalled({})
      const ask = async () => open(device, { name, onReinstall: onReinstall as never }).read()
      if (typeof onReinstall !== 'function') {
        await expect(ask()).rejects.toThrow(TypeError)
      } else {
        expect(await ask()).toEqual({ owner: 'before' })
        expect(reportError.mock.calls).toEqual([[new TypeError("onReinstall: expected 'keep' or 'forget'")]])
      }
      expect(device.keychain.size).toBe(1)
    },
  )

  test('and onForget must be a function', () => {
    expect(() => open(phone(), { onForget: 'all' as never })).toThrow(TypeError)
  })

  test('and is kept if that function fails', async () => {
    const reportError = vi.fn()
    vi.stubGlobal('reportError', reportError)
    const { store } = await reinstalled({
      onReinstall: () => {
        throw new Error('a bug')
      },
    })
    expect(await store.read()).toEqual({ owner: 'before' })
    expect(reportError.mock.calls).toEqual([[new Error('a bug')]])
  })

  test('but one whose caches the system emptied is not, and nothing is deleted', async () => {
    const device = phone()
    const name = fresh()
    const onReinstall = vi.fn(() => 'forget' as const)
    await open(device, { name }).update(() => ({ owner: 'still here' }))
    device.emptyCaches()
    expect(await open(device, { name, onReinstall }).read()).toEqual({ owner: 'still here' })
    expect(onReinstall).not.toHaveBeenCalled()
  })

  test('nor is one whose marks cannot be read', async () => {
    const device = phone()
    const name = fresh()
    await open(device, { name }).update(() => ({ owner: 'still here' }))
    class Unreadable {
      get exists(): boolean {
        throw new Error('no access')
      }
      create(): void {
        throw new Error('no access')
      }
    }
    const FileSystem = { File: Unreadable, Paths: device.modules.FileSystem.Paths }
    const store = open(device, { name, FileSystem, onReinstall: 'forget' })
    expect(await store.read()).toEqual({ owner: 'still here' })
  })

  test('nor is one whose process ended during its first write, which is no loss either', async () => {
    const device = phone()
    const during: number[] = []
    device.device.fault = (call) => void (call === 'set' && during.push(device.documents.size, device.caches.size))
    await open(device, { name: fresh() }).update(() => ({ owner: 'me' }))
    expect(during).toEqual([1, 0])
    expect([device.documents.size, device.caches.size]).toEqual([1, 1])
  })
})
