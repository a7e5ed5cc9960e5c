import { beforeAll, describe, expect, test } from 'vitest'

// The client's own tests, in an engine without what only browsers and newer runtimes have, as in React Native.

const REMOVED = [
  'structuredClone',
  'BroadcastChannel',
  'DOMException',
  'navigator',
  'location',
  'localStorage',
  'indexedDB',
  'reportError',
  'addEventListener',
  'removeEventListener',
] as const

for (const name of REMOVED) Reflect.deleteProperty(globalThis, name)
Reflect.deleteProperty(URL, 'canParse')
Object.defineProperty(crypto, 'randomUUID', { value: undefined, configurable: true })

describe('in an engine without browser globals', async () => {
  beforeAll(() => {
    expect(REMOVED.filter((name) => name in globalThis)).toEqual([])
    expect([typeof URL.canParse, typeof crypto.randomUUID]).toEqual(Array(2).fill('undefined'))
  })

  await import('./storage.test.ts')
  await import('./account/upgrade.test.ts')
  await import('./account/sign-out.test.ts')
  await import('./device/backup.test.ts')
  await import('./tokens/token-source.test.ts')

  test('an act takes the lock of background work', async () => {
    const { localLocks } = await import('./shared/local-locks.ts')
    const locks = localLocks()
    const held = locks.request('', { signal: new AbortController().signal }, () => new Promise(() => {}))
    expect(await locks.request('', { steal: true }, async () => 'act')).toBe('act')
    await expect(held).rejects.toMatchObject({ name: 'AbortError' })
  })

  test('stays without them', () => {
    expect(REMOVED.filter((name) => name in globalThis)).toEqual([])
  })
})
