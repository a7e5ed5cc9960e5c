import type { FileSystemModule, MarkFile } from './install-marks.ts'
import type { NativeSubscription, NetworkState } from './native-events.ts'
import type { SecureStoreItemOptions } from './secure-store.ts'

/** What one call of SecureStore does in place of its work. */
type Fault = ((call: 'get' | 'set' | 'delete', value?: string) => Promise<unknown> | void) | null

/** A phone: its keychain, its files and its events. */
export function phone() {
  const keychain = new Map<string, { value: string; accessible: number | undefined }>()
  const documents = new Set<string>()
  const caches = new Set<string>()
  const states = new Set<(state: string) => void>()
  const networks = new Set<(state: NetworkState) => void>()
  const device = {
    keychain,
    documents,
    caches,
    /** Every call, in order. */
    calls: [] as string[],
    fault: null as Fault,
    /** The keychain of iOS outlives the app, its files do not. */
    uninstallOnIos() {
      documents.clear()
      caches.clear()
    },
    uninstallOnAndroid() {
      keychain.clear()
      documents.clear()
      caches.clear()
    },
    /** Android answers null, and deletes the item, when the key of its Keystore is gone. */
    loseKey: () => keychain.clear(),
    /** The system does so when the storage is full, and the user in the settings. */
    emptyCaches: () => caches.clear(),
    /** Another phone, set up from a backup of this one. */
    restored() {
      const other = phone()
      for (const file of documents) other.documents.add(file)
      return other
    },
    say: (state: string) => states.forEach((listener) => listener(state)),
    connect: (state: NetworkState) => networks.forEach((listener) => listener(state)),
    listeners: () => states.size + networks.size,
  }

  async function call<Value>(name: 'get' | 'set' | 'delete', work: () => Value, value?: string): Promise<Value> {
    device.calls.push(name)
    const fault = device.fault?.(name, value)
    if (fault) return (await fault) as Value
    // Native modules answer later.
    await Promise.resolve()
    return work()
  }

  class File implements MarkFile {
    readonly #folder: Set<string>
    readonly #name: string
    constructor(folder: Set<string>, name: string) {
      this.#folder = folder
      this.#name = name
    }
    get exists(): boolean {
      return this.#folder.has(this.#name)
    }
    create(): void {
      if (this.exists) throw new Error('The file already exists.')
      this.#folder.add(this.#name)
    }
  }

  const checked = (key: string): string => {
    if (!/^[\w.-]+$/.test(key)) throw new Error('Invalid key provided to SecureStore.')
    return key
  }
  const subscribe = <Listener>(listeners: Set<Listener>, listener: Listener): NativeSubscription => {
    listeners.add(listener)
    return { remove: () => void listeners.delete(listener) }
  }
  const modules = {
    SecureStore: {
      AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY: 1,
      getItemAsync: (key: string) => call('get', () => keychain.get(checked(key))?.value ?? null),
      setItemAsync: (key: string, value: string, options: SecureStoreItemOptions = {}) =>
        call('set', () => void keychain.set(checked(key), { value, accessible: options.keychainAccessible }), value),
      deleteItemAsync: (key: string) => call('delete', () => void keychain.delete(checked(key))),
      // The functions of the module that its other users call at once.
      getItem: (key: string) => keychain.get(checked(key))?.value ?? null,
      setItem: (key: string, value: string) => void keychain.set(checked(key), { value, accessible: undefined }),
    },
    FileSystem: { File, Paths: { cache: caches, document: documents } } as unknown as FileSystemModule,
    AppState: {
      addEventListener: (_: 'change', listener: (state: string) => void) => subscribe(states, listener),
    },
    Network: {
      addNetworkStateListener: (listener: (state: NetworkState) => void) => subscribe(networks, listener),
    },
    getRandomValues: (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes),
  }
  return { ...device, modules, device }
}

/** See {@link phone}. */
export type Phone = ReturnType<typeof phone>
