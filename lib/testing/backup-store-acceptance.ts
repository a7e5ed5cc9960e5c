import { encodeBase64url } from '../identity/encoding.ts'
import type { BackupStore, ProveWrite } from '../passkey/backup-store.ts'
import { type BackupMethod, backupDigest, hashLocator } from '../tokens/backup-digest.ts'
import { type TestDevice, testDevice } from './device.ts'
import { type AcceptanceCase, expectEqual } from './store-acceptance.ts'

/** A {@link BackupStore}, and identities that may write to it. */
export interface BackupWorld {
  readonly store: BackupStore
  /** Returns another identity that may have at least one backup. Defaults to one without an account. */
  readonly newDevice?: () => Promise<TestDevice>
}

/**
 * Acceptance tests that every {@link BackupStore} must pass. They need no test runner: call `run` of each case.
 *
 * @param open - opens a store; the cases use locators and identities that no other run uses
 */
export function backupStoreAcceptance(open: () => Promise<BackupWorld>): AcceptanceCase[] {
  return Object.entries(CASES).map(([name, check]) => ({
    name,
    async run() {
      const { store, newDevice = () => testDevice() } = await open()
      await check({ store, newDevice, read: (locator) => store.read(locator) })
    },
  }))
}

interface Given {
  readonly store: BackupStore
  readonly newDevice: () => Promise<TestDevice>
  readonly read: (locator: string) => Promise<string | null>
}

/** A backup of a new device, in the store. */
async function putOne(given: Given): Promise<{ device: TestDevice; locator: string; envelope: string }> {
  const [device, locator, envelope] = [await given.newDevice(), newLocator(), newEnvelope()]
  await put(given, device, locator, envelope)
  return { device, locator, envelope }
}

const CASES: Readonly<Record<string, (given: Given) => Promise<void>>> = {
  async 'a backup is read at its locator, and at no other one'(given) {
    const [device, locator, envelope] = [await given.newDevice(), newLocator(), newEnvelope()]
    await put(given, device, locator, envelope)
    expectEqual(await given.read(locator), envelope)
    expectEqual(await given.read(newLocator()), null)
  },

  async 'the same backup again is no error'(given) {
    const [device, locator, envelope] = [await given.newDevice(), newLocator(), newEnvelope()]
    for (let times = 0; times < 3; times++) await put(given, device, locator, envelope)
    expectEqual(await given.read(locator), envelope)
  },

  async 'a backup is never overwritten, not by its own identity either'(given) {
    const { device, locator, envelope } = await putOne(given)
    const other = await given.newDevice()
    expectEqual(await codeOf(put(given, device, locator, newEnvelope())), 'BACKUP_TAKEN')
    expectEqual(await codeOf(put(given, other, locator, envelope)), 'BACKUP_TAKEN')
    expectEqual(await given.read(locator), envelope)
  },

  async 'of many that are put at one locator at once, one is kept'(given) {
    const locator = newLocator()
    const tries = await Promise.all(
      Array.from({ length: 6 }, async () => ({ device: await given.newDevice(), envelope: newEnvelope() })),
    )
    const codes = await Promise.all(tries.map(({ device, envelope }) => codeOf(put(given, device, locator, envelope))))
    const kept = tries.filter((_, index) => codes[index] === 'none').map(({ envelope }) => envelope)
    expectEqual(kept, [await given.read(locator)])
    expectEqual(codes.filter((code) => code === 'BACKUP_TAKEN').length, 5)
  },

  async 'a removed backup is read no more, and can be put again'(given) {
    const { device, locator, envelope } = await putOne(given)
    await remove(given, device, locator)
    expectEqual(await given.read(locator), null)
    expectEqual(await codeOf(remove(given, device, locator)), 'BACKUP_UNKNOWN')
    await put(given, device, locator, envelope)
    expectEqual(await given.read(locator), envelope)
  },

  async 'only its own identity removes a backup'(given) {
    const { locator, envelope } = await putOne(given)
    const other = await given.newDevice()
    expectEqual(await codeOf(remove(given, other, locator)), 'BACKUP_UNKNOWN')
    expectEqual(await given.read(locator), envelope)
  },

  async 'a proof is for one envelope, one locator and one method'(given) {
    const { store } = given
    const [device, locator, envelope] = [await given.newDevice(), newLocator(), newEnvelope()]
    const wrong: readonly Promise<ProveWrite>[] = [
      proofOf(store, device, 'put', locator, newEnvelope()),
      proofOf(store, device, 'put', newLocator(), envelope),
      proofOf(store, device, 'remove', locator, envelope),
    ]
    for (const prove of wrong) expectEqual((await codeOf(store.put(locator, envelope, await prove))) === 'none', false)
    expectEqual(await given.read(locator), null)
    await put(given, device, locator, envelope)
    const put2 = await proofOf(store, device, 'put', locator, '')
    expectEqual((await codeOf(store.remove(locator, put2))) === 'none', false)
    expectEqual(await given.read(locator), envelope)
  },

  async 'only its own identity renews a backup, with a proof for that, and a removed one is not renewed'(given) {
    const { store, newDevice } = given
    // Without it, the store deletes nothing by itself.
    if (!store.renew) return
    const { device, locator, envelope } = await putOne(given)
    const hash = await hashLocator(locator)
    const renew = async (from: TestDevice, method: BackupMethod): Promise<string> =>
      codeOf(store.renew!(hash, await proofOf(store, from, method, locator, '')))
    expectEqual(await renew(device, 'renew'), 'none')
    expectEqual((await renew(device, 'remove')) === 'none', false)
    expectEqual(await renew(await newDevice(), 'renew'), 'BACKUP_UNKNOWN')
    expectEqual(await given.read(locator), envelope)
    await remove(given, device, locator)
    expectEqual(await renew(device, 'renew'), 'BACKUP_UNKNOWN')
    expectEqual(await given.read(locator), null)
  },

  async 'a proof works once'(given) {
    const { store } = given
    const [device, locator] = [await given.newDevice(), newLocator()]
    const envelope = newEnvelope()
    const prove = await proofOf(store, device, 'put', locator, envelope)
    let proof: Promise<string> | undefined
    const same: ProveWrite = (nonce) => (proof ??= prove(nonce))
    await store.put(locator, envelope, same)
    await remove(given, device, locator)
    expectEqual((await codeOf(store.put(locator, envelope, same))) === 'none', false)
    expectEqual(await given.read(locator), null)
  },
}

async function put({ store }: Given, device: TestDevice, locator: string, envelope: string): Promise<void> {
  await store.put(locator, envelope, await proofOf(store, device, 'put', locator, envelope))
}

async function remove({ store }: Given, device: TestDevice, locator: string): Promise<void> {
  await store.remove(locator, await proofOf(store, device, 'remove', locator, ''))
}

async function proofOf(
  { audience }: BackupStore,
  device: TestDevice,
  method: BackupMethod,
  locator: string,
  envelope: string,
): Promise<ProveWrite> {
  const digest = await backupDigest(method, await hashLocator(locator), envelope)
  return (nonce) => device.proof({ audience, purpose: 'backup', digest, ...(nonce !== undefined && { nonce }) })
}

/** Returns the code of a refusal; `none` if there is none. */
function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'none',
    (error: { readonly code?: string }) => error.code ?? String(error),
  )
}

/** As a passkey evaluates to. */
function newLocator(): string {
  return encodeBase64url(crypto.getRandomValues(new Uint8Array(32)))
}

/** What is sealed does not matter to a store. */
function newEnvelope(): string {
  const [n, ct] = [12, 200].map((length) => encodeBase64url(crypto.getRandomValues(new Uint8Array(length))))
  return JSON.stringify({ v: 1, alg: 'A256GCM', n, ct })
}
