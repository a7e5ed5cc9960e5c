import { describe, expect, test } from 'vitest'
import { memoryStore } from './memory.ts'
import { currentEntry, EMPTY_KEYRING, entryId, parseKeyring } from './keyring.ts'
import type { AccountEntry, DeviceEntry, Keyring } from './record.ts'
import { openKeystore } from './store.ts'

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
const account: AccountEntry = {
  kind: 'account',
  accountId: 'a',
  principal: device.principal,
  aliases: [],
  recoverable: false,
  claims: {},
  verifiedAt: 1,
}
const keyring: Keyring = { v: 1, current: entryId(account), entries: [device, account], intent: null, outbox: [] }

describe('a sound record', () => {
  test('is taken as it is, further members included', () => {
    const later = { ...keyring, note: 'kept', entries: [{ ...device, note: 'kept' }, account] }
    expect(parseKeyring(later)).toBe(later)
  })

  test('is absent where nothing is stored', () => {
    expect(parseKeyring(undefined)).toBeNull()
  })

  test('names the current identity', () => {
    expect(currentEntry(keyring)).toBe(account)
    expect(currentEntry(EMPTY_KEYRING)).toBeUndefined()
  })

  test('may hold non-extractable keys in place of the secret', () => {
    const { secret: _, ...rest } = device
    const hardened = { ...keyring, entries: [{ ...rest, keys: { sign: {}, appRoot: {} } }, account] }
    expect(parseKeyring(hardened)).toBe(hardened)
  })
})

describe('a damaged record', () => {
  const damaged: Record<string, unknown> = {
    null: null,
    'a text': 'secret',
    'a list': [],
    'without version': { ...keyring, v: undefined },
    'version 0': { ...keyring, v: 0 },
    'without entries': { ...keyring, entries: undefined },
    'an entry that is nothing': { ...keyring, entries: [null, account] },
    'an entry of unknown kind': { ...keyring, entries: [device, account, { kind: 'other', principal: 'p' }] },
    'a device without principal': { ...keyring, entries: [{ ...device, principal: '' }, account] },
    'a device without public key': { ...keyring, entries: [{ ...device, x: undefined }, account] },
    'a device with half a secret': { ...keyring, entries: [{ ...device, secret: 'short' }, account] },
    'a device with neither secret nor keys': { ...keyring, entries: [{ ...device, secret: undefined }, account] },
    'an account without id': { ...keyring, entries: [device, { ...account, accountId: '' }] },
    'an account without aliases': { ...keyring, entries: [device, { ...account, aliases: undefined }] },
    'a current entry that is not there': { ...keyring, current: 'device:other' },
    'a message without account': { ...keyring, outbox: [{ id: 'o', kind: 'sign-out', createdAt: 1 }] },
    'a message that is none': { ...keyring, outbox: [null] },
    'without outbox': { ...keyring, outbox: undefined },
    'without intent': { ...keyring, intent: undefined },
  }

  for (const [name, value] of Object.entries(damaged)) {
    test(`${name}: KEYSTORE_CORRUPT, and it is left in place`, async () => {
      const store = memoryStore()
      await store.update(() => value)
      const keystore = openKeystore(store)
      await expect(keystore.read()).rejects.toMatchObject({ code: 'KEYSTORE_CORRUPT' })
      await expect(keystore.update(() => EMPTY_KEYRING)).rejects.toMatchObject({ code: 'KEYSTORE_CORRUPT' })
      expect(await store.read()).toEqual(value)
    })
  }
})

test('a record from a newer version is refused and left in place', async () => {
  const store = memoryStore()
  const newer = { v: 2, shape: 'unknown' }
  await store.update(() => newer)
  const keystore = openKeystore(store)
  await expect(keystore.read()).rejects.toMatchObject({ code: 'KEYSTORE_NEWER' })
  await expect(keystore.update(() => EMPTY_KEYRING)).rejects.toMatchObject({ code: 'KEYSTORE_NEWER' })
  expect(await store.read()).toEqual(newer)
})
