import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type SessionResolver, namespacedPrincipal } from '../../lib/server.ts'
import { APP, type ClerkApp, IPHONE, SERVER, SYNC, clerkApp } from './clerk-app.testing.ts'
import { type ClerkBrowser, type ClerkInstance, IMPERSONATED } from './clerk.testing.ts'
import type { tokenAccount } from './index.ts'

let now = 0
const clock = (): number => now
const wait = (seconds: number): void => void (now += seconds * 1000)

let app: ClerkApp
let instance: ClerkInstance

beforeEach(async () => {
  now = Date.now()
  app = await clerkApp(clock)
  instance = app.instance
})
afterEach(() => app.close())

const startServer: ClerkApp['startServer'] = (more) => app.startServer(more)
const startBrowser: ClerkApp['startBrowser'] = (server, agent) => app.startBrowser(server, agent)

const ask = (resolver: SessionResolver, token: string | null) =>
  resolver.resolve(token === null ? {} : { authorization: `Bearer ${token}` })

/** The parameters of an exchange (RFC 8693) of Clerk's token. */
const exchange = (token: string) => ({
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  subject_token: token,
  audience: SYNC,
})

test('the tokens have the form of Clerk, version 2', async () => {
  const sdk = instance.browser(APP)
  expect(sdk.session).toBeNull()
  sdk.signIn('user_ada')
  const token = (await sdk.session!.getToken())!
  const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(instance.jwks as never))
  expect(protectedHeader).toEqual({
    alg: 'RS256',
    cat: expect.stringMatching(/^cl_/),
    kid: instance.jwks.keys[0]!.kid,
    typ: 'JWT',
  })
  expect(Object.keys(payload)).toEqual('azp exp fva iat iss jti nbf pla sid sts sub v'.split(' '))
  expect(payload.exp! - payload.iat!).toBe(60)
  expect(await sdk.session!.getToken()).toBe(token)
})

test('the whole route: anonymous, local-first, exchange, sign-up, another device, adopt, undo, sign-out', async () => {
  let server = await startServer()
  const phone = startBrowser(() => server, IPHONE)

  // Anonymous: it reads, and has no token.
  const auth = await phone.load({ initialMode: 'anonymous' })
  expect(auth.getState()).toMatchObject({ authMode: 'anonymous', session: null })
  expect(await auth.getToken()).toBeNull()

  // Local-first: its own tokens at the API, exchanged ones at the sync server.
  await auth.ensureIdentity()
  const { principal } = auth.getState().session!
  expect(await ask(server.api, await auth.getToken())).toMatchObject({ source: 'local-first', session: { principal } })
  const asDevice = await auth.getToken({ audience: SYNC })
  expect(decodeJwt(asDevice!)).toMatchObject({ sub: principal, auth_mode: 'local-first', aliases: [] })
  expect(await ask(server.sync, asDevice)).toMatchObject({ session: { principal, authMode: 'local-first' } })
  const ownToken = (await auth.getToken())!

  // The sign-up at Clerk keeps the principal.
  expect(await auth.upgrade(() => phone.sdk.signIn('user_ada'))).toMatchObject({
    outcome: 'upgraded',
    session: { principal, authMode: 'external' },
  })
  const clerks = (await auth.getToken())!
  expect(decodeJwt(clerks)).toMatchObject({ sub: 'user_ada', azp: APP })
  expect(await ask(server.api, clerks)).toMatchObject({ source: 'external', session: { principal } })
  expect(await ask(server.api, ownToken)).toMatchObject({ ok: false, error: 'disabled' })
  const before = decodeJwt((await auth.getToken({ audience: SYNC, fresh: true }))!)
  expect(before).toMatchObject({ sub: principal, auth_mode: 'external', aliases: [], sid: expect.any(String) })

  // Clerk's tokens last a minute.
  wait(61)
  expect(await ask(server.api, clerks)).toMatchObject({ ok: true })
  wait(5)
  expect(await ask(server.api, clerks)).toMatchObject({ ok: false, error: 'expired' })
  expect(await ask(server.api, await auth.getToken())).toMatchObject({ ok: true })

  // The server starts again, and knows the account.
  server = await startServer()
  expect((await phone.account.getSession())!.principal).toBe(principal)

  // Another device has data of its own, and the account adopts it.
  const laptop = startBrowser(() => server)
  const other = await laptop.load()
  await other.markWritten()
  const { principal: second } = other.getState().session!
  expect(await other.upgrade(() => laptop.sdk.signIn('user_ada'))).toMatchObject({ outcome: 'conflict' })
  expect(await other.previewConflict()).toMatchObject({ canAdopt: true, isTaken: false })
  expect(await other.resolveConflict('adopt')).toMatchObject({
    outcome: 'adopted',
    session: { principal, principals: [principal, second] },
  })
  const adopted = (await other.getToken({ audience: SYNC }))!
  expect(decodeJwt(adopted)).toMatchObject({ sub: principal, aliases: [second] })
  expect(decodeJwt(adopted)['principals_tag']).not.toBe(before['principals_tag'])
  expect(await ask(server.sync, adopted)).toMatchObject({ session: { principal, principals: [principal, second] } })
  expect((await phone.account.getSession())!.aliases).toEqual([second])
  // Clerk's own tokens name no alias, and the API still sees the adopted rows.
  expect(await ask(server.api, await other.getToken())).toMatchObject({ session: { principals: [principal, second] } })
  expect(await ask(server.api, await auth.getToken())).toMatchObject({ session: { principals: [principal, second] } })

  // The undo gives it back to its own key.
  expect(await other.unlinkAlias(second)).toMatchObject({ principals: [principal] })
  expect(decodeJwt((await other.getToken({ audience: SYNC, fresh: true }))!)).toMatchObject({ aliases: [] })
  expect((await phone.account.getSession())!.aliases).toEqual([])
  expect(await ask(server.api, await other.getToken())).toMatchObject({ session: { principals: [principal] } })

  // A sign-out ends Clerk's session.
  await other.signOut()
  expect(other.getState()).toMatchObject({ authMode: 'anonymous', session: null })
  await expect.poll(() => laptop.sdk.session).toBeNull()
  expect(auth.getState()).toMatchObject({ authMode: 'external', session: { principal } })
})

test('an exchanged token is used again while it lasts', async () => {
  const server = await startServer()
  const paths: string[] = []
  const handle = (request: Request): Promise<Response> => {
    paths.push(new URL(request.url).pathname)
    return server.handle(request)
  }
  const phone = startBrowser(() => ({ ...server, handle }))
  const auth = await phone.load()
  await auth.upgrade(() => phone.sdk.signIn('user_ada'))
  const exchanges = (): number => paths.filter((path) => path === '/identity/token').length
  const token = await auth.getToken({ audience: SYNC })
  for (let time = 0; time < 4; time++) expect(await auth.getToken({ audience: SYNC })).toBe(token)
  expect(exchanges()).toBe(1)
  wait(31)
  expect(await auth.getToken({ audience: SYNC })).not.toBe(token)
  expect(exchanges()).toBe(2)
})

test('an account that the API has seen keeps its principal', async () => {
  const server = await startServer()
  const phone = startBrowser(() => server)
  phone.sdk.signIn('user_ada')
  const token = (await phone.sdk.session!.getToken())!
  const seen = await ask(server.api, token)
  const principal = await namespacedPrincipal(instance.frontendApi, 'user_ada')
  expect(seen).toMatchObject({ ok: true, session: { principal, principals: [principal] } })
  expect((await server.binder.look(token, true)).binding).toMatchObject({ principal })
  // A device with data of its own signs in: what the account wrote through the API stays the account's.
  const auth = await phone.load()
  await auth.markWritten()
  expect(await auth.upgrade(() => phone.sdk.signIn('user_ada'))).toMatchObject({ outcome: 'conflict' })
  expect(await ask(server.api, await phone.sdk.session!.getToken())).toMatchObject({ session: { principal } })
})

test('an account without a device has exchanged tokens, too', async () => {
  const server = await startServer()
  const { sdk } = startBrowser(() => server)
  sdk.signIn('user_ada')
  const response = await server.handle(
    new Request(`${SERVER}/token`, {
      method: 'POST',
      body: new URLSearchParams(exchange((await sdk.session!.getToken())!)),
    }),
  )
  const { access_token: exchanged } = (await response.json()) as { access_token: string }
  const principal = await namespacedPrincipal(instance.frontendApi, 'user_ada')
  expect(await ask(server.sync, exchanged)).toMatchObject({
    ok: true,
    session: { authMode: 'external', principal, principals: [principal] },
  })
})

describe('the devices of an account at Clerk', () => {
  async function twoDevices() {
    const server = await startServer()
    const phone = startBrowser(() => server, IPHONE)
    const auth = await phone.load()
    await auth.upgrade(() => phone.sdk.signIn('user_ada'))
    wait(60)
    const laptop = startBrowser(() => server)
    const other = await laptop.load()
    await other.upgrade(() => laptop.sdk.signIn('user_ada'))
    return { server, phone, auth, laptop, other }
  }

  test('are its sessions, the latest first', async () => {
    const { auth, other } = await twoDevices()
    expect(await auth.devices()).toEqual([
      {
        id: expect.any(String),
        name: 'Firefox on Linux',
        platform: 'Linux',
        createdAt: now,
        lastSeenAt: now,
        isCurrent: false,
        approvedBy: null,
      },
      expect.objectContaining({ name: 'Safari on iPhone', createdAt: now - 60_000, isCurrent: true }),
    ])
    expect((await other.devices()).map(({ isCurrent }) => isCurrent)).toEqual([true, false])
  })

  test('can be named', async () => {
    const { auth, other } = await twoDevices()
    const [laptop] = await auth.devices()
    await auth.renameDevice(laptop!.id, ' Ada’s laptop ')
    expect((await other.devices())[0]).toMatchObject({ name: 'Ada’s laptop', isCurrent: true })
    for (const name of ['', '  ', 'x'.repeat(41), 'a\u202eb', 'a\nb'])
      await expect(auth.renameDevice(laptop!.id, name)).rejects.toMatchObject({ code: 'PROVIDER_REFUSED' })
    await expect(auth.renameDevice('unknown', 'x')).rejects.toMatchObject({ code: 'DEVICE_UNKNOWN' })
  })

  test('can be revoked: its tokens are refused at once, and its session at Clerk ends', async () => {
    const { server, auth, other, laptop } = await twoDevices()
    const [clerks, exchanged] = [(await other.getToken())!, (await other.getToken({ audience: SYNC }))!]
    for (const [resolver, token] of [
      [server.api, clerks],
      [server.sync, exchanged],
    ] as const)
      expect(await ask(resolver, token)).toMatchObject({ ok: true })
    const session = laptop.sdk.session!.id
    const [device] = await auth.devices()
    expect(await auth.revokeDevice(device!.id)).toEqual({ sessions: 1, keys: 'none' })
    expect(server.revoked).toEqual([{ issuer: instance.frontendApi, subject: 'user_ada', session }])
    for (const [resolver, token] of [
      [server.api, clerks],
      [server.sync, exchanged],
    ] as const)
      expect(await ask(resolver, token)).toMatchObject({ ok: false, error: 'disabled', reason: 'SESSION_REVOKED' })
    expect(laptop.sdk.session).toBeNull()
    expect(await auth.devices()).toHaveLength(1)
    expect(await ask(server.api, await auth.getToken())).toMatchObject({ ok: true })
  })

  test('a token of a revoked session does nothing, while it lasts', async () => {
    const { server, auth, other } = await twoDevices()
    const token = (await other.getToken())!
    const [device] = await auth.devices()
    await auth.revokeDevice(device!.id)
    const send = async (path: string, body?: object) => {
      const init = body && { method: 'POST', body: JSON.stringify(body) }
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
      const response = await server.handle(new Request(`${SERVER}${path}`, { ...init, headers }))
      return (await response.json()) as { code?: string }
    }
    for (const path of ['/session', '/session?peek=1', '/devices'])
      expect(await send(path)).toMatchObject({ code: 'SESSION_REVOKED' })
    for (const path of ['/challenge', '/bind', '/link', '/unlink', '/devices/rename', '/devices/revoke-others'])
      expect(
        await send(path, { purpose: 'bind', nonce: 'x', proof: 'x', alias: 'x', id: 'x', name: 'x' }),
      ).toMatchObject({ code: 'SESSION_REVOKED' })
    expect(await send('/token', exchange(token))).toMatchObject({ code: 'SESSION_REVOKED' })
    await expect(server.binder.principalOf(token)).rejects.toMatchObject({ code: 'SESSION_REVOKED' })
  })

  test('all others can be revoked together', async () => {
    const { server, auth, other } = await twoDevices()
    const third = startBrowser(() => server)
    await (await third.load()).upgrade(() => third.sdk.signIn('user_ada'))
    expect(await auth.revokeOtherDevices()).toEqual({ sessions: 2, keys: 'none' })
    expect(server.revoked).toHaveLength(2)
    expect(await auth.devices()).toMatchObject([{ isCurrent: true }])
    await expect(other.devices()).rejects.toMatchObject({ code: 'SESSION_MISSING' })
  })

  test('all others are revoked also if one could not be ended at Clerk, and a repetition ends that one', async () => {
    const { server, phone, auth, other, laptop } = await twoDevices()
    const third = startBrowser(() => server)
    const thirds = await third.load()
    await thirds.upgrade(() => third.sdk.signIn('user_ada'))
    const tokens = [await other.getToken(), await thirds.getToken()]
    const { revokeSession } = instance
    let calls = 0
    Object.assign(instance, {
      revokeSession(id: string) {
        if (++calls === 1) throw new Error('Clerk is unreachable')
        revokeSession(id)
      },
    })
    await expect(auth.revokeOtherDevices()).rejects.toMatchObject({ code: 'OFFLINE' })
    for (const token of tokens)
      expect(await ask(server.api, token)).toMatchObject({ ok: false, reason: 'SESSION_REVOKED' })
    expect([laptop.sdk.session, third.sdk.session].filter((session) => session !== null)).toHaveLength(1)
    expect(await auth.revokeOtherDevices()).toEqual({ sessions: 0, keys: 'none' })
    expect([laptop.sdk.session, third.sdk.session]).toEqual([null, null])
    // A session that was revoked long ago is left alone.
    wait(30 * 86_400)
    const session = phone.sdk.session!.id
    phone.sdk.signIn('user_ada')
    server.revoked.splice(0)
    expect(await auth.revokeOtherDevices()).toEqual({ sessions: 1, keys: 'none' })
    expect(server.revoked).toMatchObject([{ session }])
  })

  test('the current one cannot be revoked, and none of another account', async () => {
    const { server, auth } = await twoDevices()
    const current = (await auth.devices()).find(({ isCurrent }) => isCurrent)!
    await expect(auth.revokeDevice(current.id)).rejects.toMatchObject({ code: 'DEVICE_CURRENT' })
    const eve = startBrowser(() => server)
    const eves = await eve.load()
    await eves.upgrade(() => eve.sdk.signIn('user_eve'))
    await expect(eves.revokeDevice(current.id)).rejects.toMatchObject({ code: 'DEVICE_UNKNOWN' })
    const [own] = await eves.devices()
    await expect(auth.revokeDevice(own!.id)).rejects.toMatchObject({ code: 'DEVICE_UNKNOWN' })
    expect(server.revoked).toEqual([])
  })

  test('are those of the account that the app shows, and of no other in the same browser', async () => {
    const { auth, phone } = await twoDevices()
    const [device] = await auth.devices()
    phone.sdk.signIn('user_eve')
    await expect(auth.devices()).rejects.toMatchObject({ code: 'SESSION_MISSING' })
    await expect(auth.revokeDevice(device!.id)).rejects.toMatchObject({ code: 'SESSION_MISSING' })
    await expect(auth.revokeOtherDevices()).rejects.toMatchObject({ code: 'SESSION_MISSING' })
  })

  test('are changed only within ten minutes of a sign-in, and listed at any time', async () => {
    const { auth } = await twoDevices()
    const [device] = await auth.devices()
    wait(600)
    expect(await auth.devices()).toHaveLength(2)
    const acts = [
      () => auth.renameDevice(device!.id, 'x'),
      () => auth.revokeDevice(device!.id),
      () => auth.revokeOtherDevices(),
    ]
    for (const act of acts) await expect(act()).rejects.toMatchObject({ code: 'SESSION_NOT_FRESH' })
  })

  test('one that was not used for 30 days is not listed', async () => {
    const { auth, phone } = await twoDevices()
    wait(30 * 86_400)
    await phone.account.getSession()
    expect(await auth.devices()).toMatchObject([{ isCurrent: true, lastSeenAt: now }])
  })

  test('one whose session could not be ended at Clerk stays revoked, and can be revoked again', async () => {
    const { server, auth } = await twoDevices()
    const [device] = await auth.devices()
    const { revokeSession } = instance
    Object.assign(instance, {
      revokeSession: () => {
        throw new Error('Clerk is unreachable')
      },
    })
    await expect(auth.revokeDevice(device!.id)).rejects.toMatchObject({ code: 'OFFLINE' })
    expect(await auth.devices()).toHaveLength(1)
    Object.assign(instance, { revokeSession })
    expect(await auth.revokeDevice(device!.id)).toEqual({ sessions: 0, keys: 'none' })
    expect(server.revoked).toHaveLength(2)
  })
})

describe('an admin who impersonates the user in Clerk', () => {
  async function impersonation(isOpen = false) {
    const server = await startServer()
    if (!isOpen) {
      const phone = startBrowser(() => server)
      await (await phone.load()).upgrade(() => phone.sdk.signIn('user_ada'))
    }
    const admin = startBrowser(() => server)
    admin.sdk.signIn('user_ada', { act: IMPERSONATED })
    const token = (await admin.sdk.session!.getToken())!
    const send = async (path: string, body?: object) => {
      const init = body && { method: 'POST', body: JSON.stringify(body) }
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
      const response = await server.handle(new Request(`${SERVER}${path}`, { ...init, headers }))
      return (await response.json()) as { code?: string; nonce?: string; session?: object; access_token?: string }
    }
    return { server, admin, token, send }
  }

  test('is named in the session, and in exchanged tokens', async () => {
    const { server, send, token } = await impersonation()
    expect(await send('/session')).toMatchObject({
      session: { impersonatedBy: '["https://dashboard.clerk.com","user_boss"]' },
    })
    const { access_token: exchanged } = await send('/token', exchange(token))
    expect(decodeJwt(exchanged!)).toMatchObject({ act: { sub: expect.stringMatching(/^urn:latchkey:external:/) } })
    expect(await ask(server.sync, exchanged!)).toMatchObject({ ok: true })
  })

  test('binds nothing, links nothing, gives up nothing, and changes no devices', async () => {
    const { send, server, token } = await impersonation()
    const refusals = { bind: 'PRINCIPAL_FIXED', link: 'LINK_FORBIDDEN', unlink: 'LINK_FORBIDDEN' } as const
    for (const [purpose, code] of Object.entries(refusals)) {
      const { nonce } = await send('/challenge', { purpose })
      expect(await send(`/${purpose}`, { nonce, proof: 'any', alias: 'any' })).toMatchObject({ code })
    }
    expect(await send('/devices')).toMatchObject({ code: 'DEVICE_FORBIDDEN' })
    for (const [path, body] of [
      ['rename', { id: 'x', name: 'x' }],
      ['revoke', { id: 'x' }],
      ['revoke-others', {}],
    ] as const)
      expect(await send(`/devices/${path}`, body)).toMatchObject({ code: 'DEVICE_FORBIDDEN' })
    expect((await server.binder.look(token)).actor).toMatchObject({ subject: 'user_boss' })
  })

  test('is no device of the user', async () => {
    const server = await startServer()
    const phone = startBrowser(() => server)
    const auth = await phone.load()
    await auth.upgrade(() => phone.sdk.signIn('user_ada'))
    const admin = startBrowser(() => server)
    admin.sdk.signIn('user_ada', { act: IMPERSONATED })
    await admin.account.getSession()
    expect(await auth.devices()).toHaveLength(1)
  })

  test('fixes no principal: the user can still bind a device', async () => {
    const { server, send, token } = await impersonation(true)
    expect(await send('/session')).toMatchObject({ session: { accountId: expect.any(String) } })
    expect(await send('/token', exchange(token))).toMatchObject({ code: 'ACCOUNT_OPEN' })
    await expect(server.binder.principalOf(token)).rejects.toMatchObject({ code: 'ACCOUNT_OPEN' })
    // Rows under an id that a later bind replaces would have no owner.
    expect(await ask(server.api, token)).toMatchObject({ ok: false, reason: 'ACCOUNT_OPEN' })
    const phone = startBrowser(() => server)
    const auth = await phone.load()
    const { principal } = auth.getState().session!
    expect(await auth.upgrade(() => phone.sdk.signIn('user_ada'))).toMatchObject({
      outcome: 'upgraded',
      session: { principal },
    })
  })

  test.each([null, true, 'user_boss', {}, { sub: '' }, { sub: 1 }, { iss: 1, sub: 'x' }])(
    'whom a token does not name is refused: %j',
    async (act) => {
      const server = await startServer()
      const admin = startBrowser(() => server)
      admin.sdk.signIn('user_ada', { act })
      const token = (await admin.sdk.session!.getToken())!
      await expect(server.binder.look(token)).rejects.toMatchObject({ code: 'TOKEN_CLAIM_INVALID' })
      await expect(admin.account.getSession()).rejects.toMatchObject({ code: 'TOKEN_CLAIM_INVALID' })
    },
  )
})

describe('a session of Clerk', () => {
  test('that is pending is no account', async () => {
    const server = await startServer()
    const phone = startBrowser(() => server)
    phone.sdk.signIn('user_ada', { isPending: true })
    expect(await phone.account.getSession()).toBeNull()
    expect(await ask(server.api, await phone.sdk.session!.getToken())).toMatchObject({
      ok: false,
      reason: 'TOKEN_NOT_AN_ACCOUNT',
    })
  })

  test('of another app of the same instance is refused', async () => {
    const server = await startServer({
      authorizedParties: ['https://other.example'],
      clients: ['https://other.example'],
    })
    const phone = startBrowser(() => server)
    phone.sdk.signIn('user_ada')
    const refused = await ask(server.api, await phone.sdk.session!.getToken())
    expect(refused).toMatchObject({ ok: false, error: 'invalid' })
    await expect(phone.account.getSession()).rejects.toMatchObject({ code: 'TOKEN_PARTY_MISMATCH' })
  })

  test('whose sign-in is more than a day ago changes no identity', async () => {
    const server = await startServer()
    const phone = startBrowser(() => server)
    phone.sdk.signIn('user_ada')
    wait(86_400)
    const { sdk, account } = phone as { sdk: ClerkBrowser; account: ReturnType<typeof tokenAccount> }
    expect(decodeJwt((await sdk.session!.getToken())!)['fva']).toEqual([1440, -1])
    await expect(account.bind!(async () => 'any')).rejects.toMatchObject({ code: 'SESSION_NOT_FRESH' })
    wait(-120)
    await sdk.signOut()
    sdk.signIn('user_ada')
    await expect(account.bind!(async () => 'any')).rejects.toMatchObject({ code: 'TOKEN_MALFORMED' })
  })
})
