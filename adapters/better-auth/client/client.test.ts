import { BASE_ERROR_CODES } from 'better-auth'
import { describe, expect, test, vi } from 'vitest'
import { createAuthClient } from 'better-auth/client'
import { type BetterAuthAccount, betterAuthAccount, latchkeyClient } from './index.ts'
import { refusal } from '../hooks/proofs.ts'
import { PROOF_HEADER } from '../index.ts'

const BASE = 'https://notes.example/api/auth'

/** The plugin alone, with a network that answers what it is told. */
function pluginAlone(
  answer: (path: unknown, options: unknown) => Promise<unknown> = async () => ({ data: null, error: null }),
) {
  const plugin = latchkeyClient()
  const network = vi.fn(answer)
  const client = plugin.getActions(network as never, undefined as never, { baseURL: 'https://notes.example' })
  const onRequest = plugin.fetchPlugins[0]!.hooks!.onRequest!
  const send = async (url: string, method = 'POST') => {
    const request = { url, method, headers: new Headers(), redirect: 'follow' }
    await onRequest(request as never)
    return request
  }
  const account = betterAuthAccount(client)
  return { account, send, network }
}

const mint = async (): Promise<string> => 'the proof'

describe('the proof', () => {
  test('goes to each address under the base URL', async () => {
    const { account, send } = pluginAlone()
    await account.withProof(mint, async () => {
      const { headers, redirect } = await send(`${BASE}/sign-up/email`)
      expect([headers.get(PROOF_HEADER), redirect]).toEqual(['the proof', 'manual'])
    })
  })

  const elsewhere = [
    'https://notes.example/api/notes',
    'https://notes.example/api/authority/sign-up',
    'https://notes.example/api/auth',
    `${BASE}/../notes`,
    `${BASE}/%2e%2e/notes`,
    'https://notes.example.evil.example/api/auth/sign-up',
    'https://notes.example@evil.example/api/auth/sign-up',
    'http://notes.example/api/auth/sign-up',
    'https://notes.example:8443/api/auth/sign-up',
    '/api/auth/sign-up',
    '',
  ]
  for (const url of elsewhere) {
    test(`does not go to ${JSON.stringify(url)}, which stays as it was`, async () => {
      const { account, send } = pluginAlone()
      const { sent } = await account.withProof(mint, async () => {
        const { headers, redirect } = await send(url)
        expect([headers.has(PROOF_HEADER), redirect]).toEqual([false, 'follow'])
      })
      expect(sent).toBe(false)
    })
  }

  for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS']) {
    test(`does not go with ${method}`, async () => {
      const { account, send } = pluginAlone()
      await account.withProof(mint, async () =>
        expect((await send(`${BASE}/sign-out`, method)).headers.has(PROOF_HEADER)).toBe(false),
      )
    })
  }

  test('is only for the run: before it, after it and after a run that throws, requests are unchanged', async () => {
    const { account, send } = pluginAlone()
    const plain = async (): Promise<void> => {
      const { headers, redirect } = await send(`${BASE}/sign-in/email`)
      expect([headers.has(PROOF_HEADER), redirect]).toEqual([false, 'follow'])
    }
    await plain()
    await account.withProof(mint, () => send(`${BASE}/sign-in/email`))
    await plain()
    await expect(account.withProof(mint, () => Promise.reject(new Error('closed')))).rejects.toThrow('closed')
    await plain()
  })

  test('counts as sent only for its own run', async () => {
    const { account, send } = pluginAlone()
    expect((await account.withProof(mint, () => send(`${BASE}/sign-in/email`))).sent).toBe(true)
    expect((await account.withProof(mint, () => {})).sent).toBe(false)
  })

  test('is missing if the device has no identity; the run is still recorded', async () => {
    const { account, send } = pluginAlone()
    const { sent, result } = await account.withProof(null, () => send(`${BASE}/sign-in/email`))
    expect([sent, result.headers.has(PROOF_HEADER), result.redirect]).toEqual([true, false, 'manual'])
  })

  test('is created anew for each request', async () => {
    const { account, send } = pluginAlone()
    let count = 0
    await account.withProof(
      async () => `proof ${++count}`,
      async () => {
        expect((await send(`${BASE}/one`)).headers.get(PROOF_HEADER)).toBe('proof 1')
        expect((await send(`${BASE}/two`)).headers.get(PROOF_HEADER)).toBe('proof 2')
      },
    )
  })
})

describe('a run that was given up', () => {
  test('sends no more proofs, and does not disturb the next one', async () => {
    const { account, send } = pluginAlone()
    const typing = () => {
      const cancel = new AbortController()
      return { cancel, expected: null, onTyped: async () => {}, signal: cancel.signal }
    }
    const first = typing()
    let finish = (): void => {}
    const stuck = account.withProof(mint, () => new Promise<void>((resolve) => (finish = resolve)), first)
    first.cancel.abort()
    expect((await send(`${BASE}/sign-in/email`)).headers.has(PROOF_HEADER)).toBe(false)
    const next = await account.withProof(mint, async () => {
      finish()
      await stuck
      return send(`${BASE}/sign-in/email`)
    })
    expect([next.sent, next.result.headers.get(PROOF_HEADER)]).toEqual([true, 'the proof'])
  })
})

describe('an answer of the account server', () => {
  const failed = (status: number, code?: string) => async () => ({
    data: null,
    error: { status, ...(code && { code }) },
  })

  const ended = (path: unknown, otherwise: () => Promise<unknown>): Promise<unknown> =>
    String(path).startsWith('/latchkey/session')
      ? Promise.resolve({ data: { now: 1, session: null }, error: null })
      : otherwise()

  // Gateways and proxies send these too, so none of them counts as a statement of the account server.
  const codes = ['X', 'UNAUTHORIZED', 'INVALID_API_KEY', 'TOKEN_EXPIRED', 'SESSION_MISSING']
  for (const code of codes) {
    test(`401 with the code ${code} ends no session: only the endpoint of the session says that there is none`, async () => {
      const refuse = failed(401, code)
      const { account } = pluginAlone(refuse)
      await expect(account.getToken()).rejects.toMatchObject({ code: 'OFFLINE' })
      await expect(account.signOut()).rejects.toMatchObject({ code: 'OFFLINE' })
      await expect(account.exchange!('api', null)).rejects.toMatchObject({ code: 'OFFLINE' })
      const { account: alone } = pluginAlone((path) => ended(path, refuse))
      expect(await alone.getToken()).toBeNull()
      expect(await alone.signOut()).toBeUndefined()
    })

    test(`401 with the code ${code} for one request says nothing about a session that is there`, async () => {
      const session = { accountId: 'a', principal: 'p', aliases: [], recoverable: true }
      const { account } = pluginAlone(async (path) =>
        String(path).startsWith('/latchkey/session') ? { data: { now: 1, session }, error: null } : failed(401, code)(),
      )
      for (const call of [() => account.getToken(), () => account.signOut(), () => account.exchange!('api', null)])
        await expect(call()).rejects.toMatchObject({ code: 'OFFLINE' })
    })
  }

  test('401 to the exchange of a device, which has no session to end, is OFFLINE', async () => {
    const { account } = pluginAlone((path) => ended(path, failed(401, 'UNAUTHORIZED')))
    await expect(account.exchange!('api', mint)).rejects.toMatchObject({ code: 'OFFLINE' })
    expect(await account.exchange!('api', null)).toBeNull()
  })

  test('401 to an act is SESSION_MISSING once the endpoint of the session says that there is none', async () => {
    const { account } = pluginAlone((path) => ended(path, failed(401, 'UNAUTHORIZED')))
    const device = { accountId: 'a' }
    const callsOf = ({ unlink, bind, devices }: typeof account) => [
      () => unlink!('alias'),
      () => bind!(mint),
      () => devices!.list(device),
    ]
    for (const call of callsOf(account)) await expect(call()).rejects.toMatchObject({ code: 'SESSION_MISSING' })
    const { account: unreachable } = pluginAlone(failed(401, 'UNAUTHORIZED'))
    for (const call of callsOf(unreachable)) await expect(call()).rejects.toMatchObject({ code: 'OFFLINE' })
  })

  for (const status of [401, 403]) {
    test(`${status} of something in front of the server says nothing: only the session's own endpoint does`, async () => {
      const { account } = pluginAlone(failed(status))
      await expect(account.getSession()).rejects.toMatchObject({ code: 'OFFLINE' })
      await expect(account.getToken()).rejects.toMatchObject({ code: 'OFFLINE' })
      const { account: answered } = pluginAlone(async (path) =>
        String(path).startsWith('/latchkey/session')
          ? { data: { now: 1, session: null }, error: null }
          : failed(status)(),
      )
      expect(await answered.getToken()).toBeNull()
    })
  }

  for (const [status, code] of [
    [0, 'OFFLINE'],
    [429, 'PROVIDER_LIMITED'],
    [500, 'PROVIDER_FAILED'],
    [502, 'PROVIDER_FAILED'],
    [503, 'PROVIDER_FAILED'],
  ] as const) {
    test(`${status} is ${code}, not a missing session`, async () => {
      const { account } = pluginAlone(failed(status))
      await expect(account.getSession()).rejects.toMatchObject({ code })
      await expect(account.getToken()).rejects.toMatchObject({ code })
      await expect(account.signOut()).rejects.toMatchObject({ code })
      expect(account.readFailure({ data: null, error: { status } })).toMatchObject({ code })
    })
  }

  const calls: Readonly<Record<string, (account: BetterAuthAccount) => Promise<unknown>>> = {
    getSession: (account) => account.getSession(),
    getTime: (account) => account.getTime(),
    getToken: (account) => account.getToken(),
    bind: (account) => account.bind!(mint),
    link: (account) => account.link!(mint),
    unlink: (account) => account.unlink!('alias'),
    exchange: (account) => account.exchange!('api', mint),
    signOut: (account) => account.signOut(),
  }
  const portal: Readonly<Record<string, unknown>> = {
    'a page': '<!doctype html><title>Sign in to the hotel</title>',
    'an empty answer': null,
    'JSON of its own': { session: null },
  }
  for (const [name, call] of Object.entries(calls)) {
    for (const [what, data] of Object.entries(portal)) {
      test(`to ${name} is none if ${what} comes with status 200: a captive portal answers everything`, async () => {
        const { account } = pluginAlone(async () => ({ data, error: null }))
        await expect(call(account)).rejects.toMatchObject({ code: 'OFFLINE' })
      })
    }
  }

  for (const name of ['retry-after', 'x-retry-after']) {
    test(`that asks to wait says for how long, by ${name}`, async () => {
      const client = createAuthClient({
        baseURL: 'https://notes.example',
        plugins: [latchkeyClient()],
        fetchOptions: {
          customFetchImpl: async () => Response.json({ message: 'wait' }, { status: 429, headers: { [name]: '30' } }),
        },
      })
      const account = betterAuthAccount(client)
      const limited = { code: 'PROVIDER_LIMITED', cause: { status: 429, retryAfter: 30 } }
      await expect(account.getSession()).rejects.toMatchObject(limited)
      const { result } = await account.withProof(mint, () =>
        client.signIn.email({ email: 'ada@example.com', password: 'p' }),
      )
      expect(account.readFailure(result)).toMatchObject(limited)
    })
  }

  test('that never came is distinguished from a bug in the app, whatever words the browser uses', async () => {
    const lost = new TypeError('Es konnte keine Verbindung hergestellt werden.')
    const client = createAuthClient({
      baseURL: 'https://notes.example',
      plugins: [latchkeyClient()],
      fetchOptions: { customFetchImpl: () => Promise.reject(lost) },
    })
    const account = betterAuthAccount(client)
    const signIn = (): unknown => client.signIn.email({ email: 'ada@example.com', password: 'p' })
    const thrown = await account.withProof(mint, signIn).catch((error: unknown) => error)
    expect(account.readFailure(thrown)).toMatchObject({ code: 'OFFLINE', cause: lost })
    expect(account.readFailure(new TypeError("undefined is not an object (evaluating 'form.email')"))).toBeNull()
  })

  test('is not waited for once the caller gave up', async () => {
    const signals: (AbortSignal | undefined)[] = []
    const { account } = pluginAlone(async (_path, options) => {
      signals.push((options as { signal?: AbortSignal }).signal)
      return { data: { now: 1, session: null, nonce: 'n', token: 't', access_token: 't', success: true }, error: null }
    })
    const { signal } = new AbortController()
    await account.getSession({ signal })
    await account.getTime({ signal })
    await account.getToken({ signal })
    await account.signOut({ signal })
    await account.exchange!('api', mint, { signal })
    for (const act of [
      account.bind!(mint, { signal }),
      account.link!(mint, { signal }),
      account.unlink!('a', { signal }),
    ])
      await act.catch(() => {})
    expect(signals.length).toBe(11)
    expect(signals.every((given) => given === signal)).toBe(true)
  })

  test('that never came is OFFLINE', async () => {
    const { account } = pluginAlone(async () => {
      throw new TypeError('fetch failed')
    })
    await expect(account.getSession()).rejects.toMatchObject({ code: 'OFFLINE' })
    expect(account.readFailure(new TypeError('fetch failed'))).toMatchObject({ code: 'OFFLINE' })
  })

  test('with a code of ours keeps it; with one of the provider it is the cause', () => {
    const { account } = pluginAlone()
    const read = (status: number, code: string) => account.readFailure({ data: null, error: { status, code } })
    expect(read(409, 'PRINCIPAL_TAKEN')).toMatchObject({ code: 'PRINCIPAL_TAKEN' })
    expect(read(401, 'PROOF_REPLAYED')).toMatchObject({ code: 'PROOF_REPLAYED' })
    expect(read(401, 'TOKEN_EXPIRED')).toMatchObject({ code: 'TOKEN_EXPIRED' })
    expect(read(401, 'INVALID_EMAIL_OR_PASSWORD')).toMatchObject({
      code: 'PROVIDER_REFUSED',
      cause: { code: 'INVALID_EMAIL_OR_PASSWORD' },
    })
    expect(account.readFailure({ data: {}, error: null })).toBeNull()
    expect(account.readFailure(undefined)).toBeNull()
  })

  test('that the link of a mail has expired is PROVIDER_REFUSED, although the code is that of an expired proof', () => {
    const { account } = pluginAlone()
    const read = (body: object) => account.readFailure({ data: null, error: { status: 401, ...body } })
    expect(read(BASE_ERROR_CODES.TOKEN_EXPIRED)).toMatchObject({
      code: 'PROVIDER_REFUSED',
      cause: { code: 'TOKEN_EXPIRED' },
    })
    expect(read(refusal('TOKEN_EXPIRED').body!)).toMatchObject({ code: 'TOKEN_EXPIRED' })
  })

  test.each([
    'ACCOUNT_NOT_FOUND',
    'USER_ID_CANNOT_BE_UPDATED',
    'DEVICE_CODE_NOT_CLAIMED',
    'TOKEN_URL_NOT_FOUND',
    'KEY_OF_ANOTHER_PLUGIN',
  ])("with Better Auth's own %s is PROVIDER_REFUSED, whatever the code begins with", (code) => {
    const failure = pluginAlone().account.readFailure({ data: null, error: { status: 400, code } })
    expect(failure).toMatchObject({ code: 'PROVIDER_REFUSED', cause: { code } })
  })
})
