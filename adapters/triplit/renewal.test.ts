import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { SessionTimer } from '../../lib/session.ts'
import { createTransport } from './transport.ts'
import {
  SYNC,
  type TestIssuer,
  type TestTriplit,
  startSilent,
  startTriplit,
  testClient,
  testIssuer,
  until,
} from './triplit.testing.ts'

const PRINCIPAL = 'ada'
let issuer: TestIssuer
let triplit: TestTriplit
beforeAll(async () => {
  issuer = await testIssuer()
  triplit = await startTriplit(issuer.pem)
})
afterAll(() => triplit.close())
afterEach(() => vi.restoreAllMocks())

/** @param more - claims that the tokens of the other calls lack */
async function token(more: object = {}): Promise<string> {
  const iat = Math.floor(Date.now() / 1000)
  return issuer.sign({ aud: SYNC, sub: PRINCIPAL, aliases: [], jti: crypto.randomUUID(), iat, exp: iat + 900, ...more })
}

const reports = () => ({
  principal: PRINCIPAL,
  accepted: vi.fn(),
  rejected: vi.fn(),
  lost: vi.fn(),
  handOver: vi.fn(),
})

/** A client that is connected, with a real server. */
async function connected() {
  const client = testClient(triplit.url)
  const transport = createTransport(client, TIMER)
  const heard = reports()
  await transport.connect(await token(), heard)
  await until(() => expect(heard.accepted).toHaveBeenCalled())
  return { client, transport, heard }
}

const TIMER: SessionTimer = {
  set: (callback, milliseconds) => setTimeout(callback, milliseconds),
  clear: (handle) => clearTimeout(handle as NodeJS.Timeout),
}

/** Answers the request for a new token in place of the server. */
function answer(respond: (init: RequestInit | undefined) => Promise<Response>) {
  return vi.spyOn(globalThis, 'fetch').mockImplementation((_, init) => respond(init))
}

describe('the answer to a new token', () => {
  test.each([
    ['a page', () => new Response('<title>Log in</title>', { headers: { 'content-type': 'text/html' } })],
    ['a refusal', () => new Response('<title>Forbidden</title>', { status: 403 })],
    ['a refusal in JSON', () => Response.json({ message: 'Unauthorized' }, { status: 401 })],
  ])('is not that of a captive portal: %s', async (_, respond) => {
    const { transport, heard, client } = await connected()
    const before = client.token
    answer(async () => respond())
    await expect(transport.update(await token())).rejects.toMatchObject({ code: 'OFFLINE' })
    expect(client.token).toBe(before)
    expect(heard.rejected).not.toHaveBeenCalled()
    transport.disconnect('ended')
  })

  test('that arrives after the session ended puts no token into the client', async () => {
    const { transport, client } = await connected()
    let respond: (response: Response) => void = () => {}
    const asked = new Promise<void>((resolve) => {
      answer(() => (resolve(), new Promise((given) => (respond = given))))
    })
    const updated = transport.update(await token()) as Promise<void>
    updated.catch(() => {})
    await asked
    transport.disconnect('ended')
    await until(() => expect(client.token).toBeUndefined())
    const put = vi.spyOn(client, 'updateSessionToken')
    respond(new Response('OK'))
    await expect(updated).rejects.toMatchObject({ code: 'OFFLINE' })
    expect(put).not.toHaveBeenCalled()
    expect(client.token).toBeUndefined()
  })

  test('that does not come ends with the next request: an older token never replaces a newer one', async () => {
    const { transport, client } = await connected()
    const signals: AbortSignal[] = []
    answer(({ signal } = {}) => {
      // Triplit's client repeats the request afterwards, without a signal.
      if (signal) signals.push(signal)
      return signals.length > 1
        ? Promise.resolve(new Response('OK'))
        : new Promise((_, reject) => signal!.addEventListener('abort', () => reject(new Error('aborted'))))
    })
    const first = transport.update(await token()) as Promise<void>
    first.catch(() => {})
    await until(() => expect(signals).toHaveLength(1))
    const newer = await token()
    await transport.update(newer)
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false])
    await expect(first).rejects.toMatchObject({ code: 'OFFLINE' })
    expect(client.token).toBe(newer)
    transport.disconnect('ended')
  })
})

describe('a disconnect ends', () => {
  test('a connect that the server does not answer', async () => {
    const silent = await startSilent()
    onTestFinished(() => silent.close())
    const transport = createTransport(testClient(silent.url), TIMER)
    const connecting = transport.connect(await token(), reports())
    await until(() => expect(silent.opened()).toBe(1))
    transport.disconnect('ended')
    await connecting
  })

  test('an update that waits for the socket before it to close', async () => {
    const { transport } = await connected()
    const updated = transport.update(await token({ name: 'Ada' }))
    transport.disconnect('ended')
    await expect(updated).rejects.toMatchObject({ code: 'OFFLINE' })
  })
})
