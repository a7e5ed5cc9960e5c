import { afterEach, describe, expect, test, vi } from 'vitest'
import { fakeAuthenticator } from '../../passkey/authenticator.testing.ts'
import { createPasskeyBackup } from '../../passkey/create-passkey-backup.ts'
import { createRecovery } from '../../recovery/create-recovery.ts'
import { testDevice } from '../../testing/device.ts'
import { memoryBackups } from '../../testing/memory-backups.ts'
import { testBrowser } from '../client.testing.ts'

/** A first device with an account, and a second one that signed in to it and has no key of it. */
async function twoDevices() {
  const first = testBrowser()
  const upgraded = await first.load({ harden: 'never' })
  const secret = await upgraded.exportSecret()
  await upgraded.upgrade(() => first.account.signUp('ada'))
  const second = testBrowser(first.server)
  const auth = await second.load({ harden: 'never' })
  expect((await auth.upgrade(() => second.account.signIn('ada'))).outcome).toBe('switched')
  return { first: upgraded, secret, browser: second, auth, server: first.server }
}

afterEach(() => vi.unstubAllGlobals())

describe('unlocking data', () => {
  test('adds the keys of the account to a device that signed in, and changes no identity', async () => {
    const { first, secret, browser, auth } = await twoDevices()
    const { session } = auth.getState()
    await expect(auth.deriveKey('notes')).rejects.toMatchObject({ code: 'IDENTITY_UNKNOWN' })
    await auth.unlockData(secret)
    expect(await auth.deriveKey('notes')).toEqual(await first.deriveKey('notes'))
    expect(auth.getState()).toMatchObject({ authMode: 'external', session })
    expect((await browser.load()).getState()).toMatchObject({ authMode: 'external', session })
  })

  test('works for a preview of words and of a passkey', async () => {
    const fake = fakeAuthenticator()
    const { first, secret, auth } = await twoDevices()
    const store = memoryBackups()
    const made = createPasskeyBackup(first, { app: 'Notes', store })
    await made.seal(await made.add())
    const passkeys = createPasskeyBackup(auth, { app: 'Notes', store })
    await passkeys.unlockData(await passkeys.readStored())
    expect(await auth.deriveKey('notes')).toEqual(await first.deriveKey('notes'))
    expect(await auth.listIdentities({ withCurrent: true })).toMatchObject([
      {},
      { backups: [{ kind: 'passkey', shownOn: 'another' }] },
    ])
    expect(fake.signalled).toEqual([])

    const other = await twoDevices()
    const recovery = createRecovery(other.auth)
    await recovery.unlockData(await recovery.readSecret(other.secret))
    expect(await other.auth.deriveKey('notes')).toEqual(await other.first.deriveKey('notes'))
    await expect(recovery.unlockData(await recovery.readSecret(secret))).rejects.toMatchObject({
      code: 'PRINCIPAL_MISMATCH',
    })
  })

  test('works for an alias, whose keys are those of its own secret', async () => {
    const { server, secret } = await twoDevices()
    const third = testBrowser(server)
    const auth = await third.load({ harden: 'never', describeLocal: () => ({ items: 1 }) })
    const alias = auth.getState().session!.principal
    const before = await auth.deriveKey('notes')
    await auth.upgrade(() => third.account.signIn('ada'))
    expect((await auth.resolveConflict('adopt')).outcome).toBe('adopted')
    await expect(auth.deriveKey('notes')).rejects.toMatchObject({ code: 'IDENTITY_UNKNOWN' })
    expect(await auth.deriveKey('notes', { principal: alias })).toEqual(before)
    await auth.unlockData(secret)
    expect(await auth.deriveKey('notes')).not.toEqual(before)
    expect(await auth.deriveKey('notes', { principal: alias })).toEqual(before)
  })

  test('of another identity is refused, and so are its keys', async () => {
    const { browser, auth } = await twoDevices()
    const record = await browser.store.read()
    const { secret } = await testDevice()
    await expect(auth.unlockData(secret)).rejects.toMatchObject({ code: 'PRINCIPAL_MISMATCH' })
    await expect(auth.unlockData('no secret')).rejects.toMatchObject({ code: 'SECRET_INVALID' })
    expect(await browser.store.read()).toEqual(record)
    // Set aside by the sign-in.
    const [kept] = await auth.listIdentities()
    await expect(auth.deriveKey('notes', { principal: kept!.principal })).rejects.toMatchObject({
      code: 'IDENTITY_UNKNOWN',
    })
  })

  test('without an identity is refused', async () => {
    const browser = testBrowser()
    const auth = await browser.load({ initialMode: 'anonymous' })
    await expect(auth.unlockData((await testDevice()).secret)).rejects.toMatchObject({ code: 'PRINCIPAL_MISMATCH' })
    expect(await browser.store.read()).toBeUndefined()
  })

  test('keeps the secret through a sign-out, as long as no backup was shown', async () => {
    const { secret, browser, auth, server } = await twoDevices()
    server.accounts.get('ada')!.recoverable = true
    await auth.unlockData(secret)
    await auth.signOut()
    const { principal } = await testDevice(secret)
    expect(await auth.listIdentities()).toEqual(expect.arrayContaining([expect.objectContaining({ principal })]))
    expect(await browser.store.read()).toBeDefined()
  })

  test('does not bring back a secret that was replaced by keys', async () => {
    const browser = testBrowser()
    const secret = await (await browser.load()).exportSecret()
    const auth = await browser.load({ harden: 'always' })
    await vi.waitFor(() => expect(auth.getState().storage.protection).toBe('hardened'), { timeout: 30_000 })
    await auth.unlockData(secret)
    expect(auth.getState().storage.protection).toBe('hardened')
  })
})

describe('data of an identity that an account adopted', () => {
  /** A browser with data that only its own secret can decrypt, whose identity is an alias of an account now. */
  async function adopted() {
    const { server, secret } = await twoDevices()
    server.accounts.get('ada')!.recoverable = true
    const browser = testBrowser(server)
    const auth = await browser.load({ harden: 'never', describeLocal: () => ({ items: 1 }) })
    const alias = auth.getState().session!.principal
    await auth.deriveKey('notes')
    await auth.upgrade(() => browser.account.signIn('ada'))
    expect((await auth.resolveConflict('adopt')).outcome).toBe('adopted')
    expect(auth.getState().session!.principal).not.toBe(alias)
    return { auth, alias, secret }
  }

  test('has a backup advised, which protects it from then on', async () => {
    const { auth, alias } = await adopted()
    expect(auth.getState().storage).toMatchObject({ canBackUp: true, advice: 'back-up' })
    expect(auth.getState().storage.durability).not.toBe('recoverable')
    const text = await auth.exportSecret({ principal: alias, label: 'paper' })
    expect((await testDevice(text)).principal).toBe(alias)
    expect(auth.getState().storage.advice).toBe('test')
    await auth.confirmBackup(text)
    expect(auth.getState().storage).toMatchObject({ durability: 'recoverable', canBackUp: true, advice: 'none' })
  })

  test('is what a backup is made of if the app names no principal: the one that is advised', async () => {
    const { auth, alias, secret } = await adopted()
    const recovery = createRecovery(auth)
    const words = await recovery.beginBackup()
    expect(words.principal).toBe(alias)
    await recovery.confirmBackup(
      words,
      words.places.map((place) => words.words[place - 1]!),
    )
    expect(auth.getState().storage).toMatchObject({ durability: 'recoverable', advice: 'none' })
    // The account's own key comes first, as soon as data depends on it.
    await auth.unlockData(secret)
    expect(auth.getState().storage).toMatchObject({ canBackUp: true, advice: 'test' })
    expect(await auth.exportSecret()).toBe(secret)
    expect((await recovery.beginBackup({ principal: alias })).principal).toBe(alias)
  })

  test('is what a passkey protects', async () => {
    fakeAuthenticator()
    const { auth, alias } = await adopted()
    const passkeys = createPasskeyBackup(auth, { app: 'Notes', store: memoryBackups() })
    const added = await passkeys.add()
    expect(added.principal).toBe(alias)
    await passkeys.seal(added)
    expect(auth.getState().storage.advice).toBe('test')
    await passkeys.verify()
    expect(auth.getState().storage).toMatchObject({ durability: 'recoverable', advice: 'none' })
    await auth.signOut()
    await expect(passkeys.seal(added)).rejects.toMatchObject({ code: 'PRINCIPAL_MISMATCH' })
  })

  test('of an identity that was set aside is not in reach', async () => {
    const { auth } = await twoDevices()
    const [kept] = await auth.listIdentities()
    const { principal } = kept!
    await expect(auth.exportSecret({ principal })).rejects.toMatchObject({ code: 'IDENTITY_UNKNOWN' })
    await expect(auth.exportSecret({ principal: 7 as never })).rejects.toThrow(TypeError)
    await expect(createRecovery(auth).beginBackup({ principal })).rejects.toMatchObject({ code: 'IDENTITY_UNKNOWN' })
  })
})

describe('an account', () => {
  test('says that earlier backups restore data only, and the record keeps them', async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    await auth.confirmBackup(await auth.exportSecret())
    const result = await auth.upgrade(() => browser.account.signUp('ada'))
    expect(result).toMatchObject({ outcome: 'upgraded', backups: 'data-only' })
    browser.server.accounts.get('ada')!.recoverable = true
    const later = await browser.load()
    await vi.waitFor(() => expect(later.getState().storage.protection).toBe('hardened'), { timeout: 30_000 })
    expect((await later.listIdentities({ withCurrent: true }))[0]!.backups).toHaveLength(1)
  })

  test('says nothing where there was no backup, or only of an identity that was set aside', async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    expect(await auth.upgrade(() => browser.account.signUp('ada'))).not.toHaveProperty('backups')
    const second = testBrowser(browser.server)
    const other = await second.load()
    await other.confirmBackup(await other.exportSecret())
    const result = await other.upgrade(() => second.account.signIn('ada'))
    expect(result.outcome).toBe('switched')
    expect(result).not.toHaveProperty('backups')
  })

  test('that adopts says it of the alias', async () => {
    const { server } = await twoDevices()
    const third = testBrowser(server)
    const auth = await third.load({ describeLocal: () => ({ items: 1 }) })
    await auth.confirmBackup(await auth.exportSecret())
    await auth.upgrade(() => third.account.signIn('ada'))
    expect(await auth.resolveConflict('adopt')).toMatchObject({ outcome: 'adopted', backups: 'data-only' })
  })
})
