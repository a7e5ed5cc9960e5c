import { describe, expect, test, vi } from 'vitest'
import { betterAuthAccount, latchkeyClient } from './index.ts'
import { PROOF_HEADER } from '../index.ts'

const BASE = 'https://notes.example/api/auth'

/** The plugin alone, with a network that answers what it is told. */
function pluginAlone(answer: () => Promise<unknown> = async () => ({ data: null, error: null })) {
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

  test('is for the run alone: before, afterwards and after a run that throws a request stays as it was', async () => {
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

  test('counts as sent for its own run alone', async () => {
    const { account, send } = pluginAlone()
    expect((await account.withProof(mint, () => send(`${BASE}/sign-in/email`))).sent).toBe(true)
    expect((await account.withProof(mint, () => {})).sent).toBe(false)
  })

  test('is none where the device has no identity; the run is noticed all the same', async () => {
    const { account, send } = pluginAlone()
    const { sent, result } = await account.withProof(null, () => send(`${BASE}/sign-in/email`))
    expect([sent, result.headers.has(PROOF_HEADER), result.redirect]).toEqual([true, false, 'manual'])
  })

  test('is made anew for each request', async () => {
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

describe('an answer of the account server', () => {
  const failed = (status: number, code?: string) => async () => ({
    data: null,
    error: { status, ...(code && { code }) },
  })

  for (const status of [401, 403]) {
    test(`${status} means that there is no token; the session's own endpoint answers everybody, so there something else stands in between`, async () => {
      const { account } = pluginAlone(failed(status))
      expect(await account.getToken()).toBeNull()
      await expect(account.getSession()).rejects.toMatchObject({ code: 'OFFLINE' })
    })
  }

  for (const status of [0, 429, 500, 502, 503]) {
    test(`${status} means that it cannot be reached, not that nobody is signed in`, async () => {
      const { account } = pluginAlone(failed(status))
      await expect(account.getSession()).rejects.toMatchObject({ code: 'OFFLINE' })
      await expect(account.getToken()).rejects.toMatchObject({ code: 'OFFLINE' })
      await expect(account.signOut()).rejects.toMatchObject({ code: 'OFFLINE' })
    })
  }

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
})
