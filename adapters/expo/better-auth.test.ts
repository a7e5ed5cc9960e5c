import { expo } from '@better-auth/expo'
import { expoClient } from '@better-auth/expo/client'
import { createAuthClient } from 'better-auth/client'
import { magicLinkClient } from 'better-auth/client/plugins'
import { magicLink } from 'better-auth/plugins'
import { type MutableToken, OAuth2Server } from 'oauth2-mock-server'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openSqlite } from '../better-auth/testing/database.testing.ts'
import { openIdPlugin } from '../better-auth/testing/openid.testing.ts'
import { mailing, post } from '../better-auth/testing/requests.testing.ts'
import { AUDIENCE, ORIGIN, type TestServer, person, testServer } from '../better-auth/testing/server.testing.ts'
import { type ExpoAuthOptions, createExpoAuth, latchkeyExpoClient } from './index.ts'
import { phone } from './phone.testing.ts'

// Real Better Auth with the plugin `expo()`, and its real client over stubs of the native modules.

const SOON = { timeout: 30_000, interval: 1 }
const CALLBACK = 'notes://home'
const provider = new OAuth2Server()

beforeAll(async () => {
  await provider.issuer.keys.generate('RS256')
  await provider.start(0, '127.0.0.1')
  provider.service.on('beforeTokenSigning', ({ payload }: MutableToken) =>
    Object.assign(payload, { sub: 'ada', email: 'ada@example.com', email_verified: true, name: 'Ada', aud: 'notes' }),
  )
})

afterAll(() => provider.stop())

const mail = mailing()

function newServer(): Promise<TestServer> {
  const plugins = [expo(), openIdPlugin(provider), magicLink({ sendMagicLink: mail.send })]
  // Each reading of a session sets its cookie again.
  return testServer({ plugins, trustedOrigins: ['notes://'], session: { updateAge: 0 } }, openSqlite())
}

type Network = (request: Request) => Promise<Response>

/** As `fetch` of Expo: `redirect: 'manual'` gives the redirect itself, and its type says nothing. */
const expoFetch = (handler: Network): Network => handler

/** As `fetch` of React Native: it follows every redirect. */
const xhrFetch =
  (handler: Network): Network =>
  async (request) => {
    const response = await handler(request)
    const target = response.headers.get('location')
    if (target === null) return response
    if (!target.startsWith(ORIGIN)) throw new TypeError('Network request failed')
    const followed = await handler(new Request(target, { headers: request.headers }))
    return Object.defineProperty(new Response('<p>a page</p>', followed), 'url', { value: target })
  }

let apps = 0

/** The app on a phone, which may start again. */
function install(server: TestServer, native: (handler: Network) => Network = expoFetch) {
  const device = phone()
  const sent: string[] = []
  /** Answers a request in place of the server. */
  const faults = {
    network: null as ((url: string) => boolean) | null,
    delay: null as ((url: string) => Promise<void> | undefined) | null,
  }
  const browser = { answer: (url: string): Promise<{ type: string; url?: string }> => signInThere(server, url) }
  const network: Network = async (request) => {
    sent.push(new URL(request.url).pathname.replace('/api/auth', ''))
    if (faults.network?.(request.url)) throw new TypeError('Network request failed')
    const response = await native(server.handler)(request)
    await faults.delay?.(request.url)
    return response
  }
  const name = `better-auth-${++apps}`
  const newClient = () =>
    createAuthClient({
      baseURL: ORIGIN,
      plugins: [
        expoClient({ scheme: 'notes', storage: device.modules.SecureStore, storagePrefix: 'notes' }),
        latchkeyExpoClient({ WebBrowser: { openAuthSessionAsync: (url) => browser.answer(url) } }),
        magicLinkClient(),
      ],
      fetchOptions: { customFetchImpl: (...given) => network(new Request(...given)) },
    })
  async function start(more: Partial<ExpoAuthOptions> = {}, client = newClient()) {
    const auth = createExpoAuth({ ...device.modules, name, audience: ORIGIN, authClient: client, ...more })
    await auth.ready
    return { auth, client }
  }
  const cookies = (): string => device.keychain.get('notes_cookie')?.value ?? '{}'
  return { device, sent, faults, browser, newClient, start, cookies }
}

/** The browser of the phone: it goes from the server's proxy to the provider, and back by the server to the app. */
async function signInThere(server: TestServer, proxy: string): Promise<{ type: string; url?: string }> {
  // The proxy redirects to https only, which the provider of the tests does not have.
  const first = await server.handler(new Request(proxy.replace('http%3A', 'https%3A')))
  const cookie = first.headers
    .getSetCookie()
    .map((header) => header.split(';')[0])
    .join('; ')
  const atProvider = first.headers.get('location')!.replace('https:', 'http:')
  const back = (await fetch(atProvider, { redirect: 'manual' })).headers.get('location')!
  const last = await server.handler(new Request(back, { headers: { cookie } }))
  const url = last.headers.get('location')!
  return url.startsWith('notes:') ? { type: 'success', url } : { type: 'cancel' }
}

describe('with @better-auth/expo', () => {
  test('a sign-up keeps the principal, and the next start without a network knows it', async () => {
    const server = await newServer()
    const app = install(server)
    const { auth, client } = await app.start()
    const { principal } = auth.getState().session!
    expect(await auth.upgrade(() => client.signUp.email(person('ada')))).toMatchObject({ outcome: 'upgraded' })
    const token = await auth.getToken()
    app.faults.network = () => true
    const { auth: next } = await app.start()
    expect(next.getState()).toMatchObject({ authMode: 'external', session: { principal } })
    expect(await next.getToken()).toBe(token)
    expect(new TextEncoder().encode([...app.device.keychain.values()][0]!.value).length).toBeLessThan(2048)
  })

  test('a sign-out whose request is lost ends the session at the next start', async () => {
    const server = await newServer()
    const app = install(server)
    const { auth, client } = await app.start()
    await auth.upgrade(() => client.signUp.email(person('ada')))
    let lost = 0
    app.faults.network = (url) => /end-session|sign-out/.test(url) && ++lost > 0
    await auth.signOut()
    await vi.waitFor(() => expect(lost).toBeGreaterThan(0), SOON)
    await auth.listIdentities()
    auth.close()
    expect(await server.rows('session')).toHaveLength(1)
    app.faults.network = null
    const { auth: next } = await app.start()
    await vi.waitFor(async () => expect(await server.rows('session')).toEqual([]), SOON)
    await vi.waitFor(() => expect(JSON.parse(app.cookies())).toEqual({}), SOON)
    expect(next.getState()).toMatchObject({ authMode: 'anonymous', session: null })
    expect(app.sent).not.toContain('/sign-out')
  })

  test('a sign-out of the app itself ends the mode too', async () => {
    const server = await newServer()
    const app = install(server)
    const { auth, client } = await app.start()
    await auth.upgrade(() => client.signUp.email(person('ada')))
    await client.signOut()
    await vi.waitFor(() => expect(auth.getState().authMode).toBe('anonymous'), SOON)
    expect(await server.rows('session')).toEqual([])
  })
})

describe('a phone that changes hands without being erased', () => {
  /** Ada's app, signed in and then deleted; the keychain of iOS stays. */
  async function handedOver() {
    const server = await newServer()
    const app = install(server)
    const { auth, client } = await app.start()
    const { principal } = auth.getState().session!
    await auth.upgrade(() => client.signUp.email(person('ada')))
    await client.getSession()
    expect(app.cookies()).toContain('session_token')
    expect(app.device.keychain.get('notes_session_data')?.value).toContain('ada@example.com')
    auth.close()
    app.device.uninstallOnIos()
    app.sent.length = 0
    return { server, app, principal }
  }

  test('has no session of the user before', async () => {
    const { server, app, principal } = await handedOver()
    const { auth, client } = await app.start({ onReinstall: 'forget' })
    expect(auth.getState()).toMatchObject({ authMode: 'local-first', session: { authMode: 'local-first' } })
    expect(auth.getState().session!.principal).not.toBe(principal)
    expect([...app.device.keychain.values()].some(({ value }) => /ada@|session_token/.test(value))).toBe(false)
    expect(await auth.acceptAccount()).toMatchObject({ outcome: 'failed', error: { code: 'SESSION_MISSING' } })
    expect(await client.getSession()).toMatchObject({ data: null })
    // Without a request, since the network may be missing: the server ends it when it expires.
    expect(app.sent.filter((path) => path !== '/latchkey/session' && path !== '/get-session')).toEqual([])
    expect(await server.rows('session')).toHaveLength(1)
  })

  test('has none either if the network is missing', async () => {
    const { app } = await handedOver()
    app.faults.network = () => true
    await app.start({ onReinstall: 'forget' })
    expect(JSON.parse(app.cookies())).toEqual({})
  })

  test('keeps the session if the identity is kept', async () => {
    const { app, principal } = await handedOver()
    const { auth } = await app.start({ onReinstall: 'keep' })
    expect(auth.getState()).toMatchObject({ authMode: 'external', session: { principal } })
    expect(app.cookies()).toContain('session_token')
  })

  test('forgets again if the keychain did not delete the session, and shows no identity until then', async () => {
    const { app, principal } = await handedOver()
    const error = vi.spyOn(console, 'error').mockImplementation(() => {})
    app.device.device.fault = (call, value) =>
      call === 'set' && value === '{}' ? Promise.reject(new Error()) : undefined
    const { auth } = await app.start({ onReinstall: 'forget' })
    expect(auth.getState()).toMatchObject({ session: null, storage: { problem: 'KEYSTORE_UNAVAILABLE' } })
    auth.close()
    app.device.device.fault = null
    const { auth: next } = await app.start({ onReinstall: 'forget' })
    expect(next.getState().session!.principal).not.toBe(principal)
    expect(JSON.parse(app.cookies())).toEqual({})
    error.mockRestore()
  })

  test('a response to the user before that comes later does not bring the session back', async () => {
    const { app } = await handedOver()
    const client = app.newClient()
    let answer = (): void => {}
    const isSent = new Promise<void>((sent) => {
      app.faults.delay = (url) =>
        url.includes('/get-session') ? new Promise<void>((resolve) => (sent(), (answer = resolve))) : undefined
    })
    const asked = client.getSession().then(
      () => 'a session',
      (error: unknown) => error,
    )
    await isSent
    await app.start({ onReinstall: 'forget' }, client)
    answer()
    expect(await asked).toMatchObject({ code: 'IDENTITY_CHANGED' })
    expect(app.cookies()).not.toContain('session_token')
    expect(app.device.keychain.get('notes_session_data')?.value ?? '').not.toContain('ada@')
    app.faults.delay = null
    expect(await client.getSession()).toMatchObject({ data: null })
  })
})

describe('a sign-in in the browser', () => {
  const social = { provider: 'local', callbackURL: CALLBACK }
  const signIn = ({ client }: { client: { $fetch: unknown } }) =>
    (client.$fetch as (path: string, options: object) => Promise<unknown>)('/sign-in/social', {
      method: 'POST',
      body: social,
    })

  test('gives the account the principal of the device', async () => {
    const server = await newServer()
    const app = install(server)
    const started = await app.start()
    const { principal } = started.auth.getState().session!
    expect(await started.auth.upgrade(() => signIn(started))).toMatchObject({
      outcome: 'upgraded',
      session: { principal },
    })
    expect(await server.rows('user')).toMatchObject([{ principal, email: 'ada@example.com' }])
  })

  test('that the server refuses is `taken`, and leaves nothing pending', async () => {
    const server = await newServer()
    const app = install(server)
    const started = await app.start()
    const { auth, client } = started
    const secret = await auth.exportSecret()
    await auth.upgrade(() => client.signUp.email(person('bob')))
    const other = install(server)
    const second = await other.start()
    await second.auth.importSecret(secret, { replace: true })
    expect(await second.auth.upgrade(() => signIn(second))).toMatchObject({
      outcome: 'taken',
      error: { code: 'PRINCIPAL_TAKEN' },
    })
    expect(second.auth.getState()).toMatchObject({ phase: 'ready', upgrade: { failure: 'PRINCIPAL_TAKEN' } })
    expect(second.auth.getState().upgrade?.pending).toBeUndefined()
  })

  test.each(['cancel', 'dismiss'])('that the user ends with %s has failed', async (type) => {
    const app = install(await newServer())
    const started = await app.start()
    app.browser.answer = async () => ({ type })
    expect(await started.auth.upgrade(() => signIn(started))).toMatchObject({
      outcome: 'failed',
      error: { code: 'UPGRADE_CANCELLED' },
    })
    expect(started.auth.getState().upgrade?.pending).toBeUndefined()
  })

  test('with a deep link that any other app could have opened signs in to nothing without confirmation', async () => {
    const server = await newServer()
    const app = install(server)
    const started = await app.start()
    const eve = server.browser()
    const response = await eve.send('/sign-up/email', post(person('eve')))
    const cookie = encodeURIComponent(response.headers.getSetCookie().join(', '))
    app.browser.answer = async () => ({ type: 'success', url: `${CALLBACK}?cookie=${cookie}` })
    expect(await started.auth.upgrade(() => signIn(started))).toMatchObject({
      outcome: 'pending',
      account: { principal: expect.any(String) },
    })
    expect(started.auth.getState().authMode).toBe('local-first')
  })

  test('whose deep link has no cookie says what is missing', async () => {
    const app = install(await newServer())
    const started = await app.start()
    app.browser.answer = async () => ({ type: 'success', url: CALLBACK })
    expect(await started.auth.upgrade(() => signIn(started))).toMatchObject({
      outcome: 'failed',
      error: { code: 'SESSION_NOT_KEPT' },
    })
  })
})

describe.each([
  ['fetch of Expo', expoFetch],
  ['fetch of React Native', xhrFetch],
] as const)('a magic link, with %s', (_, native) => {
  async function mailed() {
    const server = await newServer()
    const app = install(server, native)
    const { auth, client } = await app.start()
    const { email } = person('ada')
    expect(await auth.upgrade(() => client.signIn.magicLink({ email, callbackURL: CALLBACK }))).toMatchObject({
      outcome: 'pending',
    })
    return { auth, client, server, token: mail.last().token, principal: auth.getState().session!.principal }
  }

  test('signs in although the link would redirect to a page', async () => {
    const { auth, client, token, principal } = await mailed()
    const query = { token, callbackURL: CALLBACK, errorCallbackURL: CALLBACK }
    expect(await auth.upgrade(() => client.magicLink.verify({ query }))).toMatchObject({
      outcome: 'upgraded',
      session: { principal },
    })
  })

  test('signs in as the address that was mailed', async () => {
    const { auth, client, principal } = await mailed()
    expect(await auth.upgrade(() => client.$fetch(mail.last().url, { method: 'GET' }))).toMatchObject({
      outcome: 'upgraded',
      session: { principal },
    })
  })

  test('that is used up is an answer like any other outside an upgrade', async () => {
    const { client } = await mailed()
    const query = { token: 'used-up' }
    expect(await client.magicLink.verify({ query }).catch((error: unknown) => error)).toHaveProperty('data')
  })

  test('that is used up has failed, with the reason', async () => {
    const { auth, client } = await mailed()
    const query = { token: 'used-up', callbackURL: CALLBACK }
    expect(await auth.upgrade(() => client.magicLink.verify({ query }))).toMatchObject({
      outcome: 'failed',
      error: { code: 'PROVIDER_REFUSED', cause: { code: 'INVALID_TOKEN' } },
    })
  })
})

test('the other name of a sign-out is no way around its rules', async () => {
  const server = await newServer()
  const browser = server.browser()
  await browser.send('/sign-up/email', post(person('ada')))
  expect((await browser.send('/latchkey/end-session')).status).toBe(404)
  const late = await browser.send('/latchkey/end-session', post({ latchkeySession: 'another' }))
  expect(late.status).toBe(409)
  const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ')
  const foreign = new Request(`${AUDIENCE}/latchkey/end-session`, {
    ...post({}),
    headers: { cookie, origin: 'https://evil.example', 'content-type': 'application/json' },
  })
  expect((await server.handler(foreign)).status).toBe(403)
  expect(await server.rows('session')).toHaveLength(1)
  expect((await browser.send('/latchkey/end-session', post({}))).status).toBe(200)
  expect(await server.rows('session')).toEqual([])
})
