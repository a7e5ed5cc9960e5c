import { LatchkeyError, type RecordStore } from '../../lib/index.ts'
import { guarded, parseRecordText, stringifyRecord, withTimeout } from '../../lib/platform.ts'
import { type FileSystemModule, installMarks } from './install-marks.ts'
import { inTurn } from './turns.ts'

/** The part of `expo-secure-store` that is used. */
export interface SecureStoreModule {
  readonly AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY: number
  /** Returns the value; null if there is none. */
  getItemAsync(key: string, options?: SecureStoreItemOptions): Promise<string | null>
  /** Stores a value. */
  setItemAsync(key: string, value: string, options?: SecureStoreItemOptions): Promise<void>
  /** Deletes a value. */
  deleteItemAsync(key: string, options?: SecureStoreItemOptions): Promise<void>
}

/** How an item is stored. */
export interface SecureStoreItemOptions {
  readonly keychainAccessible?: number
}

/** Options of {@link secureStore}. */
export interface SecureStoreOptions {
  /** `import * as SecureStore from 'expo-secure-store'`. */
  readonly SecureStore: SecureStoreModule
  /** `import * as FileSystem from 'expo-file-system'`. */
  readonly FileSystem: FileSystemModule
  /** Separates several stores of one app: letters, digits, `.`, `-` and `_`. Defaults to `latchkey`. */
  readonly name?: string
  /**
   * What happens to an identity that an earlier installation of the app left in the iOS keychain. `keep`, the default,
   * makes it current again. `forget` deletes it, with everything stored with it. A function is called when this
   * happens, and decides, at once and without a promise. If it fails, the error is reported and the identity is kept.
   */
  readonly onReinstall?: OnReinstall
  /**
   * Called before `forget` deletes the identity: delete what else the earlier installation left of its user. Nothing is
   * read or deleted before it is done, at most 10 seconds. If it fails, the store is `KEYSTORE_UNAVAILABLE`; if it
   * takes longer, `KEYSTORE_TIMEOUT`; the next access calls it again. It must not use the `auth` that is being opened.
   */
  readonly onForget?: () => void | Promise<void>
}

/** See {@link SecureStoreOptions.onReinstall}. */
export type OnReinstall = 'keep' | 'forget' | (() => 'keep' | 'forget')

/** Time limit for the keychain, including the operations that wait for it. */
const TIMEOUT_MS = 10_000

/** Size in bytes above which some systems refuse a value. */
const SAFE_BYTES = 2048

/**
 * Creates a store in one item of SecureStore: in the iOS keychain or the Android Keystore. The item does not leave the
 * device. After a restart it cannot be read until the device is unlocked for the first time: reading rejects with
 * `KEYSTORE_UNAVAILABLE`.
 *
 * Only one process may use it: an app extension would be a second one.
 *
 * @throws {TypeError} an option is invalid
 */
export function secureStore(options: SecureStoreOptions): RecordStore {
  const { SecureStore, FileSystem, name = 'latchkey', onReinstall = 'keep', onForget } = options
  if (!/^[\w.-]+$/.test(name)) throw new TypeError('name: expected letters, digits, ".", "-" and "_"')
  if (typeof onReinstall !== 'function') checkAnswer(onReinstall)
  if (onForget !== undefined && typeof onForget !== 'function') throw new TypeError('onForget: expected a function')
  const key = `latchkey.${name}`
  const item = openItem(SecureStore, key)
  const marks = installMarks(FileSystem, key)

  /** The text of the record; an item of an earlier installation is kept or deleted first. */
  async function readText(checkTime: () => void): Promise<string | null> {
    const text = await item.get()
    if (text === null || !marks.isNew()) return text
    if (wantsKept(onReinstall)) {
      marks.afterRecord()
      return text
    }
    // In this order: a process that ends in between does both again.
    await reported(() => withTimeout((async () => onForget?.())(), TIMEOUT_MS, late))
    checkTime()
    await item.remove()
    return null
  }

  async function change<Value>(updater: (found: unknown) => Value, checkTime: () => void): Promise<Value> {
    const found = readRecord(await readText(checkTime))
    const next = updater(found)
    if ((next as unknown) === found) return next
    const text = stringifyRecord(next)
    checkTime()
    // In this order: a process that ends in between leaves neither a false loss nor a false reinstallation.
    marks.beforeRecord()
    await item.put(text)
    marks.afterRecord()
    return next
  }

  return {
    durability: 'persistent',
    protection: 'keychain',
    trace: { found: marks.hadRecord, leave: marks.afterRecord },
    read: () => bounded(key, async (checkTime) => readRecord(await readText(checkTime))),
    update: (updater) => bounded(key, (checkTime) => change(updater, checkTime)),
    close() {},
  }
}

function readRecord(text: string | null): unknown {
  return text === null ? undefined : parseRecordText(text)
}

/** Nothing is deleted by mistake: a function that fails, or whose answer is no answer, is reported. */
function wantsKept(onReinstall: OnReinstall): boolean {
  let answer: unknown = onReinstall
  guarded(() => {
    if (typeof onReinstall === 'function') answer = onReinstall()
    checkAnswer(answer)
  })
  return answer !== 'forget'
}

/** @throws {TypeError} neither `keep` nor `forget`, such as a promise */
function checkAnswer(answer: unknown): void {
  if (answer !== 'keep' && answer !== 'forget') throw new TypeError("onReinstall: expected 'keep' or 'forget'")
}

interface Item {
  get(): Promise<string | null>
  put(text: string): Promise<void>
  remove(): Promise<void>
}

function openItem(SecureStore: SecureStoreModule, key: string): Item {
  const how = { keychainAccessible: SecureStore.AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY }
  const get = (): Promise<string | null> => reported(() => SecureStore.getItemAsync(key, how))
  return {
    get,
    async put(text) {
      const code = new TextEncoder().encode(text).length > SAFE_BYTES ? 'KEYSTORE_FULL' : 'KEYSTORE_UNAVAILABLE'
      await reported(() => SecureStore.setItemAsync(key, text, how), code)
      // A write can be lost without an error: only what is read back is stored.
      if ((await get()) !== text) throw new LatchkeyError(code, 'the value was not stored')
    },
    async remove() {
      await reported(() => SecureStore.deleteItemAsync(key, how))
      if ((await get()) !== null) throw new LatchkeyError('KEYSTORE_UNAVAILABLE', 'the value was not deleted')
    },
  }
}

/** @throws {LatchkeyError} `code`: the system refused it, for example while it is locked */
async function reported<Value>(
  call: () => Promise<Value>,
  code: 'KEYSTORE_UNAVAILABLE' | 'KEYSTORE_FULL' = 'KEYSTORE_UNAVAILABLE',
): Promise<Value> {
  try {
    return await call()
  } catch (cause) {
    throw new LatchkeyError(code, undefined, cause)
  }
}

/**
 * Runs work in its turn, with a time limit. After the limit `checkTime` throws, so that an update that was reported as
 * failed is not begun later.
 */
function bounded<Value>(key: string, work: (checkTime: () => void) => Promise<Value>): Promise<Value> {
  let isLate = false
  const checkTime = (): void => void (isLate && late())
  const running = inTurn(key, async () => {
    checkTime()
    return work(checkTime)
  })
  return withTimeout(running, TIMEOUT_MS, () => {
    isLate = true
    return late()
  })
}

function late(): never {
  throw new LatchkeyError('KEYSTORE_TIMEOUT')
}
