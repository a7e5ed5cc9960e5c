import { describe, expect, test } from 'vitest'
import { withBegunBackup, withPasskey, withShownBackup } from './backups.ts'
import type { Backup, DeviceEntry, PasskeyBackup } from './record.ts'

const device: DeviceEntry = {
  kind: 'device',
  profile: 'latchkey/v1',
  principal: 'e3758389-5e50-8372-aa8e-6797750a7a44',
  x: 'iHh35RvNx08LGtkR_r-Sf739mAPHciUnD-uhTZvR9N8',
  secret: 'A'.repeat(43),
  createdAt: 1,
  origin: 'created',
  wrote: false,
  derived: false,
  backedUpAt: null,
}
const { principal } = device
const words: Backup = { kind: 'words', principal, label: '', createdAt: 5, shownAt: null, shownOn: null }
const passkey: Backup = {
  kind: 'passkey',
  principal,
  label: 'Recovery key',
  createdAt: 2,
  shownAt: 3,
  shownOn: 'another',
  credentialId: 'AQ',
  isSynced: true,
}

describe('a backup that was begun', () => {
  test('does not count', () => {
    expect(withBegunBackup(device, 'paper', 5)).toEqual({
      ...device,
      backups: [{ ...words, label: 'paper' }],
      backedUpAt: null,
    })
  })

  test('takes the place of another one that was never shown to work, and of nothing else', () => {
    const before = { ...device, backups: [passkey, words], backedUpAt: 3 }
    expect(withBegunBackup(before, 'paper', 7)).toEqual({
      ...device,
      backups: [passkey, { ...words, label: 'paper', createdAt: 7 }],
      backedUpAt: 3,
    })
  })
})

describe('a secret that was entered again', () => {
  test('shows the backup that was begun', () => {
    expect(withShownBackup(withBegunBackup(device, 'paper', 5), 9)).toEqual({
      ...device,
      backups: [{ ...words, label: 'paper', shownAt: 9, shownOn: 'this-device' }],
      backedUpAt: 9,
    })
  })

  test('is a backup even if none was begun', () => {
    expect(withShownBackup(device, 9)).toMatchObject({
      backups: [{ ...words, createdAt: 9, shownAt: 9, shownOn: 'this-device' }],
      backedUpAt: 9,
    })
  })

  test('entered once more, is the same backup, shown later', () => {
    const once = withShownBackup({ ...device, backups: [passkey], backedUpAt: 3 }, 9)
    expect(withShownBackup(once, 11)).toMatchObject({
      backups: [passkey, { kind: 'words', createdAt: 9, shownAt: 11 }],
      backedUpAt: 11,
    })
  })
})

test('a backup that was shown stays so when it is begun again under its name', () => {
  const shown = withShownBackup(withBegunBackup(device, 'paper', 5), 9)
  expect(withBegunBackup(shown, 'paper', 11)).toBe(shown)
  expect(withBegunBackup(shown, 'safe', 11).backups).toMatchObject([
    { label: 'paper' },
    { label: 'safe', shownAt: null },
  ])
})

describe('a passkey', () => {
  const used: PasskeyBackup = {
    label: 'Recovery key',
    createdAt: 2,
    credentialId: 'AQ',
    isSynced: true,
    envelope: '{}',
    isShown: true,
  }
  const recorded = { ...passkey, envelope: '{}' }

  test('that only sealed the secret does not count', () => {
    expect(withPasskey(device, { ...used, isShown: false }, 5, 'this-device')).toEqual({
      ...device,
      backups: [{ ...recorded, shownAt: null, shownOn: null }],
      backedUpAt: null,
    })
  })

  test('that opened it counts, and stands beside other backups', () => {
    const before = withShownBackup(device, 4)
    expect(withPasskey(before, used, 5, 'this-device')).toMatchObject({
      backups: [{ kind: 'words' }, { ...recorded, shownAt: 5, shownOn: 'this-device' }],
      backedUpAt: 5,
    })
  })

  test('is recorded once, and what was shown on another device stays so', () => {
    const once = withPasskey(device, used, 5, 'another')
    expect(withPasskey(once, used, 7, 'this-device')).toEqual({
      ...device,
      backups: [{ ...recorded, shownAt: 7, shownOn: 'another' }],
      backedUpAt: 7,
    })
    expect(withPasskey(once, { ...used, credentialId: 'Ag' }, 7, 'this-device').backups).toHaveLength(2)
  })

  test('that is no longer available elsewhere does not count any more', () => {
    const once = withPasskey(device, used, 5, 'this-device')
    expect(withPasskey(once, { ...used, isSynced: false, isShown: false }, 7, 'this-device')).toMatchObject({
      backups: [{ isSynced: false, shownAt: null, shownOn: null }],
      backedUpAt: null,
    })
  })
})

describe('a record from before the list', () => {
  const old = { ...device, backedUpAt: 4 }

  test('has the backup of that time as words', () => {
    const asWords = { ...words, createdAt: 4, shownAt: 4, shownOn: 'this-device' }
    expect(withBegunBackup(old, 'paper', 5)).toEqual({
      ...device,
      backups: [asWords, { ...words, label: 'paper' }],
      backedUpAt: 4,
    })
    expect(withShownBackup(old, 9)).toEqual({ ...device, backups: [{ ...asWords, shownAt: 9 }], backedUpAt: 9 })
  })

  test('is understood by the version that wrote it: a backup that was only begun is none', () => {
    expect(withBegunBackup(device, '', 5).backedUpAt).toBeNull()
  })
})

test('a damaged list stands in the way of no backup', () => {
  const damaged = { ...device, backups: 'words' as unknown as readonly Backup[] }
  expect(withShownBackup(damaged, 9)).toMatchObject({ backups: [{ kind: 'words', shownAt: 9 }], backedUpAt: 9 })
})
