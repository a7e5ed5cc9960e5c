import { describe, expect, test, vi } from 'vitest'
import { testBrowser } from '../client/client.testing.ts'
import { LatchkeyError } from '../errors.ts'
import { formatSecret } from '../identity/secret.ts'
import type { DeviceEntry } from '../keystore/record.ts'
import { parseKeyring } from '../keystore/keyring.ts'
import type { RecordStore } from '../keystore/store.ts'
import { testDevice } from '../testing/device.ts'
import vectors from '../vectors/bip39.json' with { type: 'json' }
import { type WordsBackup, createRecovery } from './create-recovery.ts'
import { toPhrase } from './phrase.ts'
import type { RestorePreview } from './restore.ts'
import { checkOf, toCheckedText } from './secret-text.ts'

/** A valid phrase of a wallet: 24 words of BIP-39 that were not made here. */
const WALLET = vectors.vectors[1]!.words

const typedOf = ({ words, places }: WordsBackup): string[] => places.map((place) => words[place - 1]!)

async function deviceIn(store: RecordStore, principal: string): Promise<DeviceEntry | undefined> {
  return parseKeyring(await store.read())?.entries.find(
    (entry): entry is DeviceEntry => entry.kind === 'device' && entry.principal === principal,
  )
}

test('an option that is misspelled is refused: its check would not run', async () => {
  const auth = await testBrowser().load()
  expect(() => createRecovery(auth, { isknown: () => true } as object)).toThrow(/^isknown: unknown option/)
})

describe('a backup by words', () => {
  test('counts once three of the words were typed again', async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    const recovery = createRecovery(auth)
    const backup = await recovery.beginBackup({ label: 'on paper' })
    const secret = await auth.exportSecret()
    expect(backup).toMatchObject({
      principal: auth.getState().session!.principal,
      check: await checkOf(secret),
      words: (await toPhrase(secret)).split(' '),
    })
    expect(auth.getState().storage).toMatchObject({ durability: 'ephemeral', advice: 'test' })

    await recovery.confirmBackup(
      backup,
      typedOf(backup).map((word) => ` ${word.slice(0, 4).toUpperCase()} `),
    )
    expect(auth.getState().storage).toMatchObject({ durability: 'recoverable', advice: 'none' })
    expect((await deviceIn(browser.store, backup.principal))!.backups).toMatchObject([
      { kind: 'words', label: 'on paper', shownOn: 'this-device' },
    ])
  })

  test('asks for three different places, in order, and other ones each time', async () => {
    const recovery = createRecovery(await testBrowser().load())
    const drawn = await Promise.all(Array.from({ length: 40 }, async () => (await recovery.beginBackup()).places))
    for (const places of drawn) {
      expect(places.every((place) => Number.isInteger(place) && place >= 1 && place <= 24)).toBe(true)
      expect(places).toEqual([...new Set(places)].sort((one, other) => one - other))
      expect(places).toHaveLength(3)
    }
    expect(new Set(drawn.map(String)).size).toBeGreaterThan(20)
  })

  test('does not count with a wrong word, a missing one, or words from other places', async () => {
    const auth = await testBrowser().load()
    const recovery = createRecovery(auth)
    const backup = await recovery.beginBackup()
    const typed = typedOf(backup)
    const wrong = (word: string): string => (word === 'zoo' ? 'zone' : 'zoo')
    const refused = [
      [],
      typed.slice(0, 2),
      ['', '', ''],
      [wrong(typed[0]!), typed[1]!, typed[2]!],
      [typed[0]!, typed[1]!, wrong(typed[2]!)],
      [typed.join(' '), typed[1]!, typed[2]!],
    ]
    for (const words of refused) {
      const error: unknown = await recovery.confirmBackup(backup, words).catch((failure: unknown) => failure)
      expect(error).toMatchObject({ code: 'PHRASE_MISMATCH' })
      expect(String(error)).toMatch(/^LatchkeyError: PHRASE_MISMATCH: word \d+$/)
    }
    expect(auth.getState().storage).toMatchObject({ durability: 'ephemeral', advice: 'test' })
  })

  test('does not count for another identity that became current meanwhile', async () => {
    const auth = await testBrowser().load()
    const recovery = createRecovery(auth)
    const backup = await recovery.beginBackup()
    await auth.importSecret((await testDevice()).secret, { replace: true })
    await expect(recovery.confirmBackup(backup, typedOf(backup))).rejects.toMatchObject({ code: 'PRINCIPAL_MISMATCH' })
    expect(auth.getState().storage).toMatchObject({ durability: 'ephemeral', advice: 'back-up' })
  })

  test('is too late once the secret was replaced by keys, and can be confirmed even then', async () => {
    const browser = testBrowser()
    const before = await browser.load()
    const recovery = createRecovery(before)
    const backup = await recovery.beginBackup()
    const auth = await browser.load({ harden: 'always' })
    await vi.waitFor(() => expect(auth.getState().storage.protection).toBe('hardened'), { timeout: 30_000 })
    await expect(createRecovery(auth).beginBackup()).rejects.toMatchObject({ code: 'SECRET_HARDENED' })
    await recovery.confirmBackup(backup, typedOf(backup))
    expect(before.getState().storage).toMatchObject({ durability: 'recoverable', canBackUp: false, advice: 'none' })
  })

  test('is an object of this recovery only', async () => {
    const auth = await testBrowser().load()
    const backup = await createRecovery(auth).beginBackup()
    await expect(createRecovery(auth).confirmBackup(backup, typedOf(backup))).rejects.toThrow(TypeError)
    expect(JSON.stringify(backup)).not.toContain(await auth.exportSecret())
  })
})

describe('a preview', () => {
  test('says whose the words are, and stores nothing (checklist 32: recovery shows whom it brings before it stores)', async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    const state = auth.getState()
    const record = await browser.store.read()
    const other = await testDevice()
    const recovery = createRecovery(auth)
    expect(await recovery.readPhrase(await toPhrase(other.secret))).toEqual({
      principal: other.principal,
      check: await checkOf(other.secret),
      knownHere: false,
      knownToServer: 'offline',
      replaces: state.session!.principal,
    })
    expect(auth.getState()).toBe(state)
    expect(await browser.store.read()).toEqual(record)
    expect(browser.account.calls).not.toContain('isKnown')
  })

  test.each(['readPhrase', 'readSecret'] as const)('by %s stops waiting once its signal fires', async (read) => {
    const auth = await testBrowser().load()
    const isKnown = vi.fn(() => new Promise<boolean>(() => {}))
    const recovery = createRecovery(auth, { isKnown, audience: 'https://app.example' })
    const { secret } = await testDevice()
    const text = read === 'readSecret' ? secret : await toPhrase(secret)
    await expect(recovery[read](text, { signal: AbortSignal.abort('closed') })).rejects.toBe('closed')
    expect(isKnown).not.toHaveBeenCalled()
    const stop = new AbortController()
    const reading = recovery[read](text, { signal: stop.signal })
    await vi.waitFor(() => expect(isKnown).toHaveBeenCalledOnce(), { timeout: 30_000 })
    stop.abort('closed')
    await expect(reading).rejects.toBe('closed')
  })

  test('reads the text form too, and says the same', async () => {
    const { secret } = await testDevice()
    const recovery = createRecovery(await testBrowser().load())
    const read = await recovery.readPhrase(await toPhrase(secret))
    expect(await recovery.readSecret(await toCheckedText(secret))).toEqual(read)
    expect(await recovery.readSecret(secret)).toEqual(read)
    await expect(recovery.readSecret((await toCheckedText(secret)).slice(0, -1))).rejects.toMatchObject({
      code: 'SECRET_MISTYPED',
    })
  })

  test('knows the identities of this device: the current one, and those that were set aside', async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    const own = await toPhrase(await auth.exportSecret())
    const recovery = createRecovery(auth)
    expect(await recovery.readPhrase(own)).toMatchObject({ knownHere: true, replaces: null })
    const other = await testDevice()
    await auth.importSecret(other.secret, { replace: true })
    expect(await recovery.readPhrase(own)).toMatchObject({ knownHere: true, replaces: other.principal })
    await auth.signOut()
    expect(await recovery.readPhrase(own)).toMatchObject({ knownHere: true, replaces: null })
  })

  test("knows the principals of this device's account", async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    const own = await toPhrase(await auth.exportSecret())
    await auth.upgrade(() => browser.account.signUp('ada'))
    expect(await createRecovery(auth).readPhrase(own)).toMatchObject({ knownHere: true, replaces: null })
    const other = await createRecovery(auth).readPhrase(WALLET)
    expect(other).toMatchObject({ knownHere: false, replaces: auth.getState().session!.principal })
  })

  test('contains no secret, and is frozen', async () => {
    const auth = await testBrowser().load()
    const preview = await createRecovery(auth).readPhrase(await toPhrase(await auth.exportSecret()))
    expect(JSON.stringify(preview)).not.toContain(await auth.exportSecret())
    expect(Object.isFrozen(preview)).toBe(true)
  })
})

describe('a restore', () => {
  test('brings the same identity and the same keys to another device (checklist 29: by 24 words)', async () => {
    const first = await testBrowser().load()
    const backup = await createRecovery(first).beginBackup()
    const browser = testBrowser()
    const second = await browser.load()
    const own = second.getState().session!
    const recovery = createRecovery(second)
    const preview = await recovery.readPhrase(backup.words.join(' '))
    expect(preview.check).toBe(backup.check)
    expect(await recovery.importPhrase(preview, { replace: true, evenIfUnknown: true })).toEqual(
      first.getState().session,
    )
    expect(await second.deriveKey('notes')).toEqual(await first.deriveKey('notes'))
    expect(await second.listIdentities()).toMatchObject([{ principal: own.principal }])
    expect((await browser.load()).getState().session).toEqual(first.getState().session)
  })

  test('shows no backup: three of the words are to be typed again', async () => {
    const auth = await testBrowser().load({ initialMode: 'anonymous' })
    const recovery = createRecovery(auth)
    await recovery.importPhrase(await recovery.readPhrase(WALLET), { evenIfUnknown: true })
    expect(auth.getState().storage).toMatchObject({ durability: 'ephemeral', advice: 'test' })
    const backup = await recovery.beginBackup()
    await recovery.confirmBackup(backup, typedOf(backup))
    expect(auth.getState().storage).toMatchObject({ durability: 'recoverable', advice: 'none' })
  })

  test("of an unknown phrase, such as a wallet's, is refused until the user was told", async () => {
    for (const knownToServer of [false, 'offline'] as const) {
      const browser = testBrowser()
      const auth = await browser.load({ initialMode: 'anonymous' })
      const recovery = createRecovery(auth, {
        clock: browser.clock.now,
        ...(knownToServer === false && { account: browser.account.provider }),
      })
      const preview = await recovery.readPhrase(WALLET)
      expect(preview).toMatchObject({ knownHere: false, knownToServer })
      await expect(recovery.importPhrase(preview)).rejects.toMatchObject({ code: 'RESTORE_UNKNOWN' })
      expect(await browser.store.read()).toBeUndefined()
      expect(auth.getState().session).toBeNull()
      await recovery.importPhrase(preview, { evenIfUnknown: true })
      expect(auth.getState().session!.principal).toBe(preview.principal)
    }
  })

  test('of two swapped words that match the checksum by chance is one of an unknown phrase', async () => {
    const words = vectors.cross_check[0]!.words.split(' ')
    const browser = testBrowser()
    const recovery = createRecovery(await browser.load(), {
      account: browser.account.provider,
      clock: browser.clock.now,
    })
    const swaps = words.flatMap((word, first) =>
      words.slice(first + 1).map((other, gap) =>
        words
          .with(first, other)
          .with(first + 1 + gap, word)
          .join(' '),
      ),
    )
    const found: RestorePreview[] = []
    for (const swapped of swaps.filter((text) => text !== words.join(' ')))
      await recovery.readPhrase(swapped).then(
        (preview) => found.push(preview),
        (error: unknown) => expect(error).toMatchObject({ code: 'PHRASE_CHECKSUM' }),
      )
    expect(found.length).toBeGreaterThan(0)
    for (const preview of found) {
      expect(preview).toMatchObject({ knownHere: false, knownToServer: false })
      await expect(recovery.importPhrase(preview, { replace: true })).rejects.toMatchObject({ code: 'RESTORE_UNKNOWN' })
    }
  })

  test.each([{ evenIfUnknown: 'no' }, { evenIfUnknown: true, replace: 'no' }])(
    'refuses options of other types, and changes nothing: %j',
    async (options) => {
      const browser = testBrowser()
      const auth = await browser.load()
      const recovery = createRecovery(auth)
      const preview = await recovery.readPhrase(WALLET)
      const record = await browser.store.read()
      await expect(recovery.importPhrase(preview, options as object)).rejects.toThrow(TypeError)
      expect(await browser.store.read()).toEqual(record)
    },
  )

  test('in place of another identity has to be asked for', async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    const state = auth.getState()
    const recovery = createRecovery(auth)
    const preview = await recovery.readPhrase(WALLET)
    await expect(recovery.importPhrase(preview, { evenIfUnknown: true })).rejects.toMatchObject({
      code: 'IDENTITY_CHANGED',
    })
    expect(auth.getState()).toBe(state)
  })

  test('sets aside only the identity in the preview', async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    const recovery = createRecovery(auth)
    const preview = await recovery.readPhrase(WALLET)
    const other = await testDevice()
    await (await browser.load()).importSecret(other.secret, { replace: true })
    await expect(recovery.importPhrase(preview, { replace: true, evenIfUnknown: true })).rejects.toMatchObject({
      code: 'IDENTITY_CHANGED',
    })
    expect((await browser.load()).getState().session).toMatchObject({ principal: other.principal })
    expect(await deviceIn(browser.store, preview.principal)).toBeUndefined()
  })

  test('never takes the place of an account', async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    await auth.upgrade(() => browser.account.signUp('ada'))
    const state = auth.getState()
    const recovery = createRecovery(auth)
    const preview = await recovery.readPhrase(WALLET)
    await expect(recovery.importPhrase(preview, { replace: true, evenIfUnknown: true })).rejects.toMatchObject({
      code: 'IDENTITY_CHANGED',
    })
    expect(auth.getState().session).toEqual(state.session)
    expect(await deviceIn(browser.store, preview.principal)).toBeUndefined()
  })

  test('repeated is the same identity once, and a backup that was shown stays shown', async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    const recovery = createRecovery(auth)
    const backup = await recovery.beginBackup()
    await recovery.confirmBackup(backup, typedOf(backup))
    const record = await browser.store.read()
    const preview = await recovery.readPhrase(backup.words.join(' '))
    for (let times = 0; times < 3; times++) await recovery.importPhrase(preview)
    expect(await browser.store.read()).toEqual(record)
    expect(auth.getState().storage).toMatchObject({ durability: 'recoverable' })
  })

  test('takes only a preview of its own', async () => {
    const browser = testBrowser()
    const auth = await browser.load({ initialMode: 'anonymous' })
    const recovery = createRecovery(auth)
    const preview = await recovery.readPhrase(WALLET)
    const options = { evenIfUnknown: true }
    for (const forged of [{ ...preview }, { ...preview, knownHere: true }, {} as RestorePreview])
      await expect(recovery.importPhrase(forged, options)).rejects.toThrow(TypeError)
    await expect(createRecovery(auth).importPhrase(preview, options)).rejects.toThrow(TypeError)
    expect(await browser.store.read()).toBeUndefined()
  })

  test('while an upgrade is going on is refused', async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    const recovery = createRecovery(auth)
    const preview = await recovery.readPhrase(WALLET)
    const state = auth.getState()
    await auth.upgrade(async () => {
      await expect(recovery.importPhrase(preview, { replace: true, evenIfUnknown: true })).rejects.toMatchObject({
        code: 'UPGRADE_IN_PROGRESS',
      })
      return browser.account.signUp('ada')
    })
    expect(auth.getState().session).toMatchObject({ principal: state.session!.principal, authMode: 'external' })
  })

  test('of a hardened identity makes its secret available again, and nothing else changes', async () => {
    const browser = testBrowser()
    const before = await browser.load()
    const secret = await before.exportSecret()
    const session = before.getState().session
    const auth = await browser.load({ harden: 'always' })
    await vi.waitFor(() => expect(auth.getState().storage.protection).toBe('hardened'), { timeout: 30_000 })
    auth.close()
    const later = await browser.load({ harden: 'never' })
    const recovery = createRecovery(later)
    expect(await recovery.importPhrase(await recovery.readPhrase(await toPhrase(secret)))).toEqual(session)
    expect(later.getState().storage).toMatchObject({ canBackUp: true, protection: 'extractable' })
  })

  test('after the site data was cleared is possible, and creates no identity before', async () => {
    const browser = testBrowser()
    const trace = { found: () => true, leave: () => {} }
    const cleared: RecordStore = { ...browser.store, trace }
    const auth = await testBrowser(browser.server, browser.clock, cleared).load()
    expect(auth.getState()).toMatchObject({ session: null, storage: { problem: 'KEYSTORE_VANISHED' } })
    const { secret, principal } = await testDevice()
    const recovery = createRecovery(auth)
    const preview = await recovery.readPhrase(await toPhrase(secret))
    expect(preview).toMatchObject({ principal, knownHere: false, replaces: null })
    expect(await cleared.read()).toBeUndefined()
    expect(await recovery.importPhrase(preview, { evenIfUnknown: true })).toMatchObject({ principal })
  })

  test('where the store cannot be read is refused before anything is shown', async () => {
    const broken: RecordStore = {
      ...testBrowser().store,
      read: () => Promise.reject(new LatchkeyError('KEYSTORE_BLOCKED')),
    }
    const auth = await testBrowser(undefined, undefined, broken).load()
    await expect(createRecovery(auth).readPhrase(WALLET)).rejects.toMatchObject({ code: 'KEYSTORE_BLOCKED' })
  })
})

describe('no message', () => {
  test('contains a word or the secret', async () => {
    const auth = await testBrowser().load()
    const recovery = createRecovery(auth)
    // Not a random one: some words of the list, such as `word`, are in messages.
    const secret = formatSecret(Uint8Array.from({ length: 32 }, (_, place) => place))
    const phrase = await toPhrase(secret)
    const preview = await recovery.readPhrase(phrase)
    const failures = await Promise.all(
      [
        recovery.importPhrase(preview),
        recovery.importPhrase(preview, { evenIfUnknown: true }),
        recovery.importPhrase({ ...preview }),
        recovery.readPhrase(`${phrase} more`),
        recovery.readSecret(`${secret}=`),
        recovery.readSecret(`lk1-${secret}`),
      ].map((work) => work.then(String, (error: Error) => `${error.message}${JSON.stringify(error)}${error.cause}`)),
    )
    for (const said of failures) {
      expect(said).not.toContain(secret)
      for (const word of phrase.split(' ')) expect(said).not.toMatch(new RegExp(`\\b${word}\\b`))
    }
  })
})
