import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Backups, backupsOf } from './backup-bindings.ts'
import type { Store } from './bindings.ts'
import { testBrowser } from './client/client.testing.ts'
import { LatchkeyError } from './errors.ts'
import { fakeAuthenticator } from './passkey/authenticator.testing.ts'
import { createPasskeyBackup } from './passkey/create-passkey-backup.ts'
import { type WordsBackup, createRecovery } from './recovery/create-recovery.ts'
import { memoryBackups } from './testing/memory-backups.ts'

/** Waits until a component would show what is expected. */
const until = (store: Store<Backups>, isShown: (shown: Backups) => boolean): Promise<void> =>
  new Promise((resolve) => {
    const check = (): void => {
      if (!isShown(store.getState())) return
      stop()
      resolve()
    }
    const stop = store.subscribe(check)
    queueMicrotask(check)
  })

/** An identity without a backup, whose backups a component shows. */
async function shownPage() {
  const browser = testBrowser()
  const auth = await browser.load()
  const store = backupsOf(auth)
  const stop = store.subscribe(() => {})
  await until(store, ({ phase }) => phase === 'ready')
  return { browser, auth, store, stop, recovery: createRecovery(auth) }
}

const typedOf = ({ words, places }: WordsBackup): string[] => places.map((place) => words[place - 1]!)
const kindsOf = ({ backups }: Backups) => backups.map(({ kind, shownAt }) => `${kind} ${shownAt !== null}`)
const briefOf = (shown: Backups) => [shown.advice, kindsOf(shown), shown.words !== null, shown.failure]

afterEach(() => vi.unstubAllGlobals())

describe('the backups of an identity', () => {
  test('are loaded once a component shows them, as one list for all components', async () => {
    const auth = await testBrowser().load()
    const store = backupsOf(auth)
    expect(backupsOf(auth)).toBe(store)
    expect(store.getServerState()).toMatchObject({ phase: 'starting', advice: 'none', backups: [], words: null })
    expect(store.getState()).toMatchObject({ phase: 'loading', advice: 'back-up', canBackUp: true, backups: [] })
    const stop = store.subscribe(() => {})
    await until(store, ({ phase }) => phase === 'ready')
    expect(store.getState()).toBe(store.getState())
    stop()
  })

  test('have no owner without an identity', async () => {
    const store = backupsOf(await testBrowser().load({ initialMode: 'anonymous' }))
    store.subscribe(() => {})
    expect(store.getState()).toMatchObject({ phase: 'none', advice: 'none', canBackUp: false })
  })

  test('of another tab are there once this one has read the record', async () => {
    const { browser, auth, store } = await shownPage()
    const other = await browser.load()
    const { confirmWords, beginWords } = backupsOf(other).getState()
    await confirmWords(typedOf((await beginWords(createRecovery(other)))!))
    await auth.listIdentities()
    await until(store, ({ backups }) => backups.length > 0)
    expect(briefOf(store.getState())).toEqual(['none', ['words true'], false, null])
  })

  test('that the store cannot give are `failed` with its code, and are there after `reload`', async () => {
    const auth = await testBrowser().load()
    const list = vi.spyOn(auth, 'listIdentities').mockRejectedValueOnce(new LatchkeyError('KEYSTORE_UNAVAILABLE'))
    const store = backupsOf(auth)
    store.subscribe(() => {})
    await until(store, ({ phase }) => phase === 'failed')
    expect(store.getState().failure).toBe('KEYSTORE_UNAVAILABLE')
    list.mockRestore()
    await store.getState().reload()
    expect(store.getState()).toMatchObject({ phase: 'ready', failure: null })
  })
})

describe('a backup by words', () => {
  test('is begun, mistyped, and confirmed', async () => {
    const { store, recovery } = await shownPage()
    const { beginWords, confirmWords } = store.getState()
    const words = await beginWords(recovery, { label: 'on paper' })
    expect(store.getState().words).toBe(words)
    expect(briefOf(store.getState())).toEqual(['test', ['words false'], true, null])
    expect(await confirmWords(['one', 'two', 'three'])).toBe(false)
    expect(briefOf(store.getState())).toEqual(['test', ['words false'], true, 'PHRASE_MISMATCH'])
    expect(await confirmWords(typedOf(words!))).toBe(true)
    expect(briefOf(store.getState())).toEqual(['none', ['words true'], false, null])
    expect(store.getState()).toMatchObject({ durability: 'recoverable', isBusy: false })
    expect(await confirmWords(typedOf(words!))).toBe(false)
  })

  test('is shown until it is cancelled, also while nothing shows it, and never for another identity', async () => {
    const { auth, store, stop, recovery } = await shownPage()
    const { beginWords, cancel } = store.getState()
    await beginWords(recovery)
    stop()
    store.subscribe(() => {})
    expect(store.getState().words).not.toBeNull()
    await cancel()
    expect(briefOf(store.getState())).toEqual(['test', ['words false'], false, null])
    await beginWords(recovery)
    await auth.signOut()
    expect(store.getState()).toMatchObject({ phase: 'none', words: null })
    await auth.ensureIdentity()
    expect(store.getState().words).toBeNull()
  })

  test('of a secret that was replaced by keys fails, while another method runs it does nothing', async () => {
    const { auth, store, recovery } = await shownPage()
    vi.spyOn(auth, 'exportSecret').mockRejectedValueOnce(new LatchkeyError('SECRET_HARDENED'))
    const { beginWords } = store.getState()
    const [first, second] = [beginWords(recovery), beginWords(recovery)]
    expect(store.getState().isBusy).toBe(true)
    expect([await first, await second]).toEqual([null, null])
    expect(store.getState()).toMatchObject({ failure: 'SECRET_HARDENED', words: null, isBusy: false })
  })

  test('with a mistake of the program rejects, and is over', async () => {
    const { store, recovery } = await shownPage()
    await expect(store.getState().beginWords(recovery, { label: 7 as never })).rejects.toThrow(TypeError)
    expect(store.getState()).toMatchObject({ failure: null, isBusy: false })
  })
})

describe('a backup by a passkey', () => {
  test('is a passkey, then a file, and counts once the file was opened', async () => {
    fakeAuthenticator()
    const { browser, auth, store } = await shownPage()
    const passkeys = createPasskeyBackup(auth, { app: 'Notes', clock: browser.clock.now })
    const { addPasskey, sealPasskey, verifyPasskey } = store.getState()
    expect(await sealPasskey()).toBeNull()
    const passkey = await addPasskey(passkeys, { label: 'my phone' })
    expect(store.getState()).toMatchObject({ passkey, sealed: null, backups: [] })
    const sealed = await sealPasskey()
    expect(store.getState()).toMatchObject({ passkey: null, sealed, advice: 'test' })
    expect(await verifyPasskey(passkeys, 'another file')).toBeNull()
    expect(store.getState()).toMatchObject({ failure: 'BACKUP_FILE_INVALID', sealed })
    expect(await verifyPasskey(passkeys, sealed!.file)).toBe('synced')
    expect(store.getState()).toMatchObject({ sealed: null, advice: 'none', durability: 'recoverable', failure: null })
    expect(kindsOf(store.getState())).toEqual(['passkey true'])
  })

  test('is removed from a store, where none is the failure has its code', async () => {
    fakeAuthenticator()
    const { auth, store } = await shownPage()
    const passkeys = createPasskeyBackup(auth, { app: 'Notes', store: memoryBackups() })
    const { addPasskey, sealPasskey, verifyPasskey, removeStored } = store.getState()
    await addPasskey(passkeys)
    await sealPasskey()
    await verifyPasskey(passkeys)
    expect(kindsOf(store.getState())).toEqual(['passkey true'])
    expect(await removeStored(passkeys)).toBe(true)
    expect(kindsOf(store.getState())).toEqual([])
    expect(await removeStored(passkeys)).toBe(false)
    expect(store.getState().failure).toBe('BACKUP_UNKNOWN')
  })

  test('that is tested or removed leaves another one that was begun', async () => {
    fakeAuthenticator()
    const { auth, store } = await shownPage()
    const passkeys = createPasskeyBackup(auth, { app: 'Notes', store: memoryBackups() })
    const { addPasskey, sealPasskey, verifyPasskey, beginWords, removeStored, confirmWords } = store.getState()
    await addPasskey(passkeys)
    await sealPasskey()
    const words = await beginWords(createRecovery(auth))
    expect(await verifyPasskey(passkeys)).toBe('synced')
    expect(store.getState()).toMatchObject({ words, failure: null })
    expect(await removeStored(passkeys)).toBe(true)
    expect(store.getState()).toMatchObject({ words, failure: null })
    expect(await confirmWords(words!.places.map((place) => words!.words[place - 1]!))).toBe(true)
    expect(store.getState()).toMatchObject({ words: null, advice: 'none' })
  })
})
