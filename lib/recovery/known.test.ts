import { afterEach, describe, expect, test, vi } from 'vitest'
import { testBrowser } from '../client/client.testing.ts'
import { LatchkeyError } from '../errors.ts'
import { type TestDevice, testDevice } from '../testing/device.ts'
import { memoryAccountServer } from '../testing/memory-account.ts'
import { createTokenVerifier } from '../tokens/verify.ts'
import { type KnownOptions, askServers } from './known.ts'

afterEach(() => vi.useRealTimers())

const audience = 'https://app.example'
const ask = ({ key }: TestDevice, options: KnownOptions): Promise<unknown> => askServers({ audience, ...options }, key)

async function serverWith(device: TestDevice) {
  const server = memoryAccountServer()
  const account = { accountId: 'ada', principal: 'ada', aliases: [device.principal], recoverable: false, claims: {} }
  server.accounts.set('ada', account)
  return server.connect()
}

describe('the account server', () => {
  test('knows the principals of its accounts, and the session there stays as it is', async () => {
    const device = await testDevice()
    const account = await serverWith(device)
    expect(await ask(device, { account: account.provider })).toBe(true)
    expect(await ask(await testDevice(), { account: account.provider })).toBe(false)
    expect(account.calls).toEqual(['getTime', 'isKnown', 'getTime', 'isKnown'])
    expect(account.session).toBeNull()
  })

  test('that cannot be reached leaves it open', async () => {
    const device = await testDevice()
    const account = await serverWith(device)
    account.online = false
    expect(await ask(device, { account: account.provider })).toBe('offline')
  })

  test('that does not answer leaves it open in ten seconds', async () => {
    const device = await testDevice()
    const { provider } = await serverWith(device)
    vi.useFakeTimers()
    const asked = ask(device, { account: { ...provider, isKnown: () => new Promise(() => {}) } })
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await asked).toBe('offline')
  })

  test('that does not answer in time gets no proof later', async () => {
    const device = await testDevice()
    const { provider } = await serverWith(device)
    vi.useFakeTimers()
    let begun: { prove: () => Promise<string>; signal: AbortSignal | undefined } | undefined
    const isKnown: typeof provider.isKnown = (prove, options) => {
      begun = { prove, signal: options?.signal }
      return new Promise(() => {})
    }
    const asked = ask(device, { account: { ...provider, isKnown } })
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await asked).toBe('offline')
    expect(begun!.signal?.aborted).toBe(true)
    await expect(begun!.prove()).rejects.toMatchObject({ code: 'OFFLINE' })
  })

  test('that cannot tell is no server to ask', async () => {
    const device = await testDevice()
    const { isKnown: _, ...provider } = (await serverWith(device)).provider
    expect(await ask(device, { account: provider })).toBe('offline')
    expect(await ask(device, { account: provider, isKnown: () => false })).toBe(false)
  })

  test('is asked by its own clock, as a new device may have a wrong one', async () => {
    const device = await testDevice()
    const hour = 60 * 60 * 1000
    const server = memoryAccountServer(() => Date.now() + hour)
    expect(await ask(device, { account: server.connect().provider })).toBe(false)
    const far = memoryAccountServer(() => Date.now() + 25 * hour)
    expect(await ask(device, { account: far.connect().provider })).toBe('offline')
  })
})

describe("the app's own server", () => {
  test('gets a token of the identity, which it can verify', async () => {
    const device = await testDevice()
    const verifier = createTokenVerifier({ audience })
    const isKnown = async ({ token, principal }: { token: string; principal: string }): Promise<boolean> =>
      (await verifier.verify(token)).principal === principal
    expect(await ask(device, { isKnown })).toBe(true)
  })

  test.each([
    [true, [true, true]],
    [true, [true, false]],
    [true, [false, true]],
    [true, ['offline', true]],
    [true, [true, 'offline']],
    [false, [false, false]],
    ['offline', ['offline', false]],
    ['offline', [false, 'offline']],
  ] as const)('%s if the account server and the app say %j', async (expected, [first, second]) => {
    const device = await testDevice()
    const answer = (said: boolean | 'offline') => async () => {
      if (said === 'offline') throw new LatchkeyError('OFFLINE')
      return said
    }
    const { provider } = testBrowser().account
    const options = { account: { ...provider, isKnown: answer(first) }, isKnown: answer(second) }
    expect(await ask(device, options)).toBe(expected)
  })

  test('that says anything but true does not know it', async () => {
    expect(await ask(await testDevice(), { isKnown: () => 'yes' as unknown as boolean })).toBe(false)
  })

  test('needs an audience', async () => {
    const device = await testDevice()
    await expect(askServers({ isKnown: () => true }, device.key)).rejects.toThrow(TypeError)
  })
})
