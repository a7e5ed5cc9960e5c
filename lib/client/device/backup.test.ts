import { describe, expect, test, vi } from 'vitest'
import { LatchkeyError } from '../../errors.ts'
import { createSecret, formatSecret } from '../../identity/secret.ts'
import type { Backup, DeviceEntry, PasskeyBackup } from '../../keystore/record.ts'
import { parseKeyring } from '../../keystore/keyring.ts'
import type { RecordStore } from '../../keystore/store.ts'
import { testDevice } from '../../testing/device.ts'
import { testBrowser } from '../client.testing.ts'

async function backupsIn(store: RecordStore): Promise<readonly Backup[]> {
  const [entry] = parseKeyring(await store.read())!.entries
  return (entry as DeviceEntry).backups ?? []
}

describe('a backup', () => {
  test('brings the same identity back on another device (checklist 28: recover on a changed device)', async () => {
    const first = await testBrowser().load()
    const secret = await first.exportSecret()
    const second = await testBrowser().load({ initialMode: 'anonymous' })
    expect(await second.importSecret(secret)).toEqual(first.getState().session)
    expect(second.getState()).toMatchObject({ authMode: 'local-first', storage: { durability: 'ephemeral' } })
  })

  test('is not shown by an import: only a secret that was entered again counts', async () => {
    const browser = testBrowser()
    const auth = await browser.load({ initialMode: 'anonymous' })
    const secret = formatSecret(createSecret())
    await auth.importSecret(secret)
    await auth.importSecret(secret)
    expect(auth.getState().storage).toMatchObject({ durability: 'ephemeral', canBackUp: true, advice: 'back-up' })
    await auth.confirmBackup(secret)
    expect(auth.getState().storage).toMatchObject({ durability: 'recoverable', advice: 'none' })
    await auth.importSecret(secret)
    expect((await browser.load()).getState().storage).toMatchObject({ durability: 'recoverable', advice: 'none' })
  })

  test('that was begun and not confirmed is to be tested', async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    expect(auth.getState().storage).toMatchObject({ canBackUp: true, advice: 'back-up' })
    const secret = await auth.exportSecret({ label: 'on paper' })
    expect(auth.getState().storage).toMatchObject({ durability: 'ephemeral', canBackUp: true, advice: 'test' })
    expect(await auth.exportSecret()).toBe(secret)
    const begun = {
      kind: 'words',
      principal: auth.getState().session!.principal,
      label: 'on paper',
      createdAt: browser.clock.now(),
    }
    expect(await backupsIn(browser.store)).toEqual([{ ...begun, shownAt: null, shownOn: null }])

    browser.clock.advance(1000)
    await auth.confirmBackup(secret)
    expect(await backupsIn(browser.store)).toEqual([{ ...begun, shownAt: browser.clock.now(), shownOn: 'this-device' }])
    expect(auth.getState().storage).toMatchObject({ durability: 'recoverable', advice: 'none' })
    // Another copy changes nothing about the first one.
    await auth.exportSecret({ label: 'another paper' })
    expect(auth.getState().storage).toMatchObject({ durability: 'recoverable', advice: 'none' })
  })

  test('is begun even where the store is full', async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    browser.store.update = () => Promise.reject(new LatchkeyError('KEYSTORE_FULL'))
    expect(await auth.exportSecret({ label: 'on paper' })).toHaveLength(43)
    expect(auth.getState().storage).toMatchObject({ problem: 'KEYSTORE_FULL', advice: 'back-up' })
  })

  test('is not possible once the secret was replaced by keys: then only an account helps', async () => {
    const auth = await testBrowser().load({ harden: 'always' })
    await vi.waitFor(() => expect(auth.getState().storage.protection).toBe('hardened'), { timeout: 30_000 })
    expect(auth.getState().storage).toMatchObject({ canBackUp: false, advice: 'sign-up', durability: 'ephemeral' })
  })

  test('is not advised without an identity, or for an account that can be recovered', async () => {
    const anonymous = await testBrowser().load({ initialMode: 'anonymous' })
    expect(anonymous.getState().storage).toMatchObject({ canBackUp: false, advice: 'none' })
    const browser = testBrowser()
    const auth = await browser.load({ harden: 'never' })
    await auth.upgrade(async () => {
      await browser.account.signUp('ada')
      browser.server.accounts.get('ada')!.recoverable = true
    })
    expect(auth.getState().storage).toMatchObject({ canBackUp: true, advice: 'none', durability: 'recoverable' })
    await auth.deriveKey('notes')
    await auth.markWritten()
    expect((await browser.load({ harden: 'never' })).getState().storage).toMatchObject({
      canBackUp: true,
      advice: 'back-up',
      durability: 'ephemeral',
    })
  })

  test('counts once the person has shown that they have it', async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    const secret = await auth.exportSecret()
    expect(auth.getState().storage.durability).toBe('ephemeral')
    await auth.confirmBackup(secret)
    expect(auth.getState().storage.durability).toBe('recoverable')
    expect((await browser.load()).getState().storage.durability).toBe('recoverable')
  })

  test('with a mistake in it is refused and changes nothing', async () => {
    const auth = await testBrowser().load()
    const state = auth.getState()
    const other = formatSecret(createSecret())
    await expect(auth.confirmBackup(other)).rejects.toMatchObject({ code: 'PRINCIPAL_MISMATCH' })
    await expect(auth.confirmBackup('abc')).rejects.toMatchObject({ code: 'SECRET_INVALID' })
    expect(auth.getState()).toBe(state)
  })

  test('without an identity is refused', async () => {
    const auth = await testBrowser().load({ initialMode: 'anonymous' })
    await expect(auth.exportSecret()).rejects.toMatchObject({ code: 'IDENTITY_UNKNOWN' })
  })

  test('no error repeats the secret', async () => {
    const auth = await testBrowser().load()
    const secret = formatSecret(createSecret())
    const failures = await Promise.all(
      [auth.confirmBackup(secret), auth.importSecret(secret), auth.importSecret(`${secret}=`)].map((act) =>
        act.catch((error: unknown) => error),
      ),
    )
    for (const failure of failures)
      expect(`${String(failure)}${JSON.stringify(failure)}${String((failure as Error).cause)}`).not.toContain(secret)
  })
})

test.each([
  ['exportSecret', [{ label: 5 }]],
  ['importSecret', [formatSecret(createSecret()), { replace: 1 }]],
  ['importSecret', [formatSecret(createSecret()), { replace: true, label: 5 }]],
  ['importSecret', [formatSecret(createSecret()), { replace: true, passkey: 'yes' }]],
  ['importSecret', [formatSecret(createSecret()), { replace: true, passkey: null }]],
  ['confirmBackup', [formatSecret(createSecret()), { passkey: 'yes' }]],
  ['confirmBackup', [formatSecret(createSecret()), { passkey: null }]],
  ['confirmBackup', [formatSecret(createSecret()), { removed: 5 }]],
  ['unlockData', [formatSecret(createSecret()), { passkey: 'yes' }]],
  ['listIdentities', [{ withCurrent: 'yes' }]],
  ['ensureIdentity', [{ resume: 5 }]],
  ['deriveKey', ['notes', { principal: 5 }]],
] as const)('%s refuses options of other types, and changes nothing (case %#)', async (name, given) => {
  const browser = testBrowser()
  const auth = await browser.load()
  const before = await browser.store.read()
  await expect((auth[name] as (...options: unknown[]) => Promise<unknown>)(...given)).rejects.toThrow(TypeError)
  expect(await browser.store.read()).toEqual(before)
})

test.each([
  ['exportSecret', []],
  ['importSecret', [formatSecret(createSecret())]],
  ['confirmBackup', [formatSecret(createSecret())]],
  ['unlockData', [formatSecret(createSecret())]],
  ['listIdentities', []],
  ['ensureIdentity', []],
  ['deriveKey', ['notes']],
  ['upgrade', [() => {}]],
  ['resolveConflict', ['switch']],
  ['revokeDevice', ['id']],
  ['provePairing', []],
  ['signOut', []],
] as const)('%s says that null is no options, and changes nothing', async (name, given) => {
  const browser = testBrowser()
  const auth = await browser.load()
  const before = await browser.store.read()
  const refused = (auth[name] as (...options: unknown[]) => Promise<unknown>)(...given, null)
  await expect(refused).rejects.toThrow(new TypeError('options: expected object'))
  expect(await browser.store.read()).toEqual(before)
})

describe('a passkey', () => {
  const passkey: PasskeyBackup = {
    credentialId: 'AQ',
    label: 'Recovery key',
    createdAt: 5,
    isSynced: true,
    envelope: '{}',
    isShown: true,
  }
  const { isShown: _, ...recorded } = passkey

  test('is to be tested once it sealed the secret, and counts once it opened it', async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    const secret = await auth.exportSecret()
    await auth.confirmBackup(secret, { passkey: { ...passkey, isShown: false } })
    expect(auth.getState().storage).toMatchObject({ durability: 'ephemeral', advice: 'test' })
    await auth.confirmBackup(secret, { passkey })
    expect(auth.getState().storage).toMatchObject({ durability: 'recoverable', advice: 'none' })
    const { principal } = auth.getState().session!
    const backups = [
      { kind: 'passkey', principal, ...recorded, shownAt: browser.clock.now(), shownOn: 'this-device' },
    ] as const
    expect(await backupsIn(browser.store)).toEqual(backups)
    expect(await auth.listIdentities({ withCurrent: true })).toMatchObject([{ principal, backups }])
  })

  test('of another identity is not recorded', async () => {
    const auth = await testBrowser().load()
    const { secret } = await testDevice()
    await expect(auth.confirmBackup(secret, { passkey })).rejects.toMatchObject({ code: 'PRINCIPAL_MISMATCH' })
    expect(auth.getState().storage).toMatchObject({ durability: 'ephemeral', advice: 'back-up' })
  })

  test('that restores the identity is recorded in the same transaction', async () => {
    const browser = testBrowser()
    const auth = await browser.load({ initialMode: 'anonymous' })
    const { secret } = await testDevice()
    await auth.importSecret(secret, { passkey })
    expect(await backupsIn(browser.store)).toMatchObject([{ ...recorded, shownOn: 'another' }])
    expect(auth.getState().storage).toMatchObject({ durability: 'recoverable', advice: 'none' })
  })

  test('that brings an identity of this device back was not shown on another one', async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    const secret = await auth.exportSecret()
    await auth.importSecret((await testDevice()).secret, { replace: true })
    await auth.importSecret(secret, { replace: true, passkey })
    const { backups } = (await auth.listIdentities({ withCurrent: true }))[1]!
    expect(backups).toMatchObject([{ ...recorded, shownOn: 'this-device' }])
  })
})

describe('importing a secret', () => {
  test('never takes the place of another identity by itself', async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    const state = auth.getState()
    await expect(auth.importSecret(formatSecret(createSecret()))).rejects.toMatchObject({ code: 'IDENTITY_CHANGED' })
    expect(auth.getState()).toBe(state)
    expect((await browser.load()).getState().session).toEqual(state.session)
  })

  test('sets the other one aside when that is asked for, and it can be taken again', async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    const first = auth.getState().session!
    const other = await testDevice()
    await auth.importSecret(other.secret, { replace: true })
    expect(auth.getState().session?.principal).toBe(other.principal)
    expect(await auth.listIdentities()).toEqual([
      { principal: first.principal, createdAt: browser.clock.now(), origin: 'created', backups: [] },
    ])

    await auth.signOut()
    expect(await auth.ensureIdentity({ resume: first.principal })).toEqual(first)
  })

  test('sets aside only the identity that was named, if one was', async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    const shown = auth.getState().session!.principal
    const [first, second] = [await testDevice(), await testDevice()]
    // Another tab replaces the identity that the user was shown.
    await (await browser.load()).importSecret(first.secret, { replace: shown })
    await expect(auth.importSecret(second.secret, { replace: shown })).rejects.toMatchObject({
      code: 'IDENTITY_CHANGED',
    })
    expect((await browser.load()).getState().session).toMatchObject({ principal: first.principal })
    expect(await auth.importSecret(second.secret, { replace: first.principal })).toMatchObject({
      principal: second.principal,
    })
  })

  test('notes the backup that it came from, which is still to be shown', async () => {
    const browser = testBrowser()
    const auth = await browser.load({ initialMode: 'anonymous' })
    const { secret } = await testDevice()
    await auth.importSecret(secret, { label: 'words' })
    expect(await backupsIn(browser.store)).toMatchObject([{ kind: 'words', label: 'words', shownAt: null }])
    expect(auth.getState().storage).toMatchObject({ durability: 'ephemeral', advice: 'test' })

    await auth.confirmBackup(secret)
    await auth.importSecret(secret, { label: 'words, once more' })
    expect(await backupsIn(browser.store)).toMatchObject([{ label: 'words', shownAt: browser.clock.now() }])
    expect(auth.getState().storage).toMatchObject({ durability: 'recoverable', advice: 'none' })
  })

  test('never takes the place of an account, asked for or not', async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    await auth.upgrade(() => browser.account.signUp('ada'))
    const state = auth.getState()
    await expect(auth.importSecret(formatSecret(createSecret()), { replace: true })).rejects.toMatchObject({
      code: 'IDENTITY_CHANGED',
    })
    expect(auth.getState().session).toEqual(state.session)
  })

  test("of the account's own device key gives the secret back and leaves the account current", async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    const secret = await auth.exportSecret()
    await auth.upgrade(() => browser.account.signUp('ada'))
    await auth.importSecret(secret)
    expect(auth.getState()).toMatchObject({ authMode: 'external', storage: { protection: 'extractable' } })
  })

  test('is refused if an upgrade began while the app was asked what the identity holds', async () => {
    const browser = testBrowser()
    let begun: Promise<unknown> | undefined
    const auth = await browser.load({
      describeLocal: () => {
        begun ??= auth.upgrade(() => browser.account.signUp('ada'))
        return { items: 0 }
      },
    })
    const { principal } = auth.getState().session!
    const { secret } = await testDevice()
    await expect(auth.importSecret(secret, { replace: true, forgetEmpty: true })).rejects.toMatchObject({
      code: 'UPGRADE_IN_PROGRESS',
    })
    expect(await begun).toMatchObject({ outcome: 'upgraded', session: { principal } })
    expect((await browser.load()).getState()).toMatchObject({ authMode: 'external', session: { principal } })
  })

  test('makes an identity that holds something: a sign-in to another account is a conflict', async () => {
    const browser = testBrowser()
    const auth = await browser.load({ initialMode: 'anonymous' })
    await auth.importSecret(formatSecret(createSecret()))
    const bob = testBrowser(browser.server)
    await (await bob.load()).upgrade(() => bob.account.signUp('bob'))
    expect(await auth.upgrade(() => browser.account.signIn('bob'))).toMatchObject({ outcome: 'conflict' })
  })
})

describe('identities that were set aside', () => {
  test('are none at first, and never the current one', async () => {
    const auth = await testBrowser().load()
    expect(await auth.listIdentities()).toEqual([])
  })
})
