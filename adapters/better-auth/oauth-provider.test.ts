import { createHash, randomBytes } from 'node:crypto'
import { oauthDeviceAuthorization, oauthProvider } from '@better-auth/oauth-provider'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { betterAuthIssuer, createSessionResolver } from '../../lib/server.ts'
import { createBetterAuthResolver, latchkey, latchkeyJwt } from './index.ts'
import { loseDevice } from './testing/devices.testing.ts'
import { grantFor, redeem as redeemGrant, withPairing } from './testing/pairing.testing.ts'
import { codeOf, newPerson, post } from './testing/requests.testing.ts'
import { AUDIENCE, ORIGIN, type TestBrowser, type TestServer, person, testServer } from './testing/server.testing.ts'

// The plugin itself, a whole code flow. Tokens of other shapes: oauth-client-tokens.test.ts.
const REDIRECT = 'https://third-party.example/callback'

/** A third party, and what it sends a browser to `/oauth2/authorize` with. */
async function thirdParty(server: TestServer, browser: TestBrowser, more: object = {}) {
  const { api } = server.auth as unknown as { api: Record<string, (input: object) => Promise<Record<string, string>>> }
  const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ')
  const client = await api['adminCreateOAuthClient']!({
    headers: new Headers({ cookie }),
    body: {
      redirect_uris: [REDIRECT],
      scope: 'openid profile',
      token_endpoint_auth_method: 'none',
      application_type: 'web',
      skip_consent: true,
      ...more,
    },
  })
  const verifier = randomBytes(32).toString('base64url')
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: client['client_id']!,
    redirect_uri: REDIRECT,
    scope: 'openid profile',
    state: 'state',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    resource: ORIGIN,
  })
  return { clientId: client['client_id']!, verifier, query: String(query) }
}

/** A third party that a browser has given a code, by the flow with PKCE: it asks for tokens. */
async function withCode(server: TestServer, browser: TestBrowser, scope = 'openid profile', more: object = {}) {
  const { clientId, verifier, query } = await thirdParty(server, browser, { scope, ...more })
  const asked = new URLSearchParams(query)
  asked.set('scope', scope)
  const authorized = await browser.send(`/oauth2/authorize?${asked}`, { headers: { accept: 'text/html' } })
  const code = new URL(
    authorized.headers.get('location') ?? ((await authorized.json()) as { url: string }).url,
  ).searchParams.get('code')!
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const ask = (grant: Record<string, string>): Promise<Response> => {
    const body = new URLSearchParams({ client_id: clientId, resource: ORIGIN, ...grant })
    return server.browser().send('/oauth2/token', { method: 'POST', headers, body })
  }
  const redeem = () => ask({ grant_type: 'authorization_code', code, redirect_uri: REDIRECT, code_verifier: verifier })
  return { redeem, refresh: (token: string) => ask({ grant_type: 'refresh_token', refresh_token: token }) }
}

/** The plugin, as these tests use it. */
function provider(more: object = {}) {
  return oauthProvider({
    loginPage: '/login',
    consentPage: '/consent',
    resources: [ORIGIN],
    enforcePerClientResources: false,
    silenceWarnings: { oauthAuthServerConfig: true, openidConfig: true },
    ...more,
  } as never)
}

/** A server that is a provider for others, with one user. */
async function providerServer(): Promise<{ readonly server: TestServer; readonly browser: TestBrowser }> {
  const server = await testServer({ plugins: [latchkey(), latchkeyJwt(), provider()] as never })
  const browser = server.browser()
  await browser.client.signUp.email(person('ada'))
  return { server, browser }
}

describe('a token that @better-auth/oauth-provider gives a third party', () => {
  let server: TestServer
  let tokens: Record<string, string>
  let userId: unknown
  beforeAll(async () => {
    const opened = await providerServer()
    server = opened.server
    userId = (await server.rows('user'))[0]!['id']
    const { redeem } = await withCode(server, opened.browser)
    tokens = (await (await redeem()).json()) as Record<string, string>
  })

  test('has the issuer, the audience and the user of the account server', () => {
    const { access_token: token } = tokens
    expect(decodeProtectedHeader(token!).typ).toBe('at+jwt')
    expect(decodeJwt(token!)).toMatchObject({ iss: ORIGIN, sub: userId, client_id: expect.any(String) })
    expect([decodeJwt(token!).aud].flat()).toContain(ORIGIN)
  })

  test.each(['access_token', 'id_token'])('is no session of the account: %s', async (kind) => {
    const request = new Request(`${ORIGIN}/api/notes`, { headers: { authorization: `Bearer ${tokens[kind]}` } })
    const anywhere = createSessionResolver({
      external: { ...betterAuthIssuer({ baseURL: AUDIENCE }), fetch: (url) => server.handler(new Request(url)) },
    })
    for (const resolver of [createBetterAuthResolver(server.auth), anywhere])
      expect(await resolver.resolve(request)).toMatchObject({ ok: false, error: 'invalid' })
  })
})

describe('a sign-in that @better-auth/oauth-provider continues for a third party', () => {
  test('uses its proof once', async () => {
    const { server, browser } = await providerServer()
    const { query } = await thirdParty(server, browser)
    const one = await newPerson(server)
    const asked = await one.browser.send(`/oauth2/authorize?${query}`, { headers: { accept: 'text/html' } })
    const { pathname, search } = new URL(asked.headers.get('location')!, ORIGIN)
    expect(pathname).toBe('/login')
    const signedIn = await one.prove('/sign-in/email', { ...person('ada'), oauth_query: search.slice(1) })
    expect([signedIn.status, await signedIn.json()]).toMatchObject([
      200,
      { url: expect.stringContaining(`${REDIRECT}?code=`) },
    ])
    expect(await one.session()).toMatchObject({ principal: one.device.principal })
  })
})

describe('a third party that a lost device gave a code', () => {
  const SCOPE = 'openid offline_access'
  const GRANTS = { grant_types: ['authorization_code', 'refresh_token'] }

  test('gets no tokens once the session of the device has ended', async () => {
    const server = await testServer({ plugins: [latchkey(), latchkeyJwt(), provider()] as never })
    const { lost, end } = await loseDevice(server)
    const { redeem } = await withCode(server, lost.browser, SCOPE, GRANTS)
    expect((await end()).status).toBe(200)
    expect((await redeem()).status).toBe(400)
  })

  test('keeps what it got to outlast the session (`offline_access`), as Better Auth defines', async () => {
    const server = await testServer({ plugins: [latchkey(), latchkeyJwt(), provider()] as never })
    const { lost, end } = await loseDevice(server)
    const { redeem, refresh } = await withCode(server, lost.browser, SCOPE, GRANTS)
    const { refresh_token: token } = (await (await redeem()).json()) as Record<string, string>
    expect((await end()).status).toBe(200)
    expect((await refresh(token!)).status).toBe(200)
  })
})

describe('a device whose code a session approved for a third party (RFC 8628)', () => {
  const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:device_code'

  /** @param meanwhile - runs while the tokens are made */
  async function approved(meanwhile?: (server: TestServer) => Promise<unknown>) {
    let during: (() => Promise<unknown>) | undefined
    const fields = async () => ((await during?.()) ? {} : {})
    const plugins = [latchkey(), latchkeyJwt(), provider({ customTokenResponseFields: fields })]
    const server = await testServer({ plugins: [...plugins, oauthDeviceAuthorization()] as never })
    const { lost, end } = await loseDevice(server)
    const grantTypes = { grant_types: [GRANT_TYPE, 'authorization_code', 'refresh_token'] }
    const { clientId } = await thirdParty(server, lost.browser, { ...grantTypes, scope: 'openid offline_access' })
    const television = server.browser()
    const asked = await television.send('/device/code', post({ client_id: clientId, scope: 'openid offline_access' }))
    const codes = (await asked.json()) as Record<'device_code' | 'user_code', string>
    await lost.browser.send(`/device?user_code=${codes.user_code}`)
    const approval = await lost.browser.send('/device/approve', post({ userCode: codes.user_code }))
    expect(approval.status).toBe(200)
    during = meanwhile && (() => meanwhile(server))
    const body = new URLSearchParams({
      grant_type: GRANT_TYPE,
      device_code: codes.device_code,
      client_id: clientId,
    })
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    return { server, end, use: () => television.send('/oauth2/token', { method: 'POST', headers, body }) }
  }

  test('gets tokens', async () => {
    const { use } = await approved()
    const answer = await use()
    expect([answer.status, await answer.json()]).toMatchObject([200, { refresh_token: expect.any(String) }])
  })

  test('gets none once that session has ended', async () => {
    const { use, end } = await approved()
    expect((await end()).status).toBe(200)
    const answer = await use()
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: 'access_denied' }])
  })

  test('gets none if that session ends while they are made', async () => {
    const { use } = await approved((server) => server.adapter.deleteMany({ model: 'session', where: [] }))
    const answer = await use()
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: 'access_denied' }])
  })
})

describe('a session that another one let in', () => {
  test('gives no consent to a third party before a sign-in of its own', async () => {
    const server = await testServer({ plugins: [...withPairing(), provider()] as never })
    const one = await newPerson(server)
    await one.prove('/sign-up/email', person('ada'))
    const { query } = await thirdParty(server, one.browser, { skip_consent: false })
    const fresh = await newPerson(server)
    expect((await redeemGrant(fresh, await grantFor(one, fresh.device))).status).toBe(200)
    const consent = async () => {
      const asked = await fresh.browser.send(`/oauth2/authorize?${query}`, { headers: { accept: 'text/html' } })
      const { pathname, search } = new URL(asked.headers.get('location')!, ORIGIN)
      expect(pathname).toBe('/consent')
      return fresh.browser.send('/oauth2/consent', post({ accept: true, oauth_query: search.slice(1) }))
    }
    const refused = await consent()
    expect([refused.status, await codeOf(refused)]).toEqual([403, 'SESSION_PAIRED'])
    expect(await server.rows('oauthConsent')).toEqual([])
    expect((await fresh.prove('/sign-in/email', person('ada'))).status).toBe(200)
    expect((await consent()).status).toBe(200)
    expect(await server.rows('oauthConsent')).toHaveLength(1)
  })
})

describe('the discovery document of @better-auth/oauth-provider', () => {
  const conflictsWith = async (metadata: boolean) => {
    const errors: string[] = []
    const logger = { log: (level: string, line: string) => void (level === 'error' && errors.push(line)) }
    const exchange = { audiences: ['https://sync.example'], metadata }
    const plain = oauthProvider({ loginPage: '/login', consentPage: '/consent' })
    const server = await testServer({ logger, plugins: [latchkey({ exchange }), latchkeyJwt(), plain] })
    const answer = await server.browser().send('/.well-known/oauth-authorization-server')
    const { api } = server.auth as unknown as { api: Record<string, () => Promise<Record<string, string>>> }
    const { token_endpoint: endpoint } = await api['getOAuthServerConfig']!()
    return { errors: errors.filter((line) => line.includes('conflict')), status: answer.status, endpoint }
  }

  test('has its path to itself with `metadata: false` of the exchange', async () => {
    expect(await conflictsWith(false)).toEqual({ errors: [], status: 404, endpoint: `${AUDIENCE}/oauth2/token` })
    expect(await conflictsWith(true)).toMatchObject({ errors: [expect.stringContaining('latchkey')], status: 200 })
  })
})
