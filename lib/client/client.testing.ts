import { expect, onTestFinished, vi } from 'vitest'
import type { Auth, CreateAuth } from './auth.ts'
import { createAuth } from '../index.ts'
import { createAuthWith } from './create-auth.ts'
import { later as lazy } from './lazy.ts'
import type { CryptoSuite } from '../identity/crypto.ts'
import { nativeSuite } from '../identity/native.ts'
import { memoryStore } from '../keystore/memory.ts'
import type { RecordStore } from '../keystore/store.ts'
import { type ManualClock, manualClock } from '../testing/clock.ts'
import { type MemoryAccountClient, type MemoryAccountServer, memoryAccountServer } from '../testing/memory-account.ts'
import type { AuthOptions } from './auth.ts'

/** A device in a test: a store, a connection to an account server, and any number of page loads. */
export interface TestBrowser {
  readonly server: MemoryAccountServer
  readonly store: RecordStore
  readonly account: MemoryAccountClient
  readonly clock: ManualClock
  /** Loads the page: calls `createAuth` on the same store. */
  load(options?: AuthOptions, create?: CreateAuth): Promise<Auth>
}

/** `createAuth` of a page whose later chunk is not there yet when `ready` resolves. */
export const createEarlyAuth: CreateAuth = (options) =>
  createAuthWith(() => new Promise((resolve) => setImmediate(() => resolve(lazy))))(options)

/** @param server - pass the same one to have several browsers on one account server */
export function testBrowser(
  server?: MemoryAccountServer,
  clock: ManualClock = manualClock(),
  store: RecordStore = memoryStore(),
): TestBrowser {
  const reached = server ?? memoryAccountServer(clock.now)
  const account = reached.connect()
  return {
    server: reached,
    store,
    account,
    clock,
    async load(options, create = createAuth) {
      const auth = create({
        account: account.provider,
        keystore: store,
        clock: clock.now,
        audience: 'https://app.example',
        ...options,
      })
      await auth.ready
      return auth
    },
  }
}

/** Waits until the page has asked the account server for the session. */
export async function hasLooked({ account }: TestBrowser, times = 1): Promise<void> {
  await vi.waitFor(
    () => expect(account.calls.filter((call) => call === 'getSession').length).toBeGreaterThanOrEqual(times),
    { timeout: 30_000, interval: 1 },
  )
}

/** Gives the pages of this test a window. Returns a function that reports to it that the network is back. */
export function testWindow(): () => void {
  const page = new EventTarget()
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page))
  onTestFinished(() => void vi.unstubAllGlobals())
  return () => void page.dispatchEvent(new Event('online'))
}

/** The engine's primitives, and a promise for their first signature. Other files of the process sign with the engine, too. */
export function watchedSuite(): { readonly crypto: CryptoSuite; readonly firstSignature: Promise<unknown> } {
  let seen!: (signature: unknown) => void
  const firstSignature = new Promise((resolve) => (seen = resolve))
  const signingKey: CryptoSuite['signingKey'] = async (seed) => {
    const key = await nativeSuite.signingKey(seed)
    return {
      ...key,
      sign(data) {
        const signature = key.sign(data)
        seen(signature)
        return signature
      },
    }
  }
  return { crypto: { ...nativeSuite, signingKey }, firstSignature }
}

/** Returns the claims of a token. */
export function readPayload(token: string): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())
}
