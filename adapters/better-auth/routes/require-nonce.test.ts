import { createAuthClient } from 'better-auth/client'
import { describe, expect, test } from 'vitest'
import { createAuth, memoryStore } from '../../../lib/index.ts'
import { type TestDevice, manualClock, testDevice } from '../../../lib/testing.ts'
import { betterAuthAccount, latchkeyClient } from '../client/index.ts'
import { type ChallengeAnswer, PROOF_HEADER, latchkey, latchkeyJwt } from '../index.ts'
import { codeOf, post } from '../testing/requests.testing.ts'
import { AUDIENCE, ORIGIN, type TestServer, person, testServer } from '../testing/server.testing.ts'

const APP = 'https://sync.notes.example'
const TOKEN_EXCHANGE = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  audience: APP,
  subject_token_type: 'urn:latchkey:params:oauth:token-type:proof',
}

async function strictServer(clock = Date.now) {
  const server = await testServer({
    plugins: [latchkey({ requireNonce: true, exchange: { audiences: [APP] }, clock }), latchkeyJwt()],
  })
  const browser = server.browser()
  const device = await testDevice()
  const nonceFor = async (purpose: string) =>
    ((await (await browser.send('/latchkey/challenge', post({ purpose }))).json()) as ChallengeAnswer).nonce
  const prove = (purpose: 'upgrade' | 'exchange', nonce?: string, by: TestDevice = device) =>
    by.proof({ audience: AUDIENCE, purpose, nonce, now: clock() / 1000 })
  const signUp = async (nonce?: string, name = 'ada') =>
    browser.send('/sign-up/email', post(person(name), { [PROOF_HEADER]: await prove('upgrade', nonce) }))
  const exchange = async (nonce?: string) =>
    browser.send('/latchkey/token', post({ ...TOKEN_EXCHANGE, subject_token: await prove('exchange', nonce) }))
  return { server, device, nonceFor, prove, signUp, exchange }
}

const usersOf = (server: TestServer) => server.rows('user')

describe('a server that requires a nonce in every proof', () => {
  test('accepts a sign-up and an exchange with one', async () => {
    const { server, device, nonceFor, signUp, exchange } = await strictServer()
    expect((await exchange(await nonceFor('exchange'))).status).toBe(200)
    expect((await signUp(await nonceFor('upgrade'))).status).toBe(200)
    expect(await usersOf(server)).toMatchObject([{ principal: device.principal }])
  })

  test('refuses proofs that were signed ahead of time, without one', async () => {
    const { server, signUp, exchange } = await strictServer()
    expect(await codeOf(await signUp())).toBe('PROOF_NONCE_MISSING')
    expect(await (await exchange()).json()).toMatchObject({ error: 'invalid_request', code: 'PROOF_NONCE_MISSING' })
    expect(await usersOf(server)).toEqual([])
  })

  test('refuses a nonce that was made up, is for another operation or has expired', async () => {
    const clock = manualClock()
    const { server, nonceFor, signUp, exchange } = await strictServer(clock.now)
    const lapsed = await nonceFor('upgrade')
    clock.advance(120_000)
    for (const nonce of ['made up', lapsed, await nonceFor('exchange')])
      expect(await codeOf(await signUp(nonce))).toBe('PROOF_NONCE_MISMATCH')
    expect(await codeOf(await exchange(await nonceFor('upgrade')))).toBe('PROOF_NONCE_MISMATCH')
    expect(await usersOf(server)).toEqual([])
  })

  test('uses a nonce up', async () => {
    const { server, nonceFor, signUp } = await strictServer()
    const nonce = await nonceFor('upgrade')
    expect((await signUp(nonce)).status).toBe(200)
    expect(await codeOf(await signUp(nonce, 'eve'))).toBe('PROOF_REPLAYED')
    expect(await usersOf(server)).toHaveLength(1)
  })

  test('gives the client a nonce if its option is set', async () => {
    const { server } = await strictServer()
    const load = async (requireNonce: boolean) => {
      const paths: string[] = []
      const network = async (input: RequestInfo | URL, init?: RequestInit) => {
        const request = new Request(input, init)
        paths.push(new URL(request.url).pathname.replace('/api/auth', ''))
        request.headers.set('origin', ORIGIN)
        return server.handler(request)
      }
      const client = createAuthClient({
        baseURL: ORIGIN,
        plugins: [latchkeyClient({ requireNonce })],
        fetchOptions: { customFetchImpl: network as typeof fetch },
      })
      const auth = createAuth({
        account: betterAuthAccount(client),
        keystore: memoryStore(),
        audience: ORIGIN,
        audiences: { [APP]: { audience: APP, via: 'exchange' } },
      })
      await auth.ready
      return { auth, client, paths }
    }
    const told = await load(true)
    expect(await told.auth.getToken({ audience: APP })).toMatch(/^ey/)
    await told.auth.upgrade(() => told.client.signUp.email(person('ada')))
    expect(told.paths.filter((path) => path !== '/latchkey/session').slice(0, 4)).toEqual([
      '/latchkey/challenge',
      '/latchkey/token',
      '/latchkey/challenge',
      '/sign-up/email',
    ])
    expect(await usersOf(server)).toMatchObject([{ principal: told.auth.getState().session!.principal }])

    const untold = await load(false)
    const before = untold.auth.getState().session
    expect(await untold.auth.upgrade(() => untold.client.signUp.email(person('eve')))).toMatchObject({
      outcome: 'failed',
      error: { code: 'PROOF_NONCE_MISSING' },
    })
    expect(untold.auth.getState().session).toEqual(before)
    expect(await usersOf(server)).toHaveLength(1)
  })
})

test('a server that requires none gives none without a session', async () => {
  const browser = (await testServer()).browser()
  for (const purpose of ['upgrade', 'exchange'])
    expect(await codeOf(await browser.send('/latchkey/challenge', post({ purpose })))).toBe('BODY_INVALID')
})

test('the option is true or false', () => {
  expect(() => latchkey({ requireNonce: 'false' as never })).toThrow(TypeError)
})
