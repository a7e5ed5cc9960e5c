import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createSecret, formatSecret } from '../../identity/secret.ts'
import { memoryStore } from '../../keystore/memory.ts'
import { refusal } from '../../server/response.ts'
import { readPayload, testBrowser } from '../client.testing.ts'

const APP = 'https://app.example'
const server = vi.fn<(request: Request) => Response | Promise<Response>>()

beforeEach(() => {
  vi.stubGlobal('location', new URL(APP))
  vi.stubGlobal('fetch', async (request: Request) => server(request))
  server.mockReset().mockImplementation(() => new Response('ok'))
})
afterEach(() => vi.unstubAllGlobals())

function bearers(): (string | null)[] {
  return server.mock.calls.map(([request]) => request.headers.get('authorization'))
}

const unauthorized = (): Response => refusal('TOKEN_EXPIRED').response()

describe('origins', () => {
  test("the page's own gets the bearer", async () => {
    const auth = await testBrowser().load()
    await auth.fetch(`${APP}/api/notes`)
    expect(bearers()).toEqual([`Bearer ${await auth.getToken()}`])
  })

  test('another one on the list gets a token with its own audience', async () => {
    const auth = await testBrowser().load({ audiences: { 'https://api.example': 'api' } })
    await auth.fetch('https://api.example/notes')
    expect(readPayload(bearers()[0]!.slice(7))).toMatchObject({ aud: 'api' })
  })

  const others = [
    'https://evil.example/',
    'http://app.example/',
    'https://app.example:8443/',
    'https://app.example.evil/',
    'data:text/plain,x',
  ]
  for (const url of others) {
    test(`${url} is refused before anything is sent`, async () => {
      const auth = await testBrowser().load({ audiences: { 'https://api.example': 'api' } })
      await expect(auth.fetch(url)).rejects.toMatchObject({ code: 'ORIGIN_NOT_ALLOWED' })
      expect(server).not.toHaveBeenCalled()
    })
  }

  test('one that the list only inherits is refused', async () => {
    const auth = await testBrowser().load({
      audiences: Object.create({ 'https://evil.example': 'evil' }) as Record<string, string>,
    })
    await expect(auth.fetch('https://evil.example/')).rejects.toMatchObject({ code: 'ORIGIN_NOT_ALLOWED' })
    expect(server).not.toHaveBeenCalled()
  })
})

test('anonymous sends no bearer (checklist 2: it can read)', async () => {
  const auth = await testBrowser().load({ initialMode: 'anonymous' })
  await auth.fetch(`${APP}/api/notes`)
  expect(bearers()).toEqual([null])
})

describe('a 401', () => {
  test('leads to one refresh and one retry, with the same body', async () => {
    const bodies: string[] = []
    server.mockImplementation(async (request) => {
      bodies.push(await request.text())
      return bodies.length === 1 ? unauthorized() : new Response('ok')
    })
    const browser = testBrowser()
    const auth = await browser.load()
    await auth.getToken()
    browser.clock.advance(60_000)
    const response = await auth.fetch(`${APP}/api/notes`, { method: 'POST', body: 'text' })
    expect(response.status).toBe(200)
    expect(bodies).toEqual(['text', 'text'])
    expect(new Set(bearers()).size).toBe(2)
    expect(auth.getState().error).toBeUndefined()
  })

  test('twice sets the error, keeps the session and is handed to the caller (checklist 9: the error is set, the last session stays)', async () => {
    server.mockImplementation(unauthorized)
    const onTokenExpired = vi.fn()
    const auth = await testBrowser().load({ onTokenExpired })
    const { session } = auth.getState()
    expect((await auth.fetch(`${APP}/api/notes`)).status).toBe(401)
    expect(server).toHaveBeenCalledTimes(2)
    expect(auth.getState()).toMatchObject({ error: 'expired', session })
    expect(onTokenExpired).toHaveBeenCalledTimes(1)
  })

  for (const [code, error] of [
    ['TOKEN_EXPIRED', 'expired'],
    ['PRINCIPAL_DISABLED', 'disabled'],
    ['TOKEN_SIGNATURE_INVALID', 'invalid'],
    ['CREDENTIAL_MISSING', 'invalid'],
  ] as const) {
    test(`${code} is shown as ${error} (checklist 8: optional error out of expired, missing, invalid, disabled)`, async () => {
      server.mockImplementation(() => refusal(code).response())
      const auth = await testBrowser().load()
      const response = await auth.fetch(`${APP}/api/notes`)
      expect(auth.getState().error).toBe(response.status === 401 ? error : undefined)
    })
  }

  test('with a reason that is none of ours counts as invalid', async () => {
    server.mockImplementation(
      () =>
        new Response(null, {
          status: 401,
          headers: { 'www-authenticate': 'Bearer error="invalid_token", error_description="whatever"' },
        }),
    )
    const auth = await testBrowser().load()
    await auth.fetch(`${APP}/api/notes`)
    expect(auth.getState().error).toBe('invalid')
  })

  test('without a reason counts as invalid', async () => {
    server.mockImplementation(() => new Response(null, { status: 401 }))
    const auth = await testBrowser().load()
    await auth.fetch(`${APP}/api/notes`)
    expect(auth.getState().error).toBe('invalid')
  })

  test('is forgiven by the next answer that is none', async () => {
    server.mockImplementation(unauthorized)
    const auth = await testBrowser().load()
    await auth.fetch(`${APP}/api/notes`)
    server.mockImplementation(() => new Response('ok'))
    await auth.fetch(`${APP}/api/notes`)
    expect(auth.getState().error).toBeUndefined()
  })

  test('to a principal that was replaced meanwhile says nothing about the next one', async () => {
    const auth = await testBrowser().load()
    server.mockImplementation(async () => {
      if (server.mock.calls.length === 2) {
        await auth.signOut()
        await auth.ensureIdentity()
      }
      return unauthorized()
    })
    await auth.fetch(`${APP}/api/notes`)
    expect(auth.getState()).toMatchObject({ authMode: 'local-first' })
    expect(auth.getState().error).toBeUndefined()
  })

  test('to a principal that was replaced meanwhile is never retried as the next one', async () => {
    const auth = await testBrowser().load()
    const { principal } = auth.getState().session!
    server.mockImplementation(async () => {
      await auth.importSecret(formatSecret(createSecret()), { replace: true })
      return unauthorized()
    })
    expect((await auth.fetch(`${APP}/api/notes`, { method: 'PUT', body: '{}' })).status).toBe(401)
    expect(bearers().map((bearer) => readPayload(bearer!.slice(7))['sub'])).toEqual([principal])
    expect(auth.getState().session?.principal).not.toBe(principal)
    expect(auth.getState().error).toBeUndefined()
  })
})

test('nothing is sent in the name of somebody who came while it was prepared', async () => {
  const store = memoryStore()
  let during = async (): Promise<void> => {}
  const update: typeof store.update = async (updater) => {
    const written = await store.update(updater)
    await during()
    return written
  }
  const auth = await testBrowser(undefined, undefined, { ...store, update }).load()
  during = async () => {
    during = async () => {}
    await auth.importSecret(formatSecret(createSecret()), { replace: true })
  }
  await expect(auth.fetch(`${APP}/api/notes`, { method: 'PUT', body: '{}' })).rejects.toMatchObject({
    code: 'IDENTITY_CHANGED',
  })
  expect(server).not.toHaveBeenCalled()
})

test("a network failure is the caller's to see, and changes nothing", async () => {
  server.mockRejectedValue(new TypeError('failed'))
  const auth = await testBrowser().load()
  const state = auth.getState()
  await expect(auth.fetch(`${APP}/api/notes`)).rejects.toBeInstanceOf(TypeError)
  expect(auth.getState()).toBe(state)
})

describe('the first write', () => {
  test('is remembered before it is sent: the identity now holds something', async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    server.mockImplementation(async () => {
      expect(await browser.store.read()).toMatchObject({ entries: [{ wrote: true }] })
      return new Response('ok')
    })
    await auth.fetch(`${APP}/api/notes`, { method: 'PUT', body: '{}' })
    expect(server).toHaveBeenCalledTimes(1)
  })

  test('is not sent before that is on the disk', async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    const { update } = browser.store
    let write = (): void => {}
    const mayWrite = new Promise<void>((resolve) => (write = resolve))
    vi.spyOn(browser.store, 'update').mockImplementation(async (updater) => (await mayWrite, update(updater)))
    const answer = auth.fetch(`${APP}/api/notes`, { method: 'PUT', body: '{}' })
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate)
    expect(server).not.toHaveBeenCalled()
    write()
    await answer
    expect(server).toHaveBeenCalledTimes(1)
  })

  for (const [method, wrote] of Object.entries({
    GET: false,
    HEAD: false,
    OPTIONS: false,
    POST: true,
    PUT: true,
    PATCH: true,
    DELETE: true,
    PURGE: true,
  })) {
    test(`${wrote ? 'can be' : 'is no'} ${method}`, async () => {
      const browser = testBrowser()
      const auth = await browser.load()
      await auth.fetch(`${APP}/api/notes`, { method })
      expect(await browser.store.read()).toMatchObject({ entries: [{ wrote }] })
    })
  }
})
