import type { BetterAuthPlugin, GenericEndpointContext } from 'better-auth'
import { createAuthEndpoint } from 'better-auth/api'
import { type JwtOptions, signJWT } from 'better-auth/plugins'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { type SessionResolver, betterAuthIssuer, createSessionResolver } from '../../lib/server.ts'
import { createExternalAccounts } from '../../lib/server-kit.ts'
import { testDevice } from '../../lib/testing.ts'
import { createBetterAuthResolver, latchkey, latchkeyJwt } from './index.ts'
import { post } from './testing/requests.testing.ts'
import { AUDIENCE, ORIGIN, type TestServer, person, testServer } from './testing/server.testing.ts'

const CLIENT = 'third-party'

/**
 * Signs with the key of the `jwt` plugin and with its issuer, as the authorization server of Better Auth does
 * (@better-auth/oauth-provider 1.7.5, `createJwtAccessToken` and `createIdToken`).
 */
function authorizationServer(): BetterAuthPlugin {
  const sign = createAuthEndpoint('/test/sign', { method: 'POST' }, async (ctx) => {
    const { header, claims } = ctx.body as { header?: Record<string, string>; claims: Record<string, unknown> }
    const options = (ctx.context.getPlugin('jwt') as { options?: JwtOptions }).options ?? {}
    const iat = Math.floor(Date.now() / 1000)
    const payload = { iss: options.jwt!.issuer!, iat, exp: iat + 3600, ...claims }
    const token = await signJWT(ctx as unknown as GenericEndpointContext, {
      options,
      payload,
      ...(header && { header }),
    })
    return ctx.json({ token })
  })
  return { id: 'test-authorization-server', endpoints: { sign } }
}

let server: TestServer
let userId: string

beforeAll(async () => {
  server = await testServer({ plugins: [latchkey(), latchkeyJwt(), authorizationServer()] })
  await server.browser().client.signUp.email(person('ada'))
  userId = String((await server.rows('user'))[0]!['id'])
})

async function sign(claims: Record<string, unknown>, header?: Record<string, string>): Promise<string> {
  const answer = await server.browser().send('/test/sign', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ claims: { sub: userId, aud: ORIGIN, ...claims }, header }),
  })
  return ((await answer.json()) as { token: string }).token
}

const accessToken = (claims: Record<string, unknown> = {}): Promise<string> =>
  sign({ client_id: CLIENT, azp: CLIENT, scope: 'openid profile', jti: 'j', ...claims }, { typ: 'at+jwt' })

const fetchKeys = (url: string): Promise<Response> => server.handler(new Request(url))

const issuer = (options: Partial<Parameters<typeof betterAuthIssuer>[0]> = {}): ReturnType<typeof betterAuthIssuer> =>
  betterAuthIssuer({ baseURL: AUDIENCE, fetch: fetchKeys, ...options })

async function outcomeOf(resolver: SessionResolver, token: string): Promise<string> {
  const found = await resolver.resolve({ authorization: `Bearer ${token}` })
  return found.ok ? found.session.authMode : found.reason
}

const RESOLVERS: readonly [string, () => SessionResolver][] = [
  ['in the same process', () => createBetterAuthResolver(server.auth)],
  ['anywhere else', () => createSessionResolver({ external: issuer() })],
  ['with required claims of the app', () => createSessionResolver({ external: issuer({ requiredClaims: ['jti'] }) })],
  ['with a rule of the app', () => createSessionResolver({ external: issuer({ isAccount: () => true }) })],
  ['as a further issuer', () => createSessionResolver({ external: issuer({ principal: 'namespaced' }) })],
]

describe.each(RESOLVERS)('a resolver %s', (_, resolverOf) => {
  test('refuses the access token that the account server gave a third party', async () => {
    const token = await accessToken()
    expect(decodeProtectedHeader(token).typ).toBe('at+jwt')
    expect(await outcomeOf(resolverOf(), token)).toMatch(/^TOKEN_(NOT_AN_ACCOUNT|CLAIM_INVALID)$/)
  })

  test.each<[string, Record<string, unknown>]>([
    ['client_id', { azp: undefined, scope: undefined }],
    ['azp', { client_id: undefined, scope: undefined }],
    ['scope', { client_id: undefined, azp: undefined }],
    ['all three', {}],
  ])('refuses it also where the app adds `auth_mode` to such tokens: by %s', async (_name, claims) => {
    const token = await accessToken({ auth_mode: 'external', ...claims })
    expect(await outcomeOf(resolverOf(), token)).toBe('TOKEN_NOT_AN_ACCOUNT')
  })

  test('refuses an ID token, whatever its audience', async () => {
    expect(await outcomeOf(resolverOf(), await sign({ acr: '0', jti: 'j', nonce: 'n' }))).toBe('TOKEN_CLAIM_INVALID')
  })

  test.each(['', 'anonymous', true, null])('refuses `auth_mode` %j', async (mode) => {
    expect(await outcomeOf(resolverOf(), await sign({ auth_mode: mode, jti: 'j' }))).toBe('TOKEN_NOT_AN_ACCOUNT')
  })
})

describe('where the app names its own OAuth clients', () => {
  const own = (): SessionResolver => createSessionResolver({ external: issuer({ clients: [CLIENT] }) })

  test('their tokens are sessions', async () => {
    expect(await outcomeOf(own(), await accessToken({ auth_mode: 'external' }))).toBe('external')
  })

  test.each<[string, Record<string, unknown>]>([
    ['another client', { client_id: 'other', azp: 'other' }],
    ['a client whose names differ', { azp: 'other' }],
    ['no client at all', { client_id: undefined, azp: undefined }],
  ])('those of %s are not', async (_, claims) => {
    expect(await outcomeOf(own(), await accessToken({ auth_mode: 'external', ...claims }))).toBe('TOKEN_NOT_AN_ACCOUNT')
  })

  test('a token without `auth_mode` is not', async () => {
    expect(await outcomeOf(own(), await accessToken())).toBe('TOKEN_CLAIM_INVALID')
  })
})

test('another server that takes the accounts of this one refuses the third party too', async () => {
  const accounts = createExternalAccounts([issuer()])
  await expect(accounts.verify(await accessToken())).rejects.toMatchObject({ code: 'TOKEN_CLAIM_INVALID' })
  await expect(accounts.verify(await accessToken({ auth_mode: 'external' }))).rejects.toMatchObject({
    code: 'TOKEN_NOT_AN_ACCOUNT',
  })
})

test('and so it does where `aliases` alone says that the issuer runs Latchkey', async () => {
  const byHand = { issuer: ORIGIN, audience: ORIGIN, aliases: true, jwksUrl: `${AUDIENCE}/jwks`, fetch: fetchKeys }
  const accounts = createExternalAccounts([byHand])
  await expect(accounts.verify(await accessToken())).rejects.toMatchObject({ code: 'TOKEN_CLAIM_INVALID' })
  expect(await outcomeOf(createSessionResolver({ external: byHand }), await accessToken())).toBe('TOKEN_CLAIM_INVALID')
})

describe("the exchange's own tokens with the client id that the app names", () => {
  const APP = 'notes-web'
  let named: TestServer

  beforeAll(async () => {
    const exchange = { audiences: [ORIGIN], clientId: APP }
    named = await testServer({ plugins: [latchkey({ exchange }), latchkeyJwt(), authorizationServer()] })
  })

  const exchanged = async (subject: object): Promise<string> => {
    const body = { grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', ...subject }
    const answer = await named.browser().send('/latchkey/token', post(body))
    return ((await answer.json()) as { access_token: string }).access_token
  }
  const deviceToken = async (): Promise<string> =>
    exchanged({
      subject_token_type: 'urn:latchkey:params:oauth:token-type:proof',
      subject_token: await (await testDevice()).proof({ audience: AUDIENCE, purpose: 'exchange' }),
    })
  const elsewhere = (options: object): SessionResolver =>
    createSessionResolver({
      external: issuer({ fetch: (url: string) => named.handler(new Request(url)), ...options }),
    })
  const signed = async (claims: Record<string, unknown>): Promise<string> => {
    const body = { claims: { sub: 'ada', aud: ORIGIN, auth_mode: 'external', jti: 'j', ...claims } }
    const answer = await named.browser().send('/test/sign', post(body))
    return ((await answer.json()) as { token: string }).token
  }

  test('resolve in the same process', async () => {
    const token = await deviceToken()
    expect(decodeJwt(token)['client_id']).toBe(APP)
    expect(await outcomeOf(createBetterAuthResolver(named.auth), token)).toBe('local-first')
  })

  test('resolve elsewhere where the app names its client, and nowhere else', async () => {
    const token = await deviceToken()
    expect(await outcomeOf(elsewhere({ clients: [APP] }), token)).toBe('local-first')
    expect(await outcomeOf(elsewhere({}), token)).toBe('TOKEN_NOT_AN_ACCOUNT')
    expect(await outcomeOf(elsewhere({ clients: ['other'] }), token)).toBe('TOKEN_NOT_AN_ACCOUNT')
  })

  test.each<[string, Record<string, unknown>]>([
    ['of the same name, with its own party', { client_id: APP, azp: APP, principals_tag: 'x' }],
    ['of the same name, with scopes', { client_id: APP, scope: 'openid', principals_tag: 'x' }],
    ['of the same name, with scopes in a list', { client_id: APP, scp: ['openid'], principals_tag: 'x' }],
    ['of the same name, that does not come of the exchange', { client_id: APP }],
    ['of another name', { client_id: CLIENT, principals_tag: 'x' }],
    ['that has only a party of that name', { azp: APP, principals_tag: 'x' }],
  ])('are not confused with the tokens of an OAuth client %s', async (_, claims) => {
    expect(await outcomeOf(createBetterAuthResolver(named.auth), await signed(claims))).toBe('TOKEN_NOT_AN_ACCOUNT')
  })

  test('let no token with that id pass at a server whose exchange names none', async () => {
    const token = await accessToken({ auth_mode: 'external', client_id: APP, azp: undefined, scope: undefined })
    expect(await outcomeOf(createBetterAuthResolver(server.auth), token)).toBe('TOKEN_NOT_AN_ACCOUNT')
  })
})
