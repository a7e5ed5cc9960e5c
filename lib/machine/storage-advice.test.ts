import { expect, test } from 'vitest'
import { deviceToBackUp } from '../keystore/entries.ts'
import { EMPTY_KEYRING, entryId } from '../keystore/keyring.ts'
import type { AccountEntry, DeviceEntry, Keyring } from '../keystore/record.ts'
import { viewOf } from './state.ts'

const NOW = 1_000_000

const ACCOUNT: Omit<AccountEntry, 'recoverable'> = {
  kind: 'account',
  accountId: 'ada',
  principal: 'own',
  aliases: ['alias'],
  claims: {},
  verifiedAt: 0,
}

const BEGUN = { kind: 'words', label: '', createdAt: 0, shownAt: null, shownOn: null } as const

/** Every kind of device identity that a principal can have here, and none. */
function devicesOf(principal: string): readonly (DeviceEntry | null)[] {
  const plain = { kind: 'device', profile: 'latchkey/v1', principal, x: 'x', createdAt: 0, wrote: true } as const
  const backups: readonly Partial<DeviceEntry>[] = [
    {},
    { backups: [{ ...BEGUN, principal }] },
    { backedUpAt: 1 },
    { backedUpAt: 1, backedUpUntil: NOW - 1 },
    { backedUpAt: 1, backedUpUntil: NOW + 1 },
  ]
  const kept: readonly Partial<DeviceEntry>[] = [{ secret: 'secret' }, {}]
  return [
    null,
    ...kept.flatMap((secret) =>
      [true, false].flatMap((derived) =>
        backups.map(
          (backup) => ({ ...plain, origin: 'created', derived, backedUpAt: null, ...secret, ...backup }) as const,
        ),
      ),
    ),
  ]
}

/** An own device alone, and with accounts that restore it or not, beside the device of an alias. */
function* keyrings(): Generator<Keyring> {
  for (const own of devicesOf('own')) if (own) yield { ...EMPTY_KEYRING, current: entryId(own), entries: [own] }
  for (const recoverable of [true, false])
    for (const own of devicesOf('own'))
      for (const alias of devicesOf('alias')) {
        const account = { ...ACCOUNT, recoverable }
        const entries = [account, own, alias].filter((entry) => entry !== null)
        for (const some of [entries, entries.toReversed()])
          yield { ...EMPTY_KEYRING, current: entryId(account), entries: some }
      }
}

test('the advice is about the key that a backup is made of by default', () => {
  let count = 0
  for (const keyring of keyrings()) {
    count++
    const { storage } = viewOf(keyring, { durability: 'evictable' }, NOW)
    const device = deviceToBackUp(keyring, NOW)
    const account = keyring.entries.find((entry) => entry.kind === 'account')
    const isRestored = (each: DeviceEntry): boolean =>
      (each.backedUpAt !== null && !(each.backedUpUntil! <= NOW)) || (account?.recoverable === true && !each.derived)
    const devices = keyring.entries.filter((entry) => entry.kind === 'device')
    const isDue = device?.secret !== undefined && !isRestored(device)
    const due = device?.backups && !device.backedUpAt ? 'test' : 'back-up'
    expect(storage.canBackUp, JSON.stringify(keyring)).toBe(device?.secret !== undefined)
    expect(['back-up', 'test'].includes(storage.advice), JSON.stringify(keyring)).toBe(isDue)
    if (isDue) expect(storage.advice, JSON.stringify(keyring)).toBe(due)
    const own = devices.find(({ principal }) => principal === 'own')
    if (!isDue && own?.secret) expect(device, JSON.stringify(keyring)).toBe(own)
    const isSafe = devices.every(isRestored) && (account?.recoverable === true || own !== undefined)
    expect(storage.durability === 'recoverable', JSON.stringify(keyring)).toBe(isSafe)
  }
  expect(count).toBe(20 + 2 * 21 * 21 * 2)
})
