import { IDBFactory } from 'fake-indexeddb'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createSecret, formatSecret } from '../../identity/secret.ts'
import { indexedDbStore } from '../../keystore/indexed-db.ts'
import { fileStore } from '../../keystore/file.ts'
import { memoryStore } from '../../keystore/memory.ts'
import type { DeviceEntry, Keyring } from '../../keystore/record.ts'
import { parseKeyring } from '../../keystore/keyring.ts'
import type { RecordStore } from '../../keystore/store.ts'
import { createTokenVerifier } from '../../tokens/verify.ts'
import { type TestBrowser, testBrowser } from '../client.testing.ts'
import type { Auth } from '../auth.ts'
import type { AuthOptions } from '../auth.ts'

afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

const protectionOf = (auth: Auth): string => auth.getState().storage.protection

async function deviceIn(store: RecordStore): Promise<DeviceEntry> {
  return parseKeyring(await store.read())!.entries.find((entry): entry is DeviceEntry => entry.kind === 'device')!
}

/** Signed up, with an account that can be recovered from now on. */
async function recoverable(
  browser: TestBrowser = testBrowser(),
  options: AuthOptions = {},
  before: (auth: Auth) => Promise<unknown> = async () => {},
): Promise<Auth> {
  const auth = await browser.load(options)
  await before(auth)
  await auth.upgrade(() => browser.account.signUp('ada'))
  browser.server.accounts.get('ada')!.recoverable = true
  auth.close()
  return browser.load(options)
}

describe('once the account brings the principal back', () => {
  test('the secret is replaced by keys that sign and derive the same', async () => {
    const browser = testBrowser()
    const first = await browser.load()
    const principal = first.getState().session!.principal
    const { secret } = await deviceIn(browser.store)
    const auth = await recoverable(browser)
    await vi.waitFor(() => expect(protectionOf(auth)).toBe('hardened'), { timeout: 30_000 })

    const stored = await deviceIn(browser.store)
    expect(stored.secret).toBeUndefined()
    expect(stored.keys!.sign.extractable).toBe(false)
    expect(JSON.stringify(await browser.store.read())).not.toContain(secret)
    await expect(auth.exportSecret()).rejects.toMatchObject({ code: 'SECRET_HARDENED' })
    expect(auth.getState()).toMatchObject({ authMode: 'external', session: { principal } })
  })

  test('the secret of an adopted device goes, too', async () => {
    const browser = testBrowser()
    browser.server.accounts.set('ada', {
      accountId: 'account-ada',
      principal: 'ada',
      aliases: [],
      recoverable: true,
      claims: {},
      identifiers: [],
    })
    const first = await browser.load()
    await first.markWritten()
    await first.upgrade(() => browser.account.signIn('ada'))
    expect(await first.resolveConflict('adopt')).toMatchObject({ outcome: 'adopted' })
    const auth = await browser.load()
    await vi.waitFor(() => expect(protectionOf(auth)).toBe('hardened'), { timeout: 30_000 })
    expect((await deviceIn(browser.store)).secret).toBeUndefined()
  })

  test('not where the app said no', async () => {
    const browser = testBrowser()
    const auth = await recoverable(browser, { harden: 'never' })
    await vi.waitFor(() => expect(auth.getState().storage.durability).toBe('recoverable'), { timeout: 30_000 })
    expect(protectionOf(auth)).toBe('extractable')
    expect((await deviceIn(browser.store)).secret).toBeDefined()
  })

  test('not where a key was derived and nothing but the secret brings it back', async () => {
    const browser = testBrowser()
    const auth = await recoverable(browser, {}, (before) => before.deriveKey('notes'))
    await vi.waitFor(
      () => expect(browser.account.calls.filter((call) => call === 'getSession').length).toBeGreaterThan(1),
      { timeout: 30_000 },
    )
    await auth.getToken()
    expect(protectionOf(auth)).toBe('extractable')
    expect(auth.getState().storage.durability).not.toBe('recoverable')
  })

  test('nor where the secret was imported, which is no evidence of a backup', async () => {
    const browser = testBrowser()
    const auth = await recoverable(browser, { initialMode: 'anonymous' }, async (before) => {
      await before.importSecret(formatSecret(createSecret()))
      await before.deriveKey('notes')
    })
    await vi.waitFor(
      () => expect(browser.account.calls.filter((call) => call === 'getSession').length).toBeGreaterThan(1),
      { timeout: 30_000 },
    )
    await auth.getToken()
    expect(protectionOf(auth)).toBe('extractable')
    expect(auth.getState().storage.durability).not.toBe('recoverable')
  })

  test('and then as soon as a backup was confirmed', async () => {
    const browser = testBrowser()
    await recoverable(browser, {}, async (before) => {
      await before.deriveKey('notes')
      await before.confirmBackup(await before.exportSecret())
    })
    const auth = await browser.load()
    await vi.waitFor(() => expect(protectionOf(auth)).toBe('hardened'), { timeout: 30_000 })
  })
})

describe("harden: 'always'", () => {
  test('keeps only keys from the first start on, and they last over reloads', async () => {
    vi.stubGlobal('indexedDB', new IDBFactory())
    const browser = testBrowser(undefined, undefined, indexedDbStore('hardened'))
    const first = await browser.load({ harden: 'always' })
    await vi.waitFor(() => expect(protectionOf(first)).toBe('hardened'), { timeout: 30_000 })
    const { principal } = first.getState().session!
    first.close()

    const auth = await browser.load({ harden: 'always' })
    const verifier = createTokenVerifier({ audience: 'https://app.example', clock: browser.clock.now })
    await expect(verifier.verify((await auth.getToken())!)).resolves.toMatchObject({ principal })
    auth.close()
  })

  test('derives what the secret derived', async () => {
    const browser = testBrowser()
    const plain = await browser.load()
    const secret = await plain.exportSecret()
    const expected = await plain.deriveKey('notes')
    const auth = await testBrowser().load({ harden: 'always', initialMode: 'anonymous' })
    await auth.importSecret(secret)
    await vi.waitFor(() => expect(protectionOf(auth)).toBe('hardened'), { timeout: 30_000 })
    expect(await auth.deriveKey('notes')).toEqual(expected)
  })

  test('what is taken over from an upgrade signs proofs too', async () => {
    const browser = testBrowser()
    const auth = await browser.load({ harden: 'always' })
    await vi.waitFor(() => expect(protectionOf(auth)).toBe('hardened'), { timeout: 30_000 })
    const { principal } = auth.getState().session!
    expect(await auth.upgrade(() => browser.account.signUp('ada'))).toMatchObject({
      outcome: 'upgraded',
      session: { principal },
    })
  })
})

describe('an engine that cannot keep such keys', () => {
  /** A store that behaves as engines do that refuse to store a CryptoKey. */
  function refusing(): RecordStore {
    const inner = memoryStore()
    return {
      ...inner,
      update: (updater) =>
        inner.update((found) => {
          const next = updater(found)
          const hasKeys = (next as unknown as Keyring | undefined)?.entries?.some(
            (entry) => entry.kind === 'device' && entry.keys,
          )
          if (hasKeys) throw new DOMException('no', 'DataCloneError')
          return next
        }),
    }
  }

  test('leaves the secret as it was, and nothing is wrong with the store', async () => {
    const store = refusing()
    const auth = await testBrowser(undefined, undefined, store).load({ harden: 'always' })
    await auth.markWritten()
    expect(auth.getState().storage).toEqual({
      durability: 'ephemeral',
      protection: 'extractable',
      canBackUp: true,
      advice: 'back-up',
    })
    expect((await deviceIn(store)).secret).toBeDefined()
    expect(await auth.getToken()).not.toBeNull()
  })

  test('nothing is wrong with a store of text either, which is tried once', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'latchkey-harden-'))
    try {
      const store = fileStore(join(folder, 'record.json'))
      const update = vi.spyOn(store, 'update')
      const auth = await testBrowser(undefined, undefined, store).load({ harden: 'always' })
      const refused = async () =>
        (await Promise.allSettled(update.mock.results.map(({ value }) => value))).filter(
          ({ status }) => status === 'rejected',
        )
      await vi.waitFor(async () => expect(await refused()).toMatchObject([{ reason: expect.any(TypeError) }]), {
        timeout: 30_000,
      })
      expect(auth.getState().storage).toMatchObject({ durability: 'persistent', protection: 'extractable' })
      expect(auth.getState().storage.problem).toBeUndefined()
      // It announces a change, which hardening follows.
      await auth.markWritten()
      expect(await refused()).toHaveLength(1)
      expect((await deviceIn(store)).secret).toBeDefined()
      auth.close()
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('keeps the secret where the keys come back broken', async () => {
    const inner = memoryStore()
    const other = await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])
    const breakKeys = (value: unknown): unknown => {
      const keyring = value as Keyring | undefined
      return (
        keyring && {
          ...keyring,
          entries: keyring.entries.map((entry) =>
            entry.kind === 'device' && entry.keys
              ? { ...entry, keys: { ...entry.keys, sign: other.privateKey } }
              : entry,
          ),
        }
      )
    }
    const store: RecordStore = { ...inner, read: async () => breakKeys(await inner.read()) }
    const auth = await testBrowser(undefined, undefined, store).load({ harden: 'always' })
    await vi.waitFor(async () => expect((await deviceIn(inner)).keys).toBeUndefined(), { timeout: 30_000 })
    expect((await deviceIn(inner)).secret).toBeDefined()
    expect(protectionOf(auth)).toBe('extractable')
  })

  test('a page that died between the two writes is finished by the next start', async () => {
    const browser = testBrowser()
    const auth = await browser.load({ harden: 'always' })
    await vi.waitFor(() => expect(protectionOf(auth)).toBe('hardened'), { timeout: 30_000 })
    const { keys } = await deviceIn(browser.store)
    const fresh = testBrowser()
    const unhardened = await fresh.load()
    const secret = await unhardened.exportSecret()
    await fresh.store.update((found) => {
      const keyring = found as Keyring
      return { ...keyring, entries: keyring.entries.map((entry) => ({ ...entry, keys })) }
    })
    // Keys beside the secret, and even another device's: the secret still counts, and the keys are made anew.
    const next = await fresh.load({ harden: 'always' })
    await vi.waitFor(() => expect(protectionOf(next)).toBe('hardened'), { timeout: 30_000 })
    expect(next.getState().session).toEqual(unhardened.getState().session)
    expect(secret).toHaveLength(43)
    const verifier = createTokenVerifier({ audience: 'https://app.example', clock: fresh.clock.now })
    await expect(verifier.verify((await next.getToken())!)).resolves.toMatchObject({
      principal: next.getState().session!.principal,
    })
  })
})
