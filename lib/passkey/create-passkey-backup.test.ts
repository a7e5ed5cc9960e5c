import { afterEach, describe, expect, test, vi } from 'vitest'
import { type TestBrowser, testBrowser } from '../client/client.testing.ts'
import type { Auth } from '../client/auth.ts'
import { LatchkeyError } from '../errors.ts'
import { decodeBase64url } from '../identity/encoding.ts'
import type { Backup } from '../keystore/record.ts'
import { checkOf } from '../recovery/secret-text.ts'
import { testDevice } from '../testing/device.ts'
import { memoryBackups } from '../testing/memory-backups.ts'
import { type Behaviour, type FakeAuthenticator, fakeAuthenticator } from './authenticator.testing.ts'
import { createPasskeyBackup } from './create-passkey-backup.ts'
import type { AddedPasskey, PasskeyBackups, PasskeyOptions } from './passkey-backups.ts'

const ANYONE = { replace: true, evenIfUnknown: true }

interface Page {
  readonly browser: TestBrowser
  readonly auth: Auth
  readonly passkeys: PasskeyBackups
}

async function page(browser = testBrowser(), options: Partial<PasskeyOptions> = {}): Promise<Page> {
  const auth = await browser.load()
  return { browser, auth, passkeys: createPasskeyBackup(auth, { app: 'Notes', clock: browser.clock.now, ...options }) }
}

async function emptyPage(options: Partial<PasskeyOptions> = {}): Promise<Page> {
  const browser = testBrowser()
  const auth = await browser.load({ initialMode: 'anonymous' })
  return { browser, auth, passkeys: createPasskeyBackup(auth, { app: 'Notes', clock: browser.clock.now, ...options }) }
}

const principalOf = ({ auth }: Page): string => auth.getState().session!.principal
const storageOf = ({ auth }: Page): object => auth.getState().storage

async function backupsOf({ auth }: Page): Promise<readonly Backup[]> {
  return (await auth.listIdentities({ withCurrent: true })).flatMap(({ backups }) => backups)
}

/** A device with a backup, which was sealed and not opened yet. */
async function sealed(behaviour?: Partial<Behaviour>): Promise<Page & { fake: FakeAuthenticator; file: string }> {
  const fake = fakeAuthenticator(behaviour)
  const first = await page()
  const { file } = await first.passkeys.seal(await first.passkeys.add({ label: 'my phone' }))
  return { ...first, fake, file }
}

afterEach(() => vi.unstubAllGlobals())

describe('a backup by a passkey', () => {
  test('is a passkey, then a file; it counts once the passkey opened the file that the user has', async () => {
    const fake = fakeAuthenticator()
    const first = await page()
    const added = await first.passkeys.add({ label: 'my phone' })
    expect(fake.created[0]!.user.name).toMatch(/^Recovery key · Notes · \d{4}-\d\d-\d\d$/)
    expect(await backupsOf(first)).toEqual([])
    expect(storageOf(first)).toMatchObject({ durability: 'ephemeral', advice: 'back-up' })

    const { file, reach } = await first.passkeys.seal(added)
    expect(reach).toBe('synced')
    const { credentialId } = added
    const recorded = { kind: 'passkey', label: 'my phone', credentialId, isSynced: true, envelope: file }
    expect(await backupsOf(first)).toMatchObject([{ ...recorded, shownAt: null, shownOn: null }])
    expect(storageOf(first)).toMatchObject({ durability: 'ephemeral', advice: 'test' })

    expect(await first.passkeys.verify(`\n${file}\n`)).toBe('synced')
    expect(await backupsOf(first)).toMatchObject([
      { ...recorded, shownAt: first.browser.clock.now(), shownOn: 'this-device' },
    ])
    expect(storageOf(first)).toMatchObject({ durability: 'recoverable', advice: 'none' })
  })

  test('asks the passkey of the file, if this device knows it', async () => {
    const first = await sealed()
    const [{ credentialId }] = (await backupsOf(first)) as [Backup]
    // The user would choose another one.
    await (await page()).passkeys.add()
    await first.passkeys.verify(first.file)
    const [descriptor] = first.fake.asked.at(-1)!.allowCredentials!
    expect(descriptor!.id).toEqual(decodeBase64url(credentialId!))
  })

  test('seals only the bytes of an assertion, and keeps none', async () => {
    const fake = fakeAuthenticator()
    const first = await page()
    const added = await first.passkeys.add()
    expect(fake.evaluated).toHaveLength(1)
    fake.evaluated[0] = new ArrayBuffer(32)
    const { file } = await first.passkeys.seal(added)
    expect(await first.passkeys.verify(file)).toBe('synced')
    expect(fake.evaluated.map((bytes) => [...new Uint8Array(bytes)].some(Boolean))).toEqual([false, false, false])
  })

  test.each(['add', 'seal', 'verify', 'readFile', 'readStored', 'removeStored'] as const)(
    'has its dialog closed by the signal of %s, and nothing has changed',
    async (act) => {
      const first = await sealed()
      const added = await first.passkeys.add({ credentialId: (await backupsOf(first))[0]!.credentialId! })
      const passkeys = createPasskeyBackup(first.auth, { app: 'Notes', store: memoryBackups() })
      const before = await first.browser.store.read()
      const begin = (signal: AbortSignal): Promise<unknown> => {
        if (act === 'seal') return passkeys.seal(added, { signal })
        if (act === 'verify' || act === 'readFile') return passkeys[act](first.file, { signal })
        return passkeys[act]({ signal })
      }
      await expect(begin(AbortSignal.abort('closed'))).rejects.toMatchObject({ code: 'PASSKEY_CANCELLED' })
      const stop = new AbortController()
      // The dialog of a browser stays open until the user answers, or the signal fires.
      const dialog = ({ signal }: CredentialRequestOptions): Promise<never> =>
        new Promise((_, reject) => signal!.addEventListener('abort', () => reject(signal!.reason)))
      vi.spyOn(navigator.credentials, 'get').mockImplementation((given) => dialog(given!))
      vi.spyOn(navigator.credentials, 'create').mockImplementation((given) => dialog(given!))
      const begun = begin(stop.signal)
      await vi.waitFor(
        () =>
          expect(
            vi.mocked(navigator.credentials.get).mock.calls.length +
              vi.mocked(navigator.credentials.create).mock.calls.length,
          ).toBe(1),
        { timeout: 30_000 },
      )
      stop.abort(new Error('the user left the page'))
      await expect(begun).rejects.toMatchObject({ code: 'PASSKEY_CANCELLED' })
      expect(await first.browser.store.read()).toEqual(before)
      expect(first.fake.credentials).toHaveLength(1)
    },
  )

  test('is not made twice in one authenticator', async () => {
    const first = await sealed()
    await expect(first.passkeys.add()).rejects.toMatchObject({ code: 'PASSKEY_EXISTS' })
  })

  test('is made for each identity of a device, in one authenticator too', async () => {
    const first = await sealed()
    await first.auth.importSecret((await testDevice()).secret, { replace: true })
    await first.passkeys.seal(await first.passkeys.add())
    expect(first.fake.credentials).toHaveLength(2)
    expect(await backupsOf(first)).toHaveLength(2)
  })

  test('of a passkey that stays on this device never counts, and is not listed', async () => {
    const first = await sealed({ isEligible: false, isSynced: false })
    expect(await first.passkeys.verify(first.file)).toBe('this-device')
    expect(await backupsOf(first)).toEqual([])
    expect(storageOf(first)).toMatchObject({ durability: 'ephemeral', advice: 'back-up' })
  })

  test('of a passkey that is not synced yet counts once it is, and no longer when it is not', async () => {
    const first = await sealed({ isSynced: false })
    expect(await first.passkeys.verify(first.file)).toBe('this-device')
    expect(storageOf(first)).toMatchObject({ durability: 'ephemeral', advice: 'test' })
    first.fake.behaviour = { ...first.fake.behaviour, isSynced: true }
    expect(await first.passkeys.verify(first.file)).toBe('synced')
    expect(storageOf(first)).toMatchObject({ durability: 'recoverable' })
    first.fake.behaviour = { ...first.fake.behaviour, isSynced: false }
    expect(await first.passkeys.verify(first.file)).toBe('this-device')
    expect(storageOf(first)).toMatchObject({ durability: 'ephemeral', advice: 'test' })
  })

  test('of a security key counts while the user has it', async () => {
    const first = await sealed({ attachment: 'cross-platform', isEligible: false, isSynced: false })
    expect(await first.passkeys.verify(first.file)).toBe('roaming')
    expect(storageOf(first)).toMatchObject({ durability: 'recoverable', advice: 'none' })
  })

  test('is not shown by a changed file, or by another passkey', async () => {
    const first = await sealed()
    const other = await page(testBrowser())
    await other.passkeys.add()
    const changed = first.file.replace(/"ct":"./, (start) => `"ct":"${start.endsWith('A') ? 'B' : 'A'}`)
    await expect(first.passkeys.verify(changed)).rejects.toMatchObject({ code: 'BACKUP_NOT_OPENED' })
    await expect(other.passkeys.verify(first.file)).rejects.toMatchObject({ code: 'BACKUP_NOT_OPENED' })
    await expect(first.passkeys.verify('{}')).rejects.toMatchObject({ code: 'BACKUP_FILE_INVALID' })
    expect(storageOf(first)).toMatchObject({ durability: 'ephemeral', advice: 'test' })
    expect(storageOf(other)).toMatchObject({ durability: 'ephemeral', advice: 'back-up' })
  })

  test.each([true, false])('of another identity does not count for this one (synced: %s)', async (isEligible) => {
    const first = await sealed({ isEligible, isSynced: isEligible })
    const other = await page()
    await expect(other.passkeys.verify(first.file)).rejects.toMatchObject({ code: 'PRINCIPAL_MISMATCH' })
    expect(await backupsOf(other)).toEqual([])
    expect(storageOf(other)).toMatchObject({ durability: 'ephemeral', advice: 'back-up' })
  })

  test('is not sealed for another identity that became current meanwhile', async () => {
    const fake = fakeAuthenticator()
    const first = await page()
    const added = await first.passkeys.add()
    await first.auth.importSecret((await testDevice()).secret, { replace: true })
    await expect(first.passkeys.seal(added)).rejects.toMatchObject({ code: 'PRINCIPAL_MISMATCH' })
    expect(fake.asked).toEqual([])
    expect(await backupsOf(first)).toEqual([])
  })

  test('that could not be opened again is not given to the user, and not recorded', async () => {
    fakeAuthenticator()
    const first = await page()
    for (const wrong of [{ label: 5 }, { credentialId: 5 }])
      await expect(first.passkeys.add(wrong as object)).rejects.toThrow(TypeError)
    const { label: _, ...added } = await first.passkeys.add()
    for (const wrong of [added, { ...added, label: '', createdAt: Number.NaN }])
      await expect(first.passkeys.seal(wrong as AddedPasskey)).rejects.toMatchObject({ code: 'BACKUP_NOT_OPENED' })
    expect(await backupsOf(first)).toEqual([])
    expect(storageOf(first)).toMatchObject({ advice: 'back-up' })
  })

  test.each(['add', 'seal', 'verify'] as const)('that the user dismisses changes nothing: %s', async (step) => {
    const fake = fakeAuthenticator()
    const first = await page()
    const added = await first.passkeys.add()
    const { file } = await first.passkeys.seal(added)
    const state = first.auth.getState()
    const record = await first.browser.store.read()
    fake.behaviour = { ...fake.behaviour, failure: 'NotAllowedError' }
    const act = {
      add: () => first.passkeys.add(),
      seal: () => first.passkeys.seal(added),
      verify: () => first.passkeys.verify(file),
    }
    await expect(act[step]()).rejects.toMatchObject({ code: 'PASSKEY_CANCELLED' })
    expect(first.auth.getState()).toBe(state)
    expect(await first.browser.store.read()).toEqual(record)
    expect(fake.signalled).toEqual([])
  })

  test('is too late once the secret was replaced by keys: no passkey is created', async () => {
    const first = await sealed()
    const auth = await first.browser.load({ harden: 'always' })
    await vi.waitFor(() => expect(auth.getState().storage.protection).toBe('hardened'), { timeout: 30_000 })
    const later = createPasskeyBackup(auth, { app: 'Notes', clock: first.browser.clock.now })
    await expect(later.add()).rejects.toMatchObject({ code: 'SECRET_HARDENED' })
    expect(first.fake.created).toHaveLength(1)
    // One that was made before can still be shown.
    await later.verify(first.file)
    expect(auth.getState().storage).toMatchObject({ durability: 'recoverable', protection: 'hardened' })
  })

  test('is made even where the store is full', async () => {
    fakeAuthenticator()
    const browser = testBrowser()
    let isFull = false
    const full = {
      ...browser.store,
      update: (async (...given) => {
        if (isFull) throw new LatchkeyError('KEYSTORE_FULL')
        return browser.store.update(...given)
      }) as typeof browser.store.update,
    }
    const first = await page(testBrowser(undefined, undefined, full))
    isFull = true
    const { file } = await first.passkeys.seal(await first.passkeys.add())
    const second = await emptyPage()
    expect(await second.passkeys.readFile(file)).toMatchObject({ principal: principalOf(first) })
    expect(storageOf(first)).toMatchObject({ problem: 'KEYSTORE_FULL' })
  })
})

describe('a restore', () => {
  test('brings the same identity and the same keys to an empty device, and shows the backup (checklist 29: by the PRF of a passkey)', async () => {
    const first = await sealed()
    const second = await emptyPage()
    const preview = await second.passkeys.readFile(first.file)
    expect(preview).toEqual({
      principal: principalOf(first),
      check: await checkOf(await first.auth.exportSecret()),
      knownHere: false,
      knownToServer: 'offline',
      replaces: null,
      label: 'my phone',
      createdAt: first.browser.clock.now(),
      reach: 'synced',
    })
    expect(await second.browser.store.read()).toBeUndefined()
    expect(second.auth.getState().session).toBeNull()

    expect(await second.passkeys.importBackup(preview, { evenIfUnknown: true })).toEqual(first.auth.getState().session)
    expect(await second.auth.deriveKey('notes')).toEqual(await first.auth.deriveKey('notes'))
    expect(await backupsOf(second)).toMatchObject([{ kind: 'passkey', label: 'my phone', shownOn: 'another' }])
    expect(storageOf(second)).toMatchObject({ durability: 'recoverable', advice: 'none' })
  })

  test('by a passkey of this device alone shows no backup', async () => {
    const first = await sealed({ isEligible: false, isSynced: false })
    const second = await emptyPage()
    await second.passkeys.importBackup(await second.passkeys.readFile(first.file), ANYONE)
    expect(principalOf(second)).toBe(principalOf(first))
    expect(storageOf(second)).toMatchObject({ durability: 'ephemeral', advice: 'back-up' })
  })

  test('of an unknown identity is refused until the user was told', async () => {
    const first = await sealed()
    const second = await emptyPage({ account: first.browser.account.provider })
    const preview = await second.passkeys.readFile(first.file)
    expect(preview).toMatchObject({ knownHere: false, knownToServer: false })
    await expect(second.passkeys.importBackup(preview)).rejects.toMatchObject({ code: 'RESTORE_UNKNOWN' })
    expect(await second.browser.store.read()).toBeUndefined()
  })

  test('in place of another identity has to be asked for, and sets aside only the one in the preview', async () => {
    const first = await sealed()
    const second = await page()
    const state = second.auth.getState()
    const preview = await second.passkeys.readFile(first.file)
    expect(preview.replaces).toBe(principalOf(second))
    await expect(second.passkeys.importBackup(preview, { evenIfUnknown: true })).rejects.toMatchObject({
      code: 'IDENTITY_CHANGED',
    })
    expect(second.auth.getState()).toBe(state)

    const third = await testDevice()
    await (await second.browser.load()).importSecret(third.secret, { replace: true })
    await expect(second.passkeys.importBackup(preview, ANYONE)).rejects.toMatchObject({ code: 'IDENTITY_CHANGED' })
    expect((await second.browser.load()).getState().session).toMatchObject({ principal: third.principal })

    await second.passkeys.importBackup(await second.passkeys.readFile(first.file), ANYONE)
    expect(principalOf(second)).toBe(principalOf(first))
    expect(await second.auth.listIdentities()).toHaveLength(2)
  })

  test('never takes the place of an account', async () => {
    const first = await sealed()
    const second = await page()
    await second.auth.upgrade(() => second.browser.account.signUp('ada'))
    const { session } = second.auth.getState()
    const preview = await second.passkeys.readFile(first.file)
    await expect(second.passkeys.importBackup(preview, ANYONE)).rejects.toMatchObject({ code: 'IDENTITY_CHANGED' })
    expect(second.auth.getState().session).toEqual(session)
    expect(await backupsOf(second)).toEqual([])
  })

  test('repeated is the same identity once', async () => {
    const first = await sealed()
    const second = await emptyPage()
    const preview = await second.passkeys.readFile(first.file)
    await second.passkeys.importBackup(preview, ANYONE)
    const record = await second.browser.store.read()
    await second.passkeys.importBackup(preview, ANYONE)
    expect(await second.browser.store.read()).toEqual(record)
  })

  test.each<[string, Partial<Behaviour>]>([
    ['evaluates other bytes', { evaluate: (bytes) => new Uint8Array(bytes).map((byte) => byte ^ 1).buffer }],
    ['evaluates constant bytes', { evaluate: () => new ArrayBuffer(32) }],
  ])('by a passkey that %s changes nothing', async (_, behaviour) => {
    const first = await sealed()
    const second = await page()
    const state = second.auth.getState()
    const record = await second.browser.store.read()
    first.fake.behaviour = { ...first.fake.behaviour, ...behaviour }
    await expect(second.passkeys.readFile(first.file)).rejects.toMatchObject({ code: 'BACKUP_NOT_OPENED' })
    expect(second.auth.getState()).toBe(state)
    expect(await second.browser.store.read()).toEqual(record)
    expect(first.fake.signalled).toEqual([])
  })

  test('by another passkey that the user chose changes nothing, and deletes none', async () => {
    const first = await sealed()
    const second = await page()
    await second.passkeys.add()
    first.fake.choice = 1
    await expect(second.passkeys.readFile(first.file)).rejects.toMatchObject({ code: 'BACKUP_NOT_OPENED' })
    first.fake.choice = 0
    expect(await second.passkeys.readFile(first.file)).toMatchObject({ principal: principalOf(first) })
    expect(first.fake.signalled).toEqual([])
  })

  test('opens nothing of another app or site, with the same passkey', async () => {
    const first = await sealed()
    const other = await emptyPage({ name: 'tasks' })
    await expect(other.passkeys.readFile(first.file)).rejects.toMatchObject({ code: 'BACKUP_NOT_OPENED' })
    first.fake.credentials.push({ ...first.fake.credentials[0]!, rpId: 'example' })
    const wider = await emptyPage({ rpId: 'example' })
    await expect(wider.passkeys.readFile(first.file)).rejects.toMatchObject({ code: 'BACKUP_NOT_OPENED' })
  })

  test('opens what was sealed for an earlier site of the app, if it says so', async () => {
    const first = await sealed()
    const moved = await emptyPage({ rpId: 'notes.new.example' })
    await expect(moved.passkeys.readFile(first.file)).rejects.toMatchObject({ code: 'PASSKEY_CANCELLED' })
    expect(await moved.passkeys.readFile(first.file, { rpId: 'notes.example' })).toMatchObject({
      principal: principalOf(first),
    })
  })

  test('of a text that is no backup asks for no passkey', async () => {
    const fake = fakeAuthenticator()
    const second = await emptyPage()
    await expect(second.passkeys.readFile('words of a wallet')).rejects.toMatchObject({ code: 'BACKUP_FILE_INVALID' })
    expect(fake.asked).toEqual([])
  })

  test('takes only a preview of its own', async () => {
    const first = await sealed()
    const second = await emptyPage()
    const preview = await second.passkeys.readFile(first.file)
    await expect(second.passkeys.importBackup({ ...preview }, ANYONE)).rejects.toThrow(TypeError)
    expect(Object.isFrozen(preview)).toBe(true)
    expect(await second.browser.store.read()).toBeUndefined()
  })

  test('while an upgrade is going on is refused', async () => {
    const first = await sealed()
    const second = await page()
    const preview = await second.passkeys.readFile(first.file)
    await second.auth.upgrade(async () => {
      await expect(second.passkeys.importBackup(preview, ANYONE)).rejects.toMatchObject({ code: 'UPGRADE_IN_PROGRESS' })
      return second.browser.account.signUp('ada')
    })
    expect(second.auth.getState().session).toMatchObject({ authMode: 'external' })
  })
})

describe('nothing that an app sees', () => {
  test('contains the secret', async () => {
    const first = await sealed()
    const secret = await first.auth.exportSecret()
    const added = await (await page()).passkeys.add()
    const second = await emptyPage()
    first.fake.choice = 0
    const preview = await second.passkeys.readFile(first.file)
    const failures = await Promise.all(
      [second.passkeys.importBackup(preview), second.passkeys.importBackup({ ...preview }, ANYONE)].map((work) =>
        work.then(String, (error: Error) => `${error.message}${JSON.stringify(error)}${String(error.cause)}`),
      ),
    )
    for (const seen of [JSON.stringify([preview, added]), first.file, ...failures]) expect(seen).not.toContain(secret)
  })
})

test('the name of the app is needed', async () => {
  const auth = await testBrowser().load()
  expect(() => createPasskeyBackup(auth, { app: '' })).toThrow(TypeError)
  // It would seal for another relying party.
  const misspelled = { app: 'Notes', rpID: 'notes.example' }
  expect(() => createPasskeyBackup(auth, misspelled)).toThrow(/^rpID: unknown option/)
})
