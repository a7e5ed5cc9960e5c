import { vi } from 'vitest'
import { createAuth } from '../index.ts'
import { openDeviceKey, openHardenedKey } from '../identity/device-key.ts'
import { parseSecret } from '../identity/secret.ts'
import { memoryStore } from '../keystore/memory.ts'
import type { DeviceEntry, Keyring } from '../keystore/record.ts'
import { parseKeyring } from '../keystore/keyring.ts'
import type { RecordStore } from '../keystore/store.ts'
import { type ManualClock, manualClock } from '../testing/clock.ts'
import { type Faults, createFaults, faultyStore } from '../testing/faulty-store.ts'
import {
  type MemoryAccount,
  type MemoryAccountClient,
  type MemoryAccountServer,
  memoryAccountServer,
} from '../testing/memory-account.ts'
import type { Auth } from './auth.ts'
import type { AuthOptions } from './auth.ts'
import { localLocks } from './shared/local-locks.ts'

// Loaded in advance, so that no test waits for a file to be read.
await import('./lazy.ts')

/** State that a device and the account server keep while no page is open. */
export interface Seed {
  readonly record: unknown
  readonly isTraced: boolean
  readonly accounts: readonly (readonly [string, MemoryAccount])[]
  readonly session: string | null
  readonly isOnline: boolean
}

/** A device whose pages share a store and a session, with an account server. */
export interface FaultyDevice {
  /** The shared store, without faults. */
  readonly store: RecordStore
  readonly server: MemoryAccountServer
  /** The device's session at the account server, without faults. */
  readonly account: MemoryAccountClient
  readonly clock: ManualClock
  /** The account server's own clock. */
  readonly serverClock: ManualClock
  /** Returns the current record. */
  keyring(): Promise<Keyring | null>
  /** Deletes the record, as clearing the site's data does. */
  clear(keepsTrace: boolean): void
  seed(): Promise<Seed>
}

/** A page of the device, with its own faults. */
export interface FaultyPage {
  readonly auth: Auth
  readonly account: MemoryAccountClient
  readonly faults: Faults
}

let names = 0

/** @param session - name of the account that is signed in on the device */
export async function faultyDevice(
  { record, isTraced, accounts, session, isOnline }: Seed = {
    record: undefined,
    isTraced: false,
    accounts: [],
    session: null,
    isOnline: true,
  },
): Promise<FaultyDevice> {
  const [clock, serverClock] = [manualClock(), manualClock()]
  const server = memoryAccountServer(serverClock.now)
  for (const [name, account] of accounts) server.accounts.set(name, { ...account })
  const account = server.connect()
  account.setSession(session)
  account.online = isOnline
  const store = clearableStore(isTraced)
  if (record !== undefined) await store.update(() => record)
  return {
    store,
    server,
    account,
    clock,
    serverClock,
    keyring: async () => parseKeyring(await store.read()),
    clear: store.clear,
    seed: async () => ({
      record: await store.read(),
      isTraced: store.trace.found(),
      accounts: [...server.accounts].map(([name, kept]) => [name, { ...kept }]),
      session: account.session,
      isOnline: account.online,
    }),
  }
}

/** A store in memory whose record can be deleted from outside. */
export function clearableStore(
  wasTraced: boolean,
): RecordStore & { readonly trace: { found(): boolean; leave(): void }; clear(keepsTrace: boolean): void } {
  let inner = memoryStore()
  let isTraced = wasTraced
  return {
    durability: 'evictable',
    channel: `latchkey:faults-${++names}`,
    trace: { found: () => isTraced, leave: () => void (isTraced = true) },
    read: () => inner.read(),
    update: (updater) => inner.update(updater),
    close() {},
    clear(keepsTrace) {
      inner = memoryStore()
      isTraced &&= keepsTrace
    },
  }
}

/** Opens a page. It is not ready yet. */
export function openPage(
  { store, account: jar, clock }: FaultyDevice,
  options: AuthOptions = {},
  faults: Faults = createFaults(),
): FaultyPage {
  const account = jar.openPage(faults.wire('OFFLINE'))
  const auth = createAuth({
    account: account.provider,
    keystore: faultyStore(store, faults),
    clock: clock.now,
    audience: 'https://app.example',
    audiences: { 'https://app.example': 'https://app.example' },
    ...options,
  })
  return { auth, account, faults }
}

/** Browser features that Node lacks, and a way to detect that all work has settled. */
export interface TestEnvironment {
  /** Resolves when these pages, the messages between them and the engine's cryptography have only waiting work left. */
  idle(...faults: readonly Pick<Faults, 'pending'>[]): Promise<void>
  readonly unhandled: readonly unknown[]
  end(): void
}

/** @param hasLocks - false removes Web Locks */
export function testEnvironment({
  hasLocks = true,
  persist = async () => true,
}: { hasLocks?: boolean; persist?: () => Promise<boolean> } = {}): TestEnvironment {
  let working = 0
  const unhandled: unknown[] = []
  const onUnhandled = (reason: unknown): void => void unhandled.push(reason)
  process.on('unhandledRejection', onUnhandled)
  const restore = countCalls(Object.getPrototypeOf(crypto.subtle) as object, (change) => (working += change))
  vi.stubGlobal('BroadcastChannel', immediateChannels())
  vi.stubGlobal('navigator', {
    ...(hasLocks && { locks: localLocks() }),
    storage: { persist, persisted: async () => false },
  })
  vi.stubGlobal('fetch', async () => new Response('ok'))
  return {
    unhandled,
    async idle(...faults) {
      for (let quiet = 0; quiet < 2; quiet++) {
        await new Promise((resolve) => setImmediate(resolve))
        if (working > 0 || faults.some(({ pending }) => pending > 0)) quiet = -1
      }
    },
    end() {
      restore()
      process.off('unhandledRejection', onUnhandled)
      vi.unstubAllGlobals()
    },
  }
}

/** Counts running calls of an object's asynchronous methods. */
function countCalls(methods: object, count: (change: 1 | -1) => void): () => void {
  const names = Object.getOwnPropertyNames(methods).filter((name) => name !== 'constructor')
  const before = names.map((name) => [name, Object.getOwnPropertyDescriptor(methods, name)!] as const)
  for (const [name, descriptor] of before) {
    const method = descriptor.value as (...given: unknown[]) => Promise<unknown>
    Object.defineProperty(methods, name, {
      ...descriptor,
      value(this: unknown, ...given: unknown[]) {
        count(1)
        return method.apply(this, given).finally(() => count(-1))
      },
    })
  }
  return () => before.forEach(([name, descriptor]) => Object.defineProperty(methods, name, descriptor))
}

/** Channels that deliver messages in the next microtask. */
function immediateChannels(): unknown {
  const open = new Map<string, Set<{ onmessage: ((event: object) => void) | null }>>()
  return function BroadcastChannel(
    this: { onmessage: ((event: object) => void) | null; postMessage(data: unknown): void; close(): void },
    name: string,
  ) {
    const others = open.get(name) ?? new Set()
    open.set(name, others.add(this))
    this.onmessage = null
    this.postMessage = (data) => {
      if (!others.has(this)) throw new DOMException('closed', 'InvalidStateError')
      for (const other of others) if (other !== this) queueMicrotask(() => other.onmessage?.({ data }))
    }
    this.close = () => void others.delete(this)
  }
}

/**
 * Returns the relevant content of a record as text for comparison. Identities that `known` lacks are numbered in order,
 * since each run creates its own.
 */
export function essenceOf(keyring: Keyring | null, known: readonly string[]): string {
  if (!keyring) return 'nothing'
  const made: string[] = []
  const nameOf = (principal: string): string => {
    if (known.includes(principal)) return principal
    if (!made.includes(principal)) made.push(principal)
    return `new-${made.indexOf(principal) + 1}`
  }
  const entries = keyring.entries.map((entry) => {
    if (entry.kind === 'account') {
      const { accountId, principal, aliases, recoverable, claims } = entry
      return { accountId, principal: nameOf(principal), aliases, recoverable, claims }
    }
    const { principal, secret, origin, wrote, derived, backedUpAt, backups = [] } = entry
    const labels = backups.map(({ label, shownAt }) => [label, shownAt])
    return {
      principal: nameOf(principal),
      holds: secret ? 'secret' : 'keys',
      origin,
      wrote,
      derived,
      backedUpAt,
      labels,
    }
  })
  const [kind, id = ''] = keyring.current?.split(/:(.*)/s) ?? []
  const current = kind === 'device' ? `device:${nameOf(id)}` : keyring.current
  const intent = keyring.intent && {
    expected: keyring.intent.expected,
    principal: keyring.intent.principal && nameOf(keyring.intent.principal),
    conflict: keyring.intent.conflict,
  }
  return JSON.stringify({ current, entries, intent, outbox: keyring.outbox.map(({ accountId }) => accountId) })
}

/** Returns the principals of the device identities in a record. */
export function devicesIn(keyring: Keyring | null): string[] {
  return keyring?.entries.filter(({ kind }) => kind === 'device').map(({ principal }) => principal) ?? []
}

const tried = new Set<string>()

/** Returns the device identities of a record that cannot sign for their principal. */
export async function brokenIn(keyring: Keyring | null): Promise<string[]> {
  const devices = keyring?.entries.filter((entry): entry is DeviceEntry => entry.kind === 'device') ?? []
  const isWorking = await Promise.all(devices.map(works))
  return devices.filter((_, index) => !isWorking[index]).map(({ principal }) => principal)
}

async function works(entry: DeviceEntry): Promise<boolean> {
  const { principal, x, secret, keys } = entry
  if (secret !== undefined) {
    if (!tried.has(principal + secret) && (await openDeviceKey(parseSecret(secret))).principal === principal)
      tried.add(principal + secret)
    return tried.has(principal + secret)
  }
  const data = new Uint8Array(8)
  const publicKey = await crypto.subtle.importKey('jwk', { kty: 'OKP', crv: 'Ed25519', x }, 'Ed25519', false, [
    'verify',
  ])
  return crypto.subtle.verify(
    'Ed25519',
    publicKey,
    (await openHardenedKey(entry, keys!).sign(data)) as BufferSource,
    data,
  )
}
