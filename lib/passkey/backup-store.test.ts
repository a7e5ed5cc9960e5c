import { afterEach, describe, expect, test, vi } from 'vitest'
import { type TestBrowser, testBrowser } from '../client/client.testing.ts'
import type { Auth } from '../client/auth.ts'
import { LatchkeyError } from '../errors.ts'
import { encodeBase64url } from '../identity/encoding.ts'
import type { Backup } from '../keystore/record.ts'
import { testDevice } from '../testing/device.ts'
import { type MemoryBackups, memoryBackups } from '../testing/memory-backups.ts'
import { type Behaviour, type FakeAuthenticator, fakeAuthenticator } from './authenticator.testing.ts'
import { createPasskeyBackup } from './create-passkey-backup.ts'
import type { PasskeyBackups } from './passkey-backups.ts'

const ANYONE = { replace: true, evenIfUnknown: true }

interface Page {
  readonly browser: TestBrowser
  readonly auth: Auth
  readonly passkeys: PasskeyBackups
}

async function page(store: MemoryBackups, initialMode: 'local-first' | 'anonymous' = 'local-first'): Promise<Page> {
  const browser = testBrowser()
  const auth = await browser.load({ initialMode })
  return { browser, auth, passkeys: createPasskeyBackup(auth, { app: 'Notes', store }) }
}

const principalOf = ({ auth }: Page): string => auth.getState().session!.principal
const storageOf = ({ auth }: Page): object => auth.getState().storage

async function backupsOf({ auth }: Page): Promise<readonly Backup[]> {
  return (await auth.listIdentities({ withCurrent: true })).flatMap(({ backups }) => backups)
}

interface Kept extends Page {
  readonly fake: FakeAuthenticator
  readonly store: MemoryBackups
  readonly file: string
}

/** A device whose backup is in a store. */
async function kept(behaviour?: Partial<Behaviour>): Promise<Kept> {
  const fake = fakeAuthenticator(behaviour)
  const store = memoryBackups()
  const first = await page(store)
  const { file, problem } = await first.passkeys.seal(await first.passkeys.add({ label: 'my phone' }))
  expect(problem).toBeUndefined()
  return { ...first, fake, store, file }
}

/** Everything that a device holds, to compare. */
async function stateOf({ browser, auth }: Page): Promise<unknown> {
  return { state: auth.getState(), record: await browser.store.read() }
}

afterEach(() => {
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

describe('a backup in a store', () => {
  test('brings the identity back to an empty device by the passkey alone', async () => {
    const first = await kept()
    const second = await page(first.store, 'anonymous')
    const preview = await second.passkeys.readStored()
    expect(preview).toMatchObject({ principal: principalOf(first), label: 'my phone', reach: 'synced', replaces: null })
    expect(await second.browser.store.read()).toBeUndefined()
    expect(first.fake.asked.at(-1)!.allowCredentials).toEqual([])

    await expect(second.passkeys.importBackup(preview)).rejects.toMatchObject({ code: 'RESTORE_UNKNOWN' })
    expect(await second.passkeys.importBackup(preview, ANYONE)).toEqual(first.auth.getState().session)
    expect(await second.auth.deriveKey('notes')).toEqual(await first.auth.deriveKey('notes'))
    expect(await backupsOf(second)).toMatchObject([{ kind: 'passkey', shownOn: 'another' }])
  })

  test('counts once the passkey opened what the store has, without a file', async () => {
    const first = await kept()
    expect(storageOf(first)).toMatchObject({ durability: 'ephemeral', advice: 'test' })
    expect(await first.passkeys.verify()).toBe('synced')
    expect(storageOf(first)).toMatchObject({ durability: 'recoverable', advice: 'none' })
  })

  test('is the file, and the store has neither the locator nor what the passkey evaluated', async () => {
    const first = await kept()
    expect([...first.store.kept.values()]).toEqual([first.file])
    const asked: string[] = []
    const read = first.store.read.bind(first.store)
    vi.spyOn(first.store, 'read').mockImplementation((locator) => (asked.push(locator), read(locator)))
    await first.passkeys.verify()
    expect(asked).toHaveLength(1)
    expect([...first.store.kept.keys()]).not.toContain(asked[0])
    expect(first.fake.evaluated.every((bytes) => new Uint8Array(bytes).every((byte) => byte === 0))).toBe(false)
    expect(first.fake.evaluated.slice(1).every((bytes) => new Uint8Array(bytes).every((byte) => byte === 0))).toBe(true)
  })

  test('that the store does not take is a file all the same, and is put by the next attempt', async () => {
    fakeAuthenticator()
    const store = memoryBackups()
    store.online = false
    const first = await page(store)
    const added = await first.passkeys.add()
    expect(await first.passkeys.seal(added)).toMatchObject({ file: expect.any(String), problem: 'OFFLINE' })
    store.online = true
    expect((await first.passkeys.seal(added)).problem).toBeUndefined()
    expect(await first.passkeys.verify()).toBe('synced')
  })

  test('that the store did not take, and whose file was not saved, is made again with the passkey that exists', async () => {
    fakeAuthenticator()
    const store = memoryBackups()
    store.online = false
    const first = await page(store)
    await first.passkeys.seal(await first.passkeys.add())
    store.online = true
    await expect(first.passkeys.add()).rejects.toMatchObject({ code: 'PASSKEY_EXISTS' })
    await expect(first.passkeys.verify()).rejects.toMatchObject({ code: 'BACKUP_UNKNOWN' })
    const credentialId = (await backupsOf(first))[0]!.credentialId!
    expect((await first.passkeys.seal(await first.passkeys.add({ credentialId }))).problem).toBeUndefined()
    expect(await first.passkeys.verify()).toBe('synced')
    expect(storageOf(first)).toMatchObject({ durability: 'recoverable', advice: 'none' })
  })

  test('whose first response was lost is put once: the second attempt finds it', async () => {
    fakeAuthenticator()
    const store = memoryBackups()
    const first = await page(store)
    const put = store.put.bind(store)
    vi.spyOn(store, 'put').mockImplementationOnce(async (...given) => {
      await put(...given)
      throw new LatchkeyError('OFFLINE')
    })
    const added = await first.passkeys.add()
    expect(await first.passkeys.seal(added)).toMatchObject({ problem: 'OFFLINE' })
    expect((await first.passkeys.seal(added)).problem).toBeUndefined()
    expect(store.kept.size).toBe(1)
  })

  test('of another identity under the same passkey stays, and is reported', async () => {
    const first = await kept()
    const second = await page(first.store)
    const credentialId = encodeBase64url(first.fake.credentials[0]!.id)
    const sealed = await second.passkeys.seal(await second.passkeys.add({ credentialId }))
    expect(sealed.problem).toBe('BACKUP_TAKEN')
    expect([...first.store.kept.values()]).toEqual([first.file])
    await expect(second.passkeys.verify()).rejects.toMatchObject({ code: 'PRINCIPAL_MISMATCH' })
    expect(storageOf(second)).toMatchObject({ durability: 'ephemeral' })
  })

  test('that an error of the store itself prevents is no problem with a code', async () => {
    fakeAuthenticator()
    const store = memoryBackups()
    vi.spyOn(store, 'put').mockRejectedValue(new RangeError('a mistake'))
    const first = await page(store)
    const added = await first.passkeys.add()
    await expect(first.passkeys.seal(added)).rejects.toThrow(RangeError)
  })

  test('that is removed is gone, no longer counts, and can be made again with the same passkey', async () => {
    const first = await kept()
    await first.passkeys.verify()
    await first.passkeys.removeStored()
    expect(first.store.kept.size).toBe(0)
    expect(await backupsOf(first)).toEqual([])
    expect(storageOf(first)).toMatchObject({ durability: 'ephemeral', advice: 'back-up' })
    await expect(first.passkeys.removeStored()).rejects.toMatchObject({ code: 'BACKUP_UNKNOWN' })
    const credentialId = encodeBase64url(first.fake.credentials[0]!.id)
    expect((await first.passkeys.seal(await first.passkeys.add({ credentialId }))).problem).toBeUndefined()
    expect(first.fake.signalled).toEqual([])
  })

  test('whose removal lost its response does not count, and is removed by the next attempt or gone', async () => {
    const first = await kept()
    await first.passkeys.verify()
    expect(storageOf(first)).toMatchObject({ durability: 'recoverable' })
    const remove = first.store.remove.bind(first.store)
    vi.spyOn(first.store, 'remove').mockImplementationOnce(async (...given) => {
      await remove(...given)
      throw new LatchkeyError('OFFLINE')
    })
    await expect(first.passkeys.removeStored()).rejects.toMatchObject({ code: 'OFFLINE' })
    expect(storageOf(first)).toMatchObject({ durability: 'ephemeral', advice: 'back-up' })
    await expect(first.passkeys.removeStored()).rejects.toMatchObject({ code: 'BACKUP_UNKNOWN' })
    expect(await backupsOf(first)).toEqual([])
  })

  test('is written by the clock of the store, as a new device may have a wrong one', async () => {
    fakeAuthenticator()
    const hour = 60 * 60 * 1000
    const store = memoryBackups({ clock: () => Date.now() + hour })
    const first = await page(store)
    expect((await first.passkeys.seal(await first.passkeys.add())).problem).toBeUndefined()
    await first.passkeys.removeStored()
    expect(store.kept.size).toBe(0)
  })

  test('that is removed where another identity is current changes nothing here', async () => {
    const first = await kept()
    const second = await page(first.store)
    const before = await stateOf(second)
    await second.passkeys.removeStored()
    expect(first.store.kept.size).toBe(0)
    expect(await stateOf(second)).toEqual(before)
  })

  test('is not asked for where there is no store', async () => {
    const fake = fakeAuthenticator()
    const first = await page(memoryBackups())
    const passkeys = createPasskeyBackup(first.auth, { app: 'Notes' })
    for (const work of [() => passkeys.verify(), () => passkeys.readStored(), () => passkeys.removeStored()])
      await expect(work()).rejects.toThrow(TypeError)
    expect(fake.asked).toEqual([])
  })
})

describe('a restore from a store that fails changes nothing, and no passkey is reported as unknown', () => {
  const junk = new Uint8Array(32).fill(9).buffer
  test.each<[string, string, (first: Kept) => void]>([
    ['has nothing for the passkey', 'BACKUP_UNKNOWN', ({ store }) => vi.spyOn(store, 'read').mockResolvedValue(null)],
    ['is offline', 'OFFLINE', ({ store }) => void (store.online = false)],
    ['answers with nonsense', 'BACKUP_NOT_OPENED', ({ store }) => vi.spyOn(store, 'read').mockResolvedValue('{}')],
    [
      'answers with what is no text',
      'BACKUP_NOT_OPENED',
      ({ store }) => vi.spyOn(store, 'read').mockResolvedValue(5 as never),
    ],
    [
      'answers with a changed envelope',
      'BACKUP_NOT_OPENED',
      ({ store, file }) => {
        const changed = file.replace(/"ct":"./, (start) => `"ct":"${start.endsWith('A') ? 'B' : 'A'}`)
        vi.spyOn(store, 'read').mockResolvedValue(changed)
      },
    ],
    [
      'meets a passkey that evaluates other bytes',
      'BACKUP_UNKNOWN',
      ({ fake }) => void (fake.behaviour = { ...fake.behaviour, evaluate: () => junk }),
    ],
    [
      'meets a passkey without a PRF',
      'PASSKEY_UNSUITABLE',
      ({ fake }) => void (fake.behaviour = { ...fake.behaviour, prf: 'none' }),
    ],
    [
      'meets a user who is not verified',
      'PASSKEY_UNSUITABLE',
      ({ fake }) => void (fake.behaviour = { ...fake.behaviour, isVerified: false }),
    ],
    [
      'meets a user who dismisses the dialog',
      'PASSKEY_CANCELLED',
      ({ fake }) => void (fake.behaviour = { ...fake.behaviour, failure: 'NotAllowedError' }),
    ],
  ])('that %s', async (_, code, prepare) => {
    const first = await kept()
    const second = await page(first.store)
    const before = await stateOf(second)
    prepare(first)
    await expect(second.passkeys.readStored()).rejects.toMatchObject({ code })
    await expect(first.passkeys.verify()).rejects.toMatchObject({ code })
    expect(await stateOf(second)).toEqual(before)
    expect(storageOf(first)).toMatchObject({ durability: 'ephemeral', advice: 'test' })
    expect(first.fake.signalled).toEqual([])
    expect(first.fake.credentials).toHaveLength(1)
  })

  test("that answers with the envelope of another identity's passkey", async () => {
    const first = await kept()
    const other = await page(first.store)
    const { file } = await other.passkeys.seal(await other.passkeys.add())
    first.fake.choice = 0
    vi.spyOn(first.store, 'read').mockResolvedValue(file)
    const second = await page(first.store, 'anonymous')
    await expect(second.passkeys.readStored()).rejects.toMatchObject({ code: 'BACKUP_NOT_OPENED' })
    expect(second.auth.getState().session).toBeNull()
  })
})

describe('a passkey that the user has on this site', () => {
  test('takes a backup: no second one is created, and it is not removed where it cannot', async () => {
    const fake = fakeAuthenticator()
    const store = memoryBackups()
    await navigator.credentials.create({
      publicKey: {
        rp: { id: 'notes.example', name: 'Notes' },
        user: { id: new Uint8Array([1]), name: 'ada', displayName: 'Ada' },
        challenge: new Uint8Array(32),
        pubKeyCredParams: [],
      },
    })
    const credentialId = encodeBase64url(fake.credentials[0]!.id)
    const first = await page(store)
    const added = await first.passkeys.add({ credentialId })
    expect([fake.created.length, fake.asked.length, added.credentialId]).toEqual([1, 0, credentialId])
    fake.behaviour = { ...fake.behaviour, prf: 'none' }
    await expect(first.passkeys.seal(added)).rejects.toMatchObject({ code: 'PASSKEY_UNSUITABLE' })
    expect([fake.credentials.length, fake.signalled]).toEqual([1, []])
    fake.behaviour = { ...fake.behaviour, prf: 'get-only' }
    await first.passkeys.seal(added)
    expect(await (await page(store, 'anonymous')).passkeys.readStored()).toMatchObject({
      principal: principalOf(first),
    })
  })
})

describe('a store that never answers', () => {
  const never = async <Value>(
    store: MemoryBackups,
    method: 'put' | 'read' | 'remove',
    act: () => Promise<Value>,
  ): Promise<[Value | unknown, unknown[]]> => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    let begin: (given: unknown[]) => void
    const begun = new Promise<unknown[]>((resolve) => (begin = resolve))
    vi.spyOn(store, method).mockImplementation(
      ((...given: unknown[]) => (begin(given), new Promise(() => {}))) as never,
    )
    const acted = act().catch((error: unknown) => error)
    const given = await begun
    await vi.advanceTimersByTimeAsync(10_000)
    const waiting = new Promise((resolve) => setImmediate(() => resolve('still waiting')))
    return [await Promise.race([acted, waiting]), given]
  }

  test('does not keep the file from the user, and gets no proof later', async () => {
    fakeAuthenticator()
    const store = memoryBackups()
    const first = await page(store)
    const added = await first.passkeys.add()
    const [sealed, [, , prove]] = await never(store, 'put', () => first.passkeys.seal(added))
    expect(sealed).toMatchObject({ file: expect.stringContaining('A256GCM'), problem: 'OFFLINE' })
    await expect((prove as () => Promise<string>)()).rejects.toMatchObject({ code: 'OFFLINE' })
  })

  test.each(['read', 'remove'] as const)('is offline in ten seconds: %s', async (method) => {
    const first = await kept()
    const [error] = await never(first.store, method, () => first.passkeys.removeStored())
    expect(error).toMatchObject({ code: 'OFFLINE' })
    expect(first.store.kept.size).toBe(1)
  })
})

test('nothing that a store sees contains the secret, the identity or a locator that was put', async () => {
  const first = await kept()
  const secret = await first.auth.exportSecret()
  const seen = JSON.stringify([...first.store.kept])
  for (const hidden of [secret, principalOf(first), 'my phone', (await testDevice(secret)).thumbprint])
    expect(seen).not.toContain(hidden)
})
