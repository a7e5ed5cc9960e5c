import { createHash, randomBytes } from 'node:crypto'
import { oauthProvider } from '@better-auth/oauth-provider'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { betterAuthIssuer, createSessionResolver } from '../../lib/server.ts'
import { createBetterAuthResolver, latchkey, latchkeyJwt } from './index.ts'
import { newPerson } from './testing/requests.testing.ts'
import { AUDIENCE, ORIGIN, type TestBrowser, type TestServer, person, testServer } from './testing/server.testing.ts'

// The plugin itself, a whole code flow. Tokens of other shapes: oauth-client-tokens.test.ts.
const REDIRECT = 'https://third-party.example/callback'

/** A third party, and what it sends a browser to `/oauth2/authorize` with. */
async function thirdParty(server: TestServer, browser: TestBrowser) {
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

/** The tokens that a third party gets by the authorization code flow with PKCE. */
async function tokensOfThirdParty(server: TestServer, browser: TestBrowser): Promise<Record<string, string>> {
  const { clientId, verifier, query } = await thirdParty(server, browser)
  const authorized = await browser.send(`/oauth2/authorize?${query}`, { headers: { accept: 'text/html' } })
  const code = new URL(
    authorized.headers.get('location') ?? ((await authorized.json()) as { url: string }).url,
  ).searchParams.get('code')!
  const answer = await browser.send('/oauth2/token', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      client_id: clientId,
      redirect_uri: REDIRECT,
      code_verifier: verifier,
      resource: ORIGIN,
    }),
  })
  return (await answer.json()) as Record<string, string>
}

/** A server that is a provider for others, with one user. */
async function providerServer(): Promise<{ readonly server: TestServer; readonly browser: TestBrowser }> {
  const provider = oauthProvider({
    loginPage: '/login',
    consentPage: '/consent',
    resources: [ORIGIN],
    enforcePerClientResources: false,
    silenceWarnings: { oauthAuthServerConfig: true, openidConfig: true },
  } as never)
  const server = await testServer({ plugins: [latchkey(), latchkeyJwt(), provider] as never })
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
    tokens = await tokensOfThirdParty(server, opened.browser)
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

describe('the discovery document of @better-auth/oauth-provider', () => {
  const conflictsWith = async (metadata: boolean) => {
    const errors: string[] = []
    const logger = { log: (level: string, line: string) => void (level === 'error' && errors.push(line)) }
    const exchange = { audiences: ['https://sync.example'], metadata }
    const provider = oauthProvider({ loginPage: '/login', consentPage: '/consent' })
    const server = await testServer({ logger, plugins: [latchkey({ exchange }), latchkeyJwt(), provider] })
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
