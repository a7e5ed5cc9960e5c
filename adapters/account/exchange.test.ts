import { type JWK, createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createAuth, memoryStore } from '../../lib/index.ts'
import {
  type BinderExchangeOptions,
  type SigningJwk,
  createBinderHandler,
  createExternalBinder,
  memoryBindingStore,
} from '../../lib/server.ts'
import { testDevice } from '../../lib/testing.ts'
import { type TestIssuer, startIssuer } from '../../lib/server/external/issuer.testing.ts'
import { tokenAccount } from './index.ts'
// Loaded in advance: the time limit of the client is for a network, not for a compiler.
import '../../lib/client/lazy.ts'

const SERVER = 'https://notes.example/identity'
const APP = 'https://notes.example'
const SYNC = 'https://sync.example'
const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange'
const PROOF = 'urn:latchkey:params:oauth:token-type:proof'
const JWT = 'urn:ietf:params:oauth:token-type:jwt'

let issuer: TestIssuer
let keys: SigningJwk[]
beforeAll(async () => {
  issuer = await startIssuer()
  keys = await Promise.all([newKey('one', 'RS256'), newKey('two', 'ES256'), newKey('three', 'EdDSA')])
})
afterAll(() => issuer.close())

async function newKey(kid: string, alg: SigningJwk['alg']): Promise<SigningJwk> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  return { ...(await exportJWK(privateKey)), kid, alg }
}

function world(more: Partial<BinderExchangeOptions> = {}) {
  const store = memoryBindingStore()
  const binder = createExternalBinder({
    issuers: [{ issuer: issuer.issuer, jwksUrl: issuer.jwksUrl }],
    store,
    audience: SERVER,
    secret: 'a secret of at least thirty-two characters',
  })
  const exchange = { issuer: APP, keys, audiences: [SYNC, 'notes'], ...more }
  const handle = createBinderHandler({ binder, exchange })
  const tokenOf = (sub: string, claims: object = {}) => {
    const iat = Math.floor(Date.now() / 1000)
    return issuer.sign({ sub, iat, exp: iat + 300, ...claims } as never)
  }
  const get = async (path: string) =>
    (await handle(new Request(`${SERVER}${path}`))).json() as Promise<Record<string, unknown>>
  async function send(parameters: Record<string, string> | string) {
    const isForm = typeof parameters !== 'string'
    const body = isForm ? new URLSearchParams({ grant_type: GRANT, audience: SYNC, ...parameters }) : parameters
    const response = await handle(new Request(`${SERVER}/token`, { method: 'POST', body }))
    return {
      status: response.status,
      headers: response.headers,
      ...((await response.json()) as Record<string, unknown>),
    }
  }
  async function verify(jwt: unknown, audience = SYNC) {
    const found = createLocalJWKSet((await get('/jwks')) as never)
    return (await jwtVerify(String(jwt), found, { issuer: APP, audience, typ: 'at+jwt' })).payload
  }
  const proofOf = (device: Awaited<ReturnType<typeof testDevice>>, purpose = 'exchange') =>
    device.proof({ audience: SERVER, purpose: purpose as 'exchange' })
  const state = { user: null as string | null }
  const provider = tokenAccount({
    getToken: () => (state.user === null ? null : tokenOf(state.user, { sid: 's' })),
    signOut: () => void (state.user = null),
    server: SERVER,
    fetch: async (input, init) => handle(new Request(input, init)),
  })
  return { binder, store, handle, get, send, verify, proofOf, tokenOf, provider, state }
}

test('answers in a process whose global Response was replaced, as @hono/node-server 1 does', async () => {
  const { get, send, proofOf, verify } = world()
  onTestFinished(() => void vi.unstubAllGlobals())
  // `json` of the subclass still makes a response of the class before.
  vi.stubGlobal('Response', class extends Response {})
  expect(Response.json({})).not.toBeInstanceOf(Response)
  const device = await testDevice()
  const answer = await send({ subject_token_type: PROOF, subject_token: await proofOf(device) })
  expect(answer.status).toBe(200)
  expect(await verify((answer as Record<string, unknown>)['access_token'])).toMatchObject({ sub: device.principal })
  expect(await get('/.well-known/oauth-authorization-server')).toMatchObject({ issuer: APP })
})

describe('the client', () => {
  test('gets tokens for an audience as a device, and as an account with its aliases', async () => {
    const { provider, verify, state, store } = world()
    const auth = createAuth({
      account: provider,
      keystore: memoryStore(),
      audience: APP,
      audiences: { [SYNC]: { audience: SYNC, via: 'exchange' } },
      harden: 'never',
    })
    await auth.ready
    const { principal } = auth.getState().session!
    expect(await verify(await auth.getToken({ audience: SYNC }))).toMatchObject({
      sub: principal,
      auth_mode: 'local-first',
      aliases: [],
    })
    expect(await auth.upgrade(() => void (state.user = 'ada'))).toMatchObject({ outcome: 'upgraded' })
    const alias = await testDevice()
    await store.link({
      issuer: issuer.issuer,
      subject: 'ada',
      principal: alias.principal,
      thumbprint: alias.thumbprint,
    })
    expect(await verify(await auth.getToken({ audience: SYNC, fresh: true }))).toMatchObject({
      sub: principal,
      auth_mode: 'external',
      aliases: [alias.principal],
      principals_tag: expect.any(String),
    })
  })

  test('is told that there is no session, and which audience is not offered', async () => {
    const { provider, state } = world()
    expect(await provider.exchange!(SYNC, null)).toBeNull()
    state.user = 'ada'
    await expect(provider.exchange!('https://other.example', null)).rejects.toMatchObject({
      code: 'PROVIDER_REFUSED',
      cause: { code: 'INVALID_TARGET' },
    })
  })
})

describe('a token for a device', () => {
  test('is refused once its principal belongs to an account', async () => {
    const { send, proofOf, store, provider } = world()
    const device = await testDevice()
    await store.insert({ issuer: 'i', subject: 's', principal: device.principal, thumbprint: device.thumbprint })
    expect(await send({ subject_token_type: PROOF, subject_token: await proofOf(device) })).toMatchObject({
      status: 400,
      error: 'invalid_request',
      code: 'PRINCIPAL_DISABLED',
      state: 'disabled',
    })
    await expect(provider.exchange!(SYNC, () => proofOf(device))).rejects.toMatchObject({ code: 'PRINCIPAL_DISABLED' })
  })

  test('is refused for a proof that was sent before, and for another purpose', async () => {
    const { send, proofOf } = world()
    const device = await testDevice()
    const once = { subject_token_type: PROOF, subject_token: await proofOf(device) }
    expect(await send(once)).toMatchObject({ status: 200, token_type: 'Bearer', expires_in: 900 })
    expect(await send(once)).toMatchObject({ status: 400, code: 'PROOF_REPLAYED' })
    const other = { ...once, subject_token: await proofOf(device, 'known') }
    expect(await send(other)).toMatchObject({ status: 400, code: 'PROOF_PURPOSE_MISMATCH' })
  })

  test('is refused for a local-first token, which any server may have received, and with localFirst false', async () => {
    const device = await testDevice()
    const { send } = world()
    const token = await device.token({ audience: APP })
    expect(await send({ subject_token_type: PROOF, subject_token: token })).toMatchObject({ status: 400 })
    expect(await send({ subject_token_type: JWT, subject_token: token })).toMatchObject({ code: 'ISSUER_UNKNOWN' })
    const closed = world({ localFirst: false })
    const proof = { subject_token_type: PROOF, subject_token: await closed.proofOf(device) }
    expect(await closed.send(proof)).toMatchObject({ code: 'LOCAL_FIRST_DISABLED' })
  })
})

describe('a token for an account', () => {
  test("does not outlive the provider's token, and has the claims of the app besides its own", async () => {
    const claims = () => ({ role: 'member', sub: 'eve', aud: 'other', iss: 'https://evil.example' })
    const { send, verify, tokenOf, binder } = world({ claims })
    const token = await tokenOf('ada')
    const answer = await send({ subject_token_type: JWT, subject_token: token, audience: 'notes' })
    expect(answer).toMatchObject({ status: 200, expires_in: expect.any(Number) })
    expect(answer.headers.get('cache-control')).toBe('no-store')
    const payload = await verify((answer as Record<string, unknown>)['access_token'], 'notes')
    const { principal } = await binder.principalOf(token)
    expect(payload).toMatchObject({ sub: principal, role: 'member', auth_mode: 'external' })
    expect(payload.exp! - payload.iat!).toBeLessThanOrEqual(300)
  })

  test('is refused with reserved claims, without a trace in the answer', async () => {
    const { send, tokenOf } = world({ claims: () => ({ scope: 'all' }) })
    await expect(send({ subject_token_type: JWT, subject_token: await tokenOf('ada') })).rejects.toThrow('reserved')
  })

  test('is not issued for a session, with a duplicate parameter, or for another grant', async () => {
    const { send, tokenOf } = world()
    const session = 'urn:latchkey:params:oauth:token-type:session'
    expect(await send({ subject_token_type: session })).toMatchObject({ status: 400, code: 'SESSION_MISSING' })
    const twice = JSON.stringify({ grant_type: GRANT }).replace('{', `{"grant_type":"${GRANT}",`)
    expect(await send(twice)).toMatchObject({ status: 400, error: 'invalid_request', code: 'TOKEN_MEMBER_DUPLICATE' })
    const other = { subject_token_type: JWT, subject_token: await tokenOf('ada'), grant_type: 'password' }
    expect(await send(other)).toMatchObject({ status: 400, error: 'unsupported_grant_type' })
    expect(await send('x'.repeat(20_000))).toMatchObject({ status: 400, code: 'TOKEN_TOO_LARGE' })
  })

  test('is counted separately from those for devices', async () => {
    const { send, proofOf, tokenOf } = world({ limit: 1 })
    const device = async () => send({ subject_token_type: PROOF, subject_token: await proofOf(await testDevice()) })
    const account = async () => send({ subject_token_type: JWT, subject_token: await tokenOf('ada') })
    expect([(await device()).status, (await account()).status]).toEqual([200, 200])
    for (const answer of [await device(), await account()])
      expect(answer).toMatchObject({ status: 429, error: 'temporarily_unavailable' })
  })
})

describe('the key set', () => {
  test('has the public part of every key, and no other', async () => {
    const { keys: published } = (await world().get('/jwks')) as { keys: JWK[] }
    expect(published.map(({ kid }) => kid)).toEqual(['one', 'two', 'three'])
    // WebKitGTK 2.50 imports no Ed25519 key with a use.
    const uses = published.map(({ kty, use }) => [kty, use])
    expect(uses.filter(([kty]) => kty === 'OKP')).toEqual([['OKP', undefined]])
    expect(uses.filter(([kty]) => kty !== 'OKP').map(([, use]) => use)).toEqual(['sig', 'sig'])
    const names = new Set(published.flatMap((key) => Object.keys(key)))
    expect([...names].toSorted()).toEqual(['alg', 'crv', 'e', 'kid', 'kty', 'n', 'use', 'x', 'y'])
  })

  test('each algorithm signs what standard clients verify', async () => {
    for (const key of keys) {
      const { send, verify, tokenOf } = world({ keys: [key, ...keys.filter((other) => other !== key)] })
      const answer = await send({ subject_token_type: JWT, subject_token: await tokenOf('ada') })
      expect(await verify((answer as Record<string, unknown>)['access_token'])).toMatchObject({ auth_mode: 'external' })
    }
  })

  test('is named in the metadata, under the address of the configuration', async () => {
    const { handle } = world()
    const found = await handle(
      new Request(`${SERVER}/.well-known/oauth-authorization-server`, { headers: { host: 'evil.example' } }),
    )
    expect(await found.json()).toMatchObject({
      issuer: APP,
      jwks_uri: `${SERVER}/jwks`,
      token_endpoint: `${SERVER}/token`,
    })
  })

  test('refuses a key that is public, has no name, is duplicated or is of another kind', () => {
    const { d: _, ...open } = keys[0]!
    for (const wrong of [[open as SigningJwk], [{ ...keys[0]!, kid: '' }], [keys[0]!, keys[0]!], []])
      expect(() => world({ keys: wrong })).toThrow('exchange.keys')
    for (const kty of ['oct', 'toString'])
      expect(() => world({ keys: [{ ...keys[0]!, kty }] })).toThrow('exchange.keys')
  })
})

test('without the option there is no exchange, and without aliases it is refused', async () => {
  const { binder } = world()
  const handle = createBinderHandler({ binder })
  for (const path of ['/jwks', '/.well-known/oauth-authorization-server'])
    expect((await handle(new Request(`${SERVER}${path}`))).status).toBe(404)
  const without = { ...binder, hasAliases: false }
  expect(() => createBinderHandler({ binder: without, exchange: { issuer: APP, keys, audiences: [SYNC] } })).toThrow(
    'store',
  )
})
