import type { BetterAuthOptions } from 'better-auth'
import { anonymous } from 'better-auth/plugins'
import { decodeJwt } from 'jose'
import { describe, expect, test, vi } from 'vitest'
import { AUDIENCE as EXTERNAL_AUDIENCE, SUBJECT, startIssuer } from '../../../lib/server/external/issuer.testing.ts'
import {
  type ExternalIssuer,
  betterAuthIssuer,
  createSessionResolver,
  namespacedPrincipal,
} from '../../../lib/server.ts'
import {
  type ExchangeOptions,
  PROOF_HEADER,
  type TokenAnswer,
  createBetterAuthResolver,
  createOperator,
  latchkey,
  latchkeyJwt,
} from '../index.ts'
import { elsewhere, link, nonceFor, unlink } from '../testing/link.testing.ts'
import { type Person, codeOf, newPerson, post } from '../testing/requests.testing.ts'
import { AUDIENCE, ORIGIN, type TestServer, person, testServer } from '../testing/server.testing.ts'

const ada = person('ada')
const OTHER = 'https://other.example'
const API = 'https://api.example'
const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange'
const TYPE = 'urn:latchkey:params:oauth:token-type:'
const JWT = 'urn:ietf:params:oauth:token-type:jwt'

const exchanging = (
  options: Partial<ExchangeOptions> = {},
  more: Partial<BetterAuthOptions> = {},
): Partial<BetterAuthOptions> => ({
  ...more,
  plugins: [latchkey({ exchange: { audiences: [API, ORIGIN], ...options } }), latchkeyJwt(), ...(more.plugins ?? [])],
})

const ask = (subject: object, audience = ORIGIN): object => ({ grant_type: GRANT, audience, ...subject })
const tokenIn = async (response: Response): Promise<string> => ((await response.json()) as TokenAnswer).access_token

async function byDevice({ browser, device }: Person, audience?: string): Promise<string> {
  return tokenIn(
    await browser.send(
      '/latchkey/token',
      post(
        ask(
          {
            subject_token_type: `${TYPE}proof`,
            subject_token: await device.proof({ audience: AUDIENCE, purpose: 'exchange' }),
          },
          audience,
        ),
      ),
    ),
  )
}

const bySession = ({ browser }: Person): Promise<Response> =>
  browser.send('/latchkey/token', post(ask({ subject_token_type: `${TYPE}session` })))

const bearer = (token: string): Request => new Request(ORIGIN, { headers: { authorization: `Bearer ${token}` } })

/** Another process that only has the address of the keys. */
const stateless = ({ handler }: TestServer) =>
  createSessionResolver({
    external: betterAuthIssuer({ baseURL: AUDIENCE, fetch: (url) => handler(new Request(url)) }),
    anonymous: 'deny',
  })

/** This server, as another app's provider. */
const asProvider = ({ handler }: TestServer, issuer: ExternalIssuer['issuer'] = ORIGIN): ExternalIssuer => ({
  issuer,
  jwksUrl: `${AUDIENCE}/jwks`,
  audience: ORIGIN,
  fetch: (url) => handler(new Request(url)),
})

describe('what was exchanged for a device', () => {
  test("does not count as an account's wherever it is verified: one for its account does", async () => {
    const server = await testServer(exchanging())
    const one = await newPerson(server)
    const token = await byDevice(one)
    for (const resolver of [createBetterAuthResolver(server.auth), stateless(server)]) {
      expect(await resolver.resolve(bearer(token))).toMatchObject({
        ok: true,
        session: { authMode: 'local-first', principal: one.device.principal },
      })
    }
    await one.prove('/sign-up/email', ada)
    const account = await tokenIn(await bySession(one))
    for (const resolver of [createBetterAuthResolver(server.auth), stateless(server)]) {
      expect(await resolver.resolve(bearer(account))).toMatchObject({
        ok: true,
        session: { authMode: 'external', principal: one.device.principal },
      })
    }
  })

  test('is refused where devices without an account are refused', async () => {
    const server = await testServer(exchanging())
    const token = await byDevice(await newPerson(server))
    expect(await createBetterAuthResolver(server.auth, { localFirst: 'deny' }).resolve(bearer(token))).toMatchObject({
      ok: false,
      reason: 'TOKEN_NOT_AN_ACCOUNT',
    })
  })

  const reasonOf = async (server: TestServer, token: string): Promise<string> => {
    const found = await createBetterAuthResolver(server.auth).resolve(bearer(token))
    return found.ok ? found.session.authMode : found.reason
  }

  test('is refused from the moment at which this process retires its principal', async () => {
    const server = await testServer(exchanging())
    const one = await newPerson(server)
    const token = await byDevice(one)
    await one.prove('/sign-up/email', ada)
    await one.session()
    expect(await reasonOf(server, token)).toBe('local-first')
    await createOperator(server.auth).retireAccount(String((await server.rows('user'))[0]!['id']))
    expect(await reasonOf(server, token)).toBe('PRINCIPAL_DISABLED')
  })

  test('is refused while an account that can be recovered has its principal, and for good if its key was revoked', async () => {
    const server = await testServer(exchanging())
    const one = await newPerson(server)
    await one.prove('/sign-up/email', ada)
    const [two, three] = [await elsewhere(server, ada), await elsewhere(server, ada)]
    for (const each of [two, three]) await link(each, each.device)
    const tokens = [await byDevice(two), await byDevice(three)]
    const reasons = (): Promise<string[]> => Promise.all(tokens.map((token) => reasonOf(server, token)))
    await server.change('user', { emailVerified: true })
    expect(await reasons()).toEqual(['PRINCIPAL_DISABLED', 'PRINCIPAL_DISABLED'])
    const revoked = await one.browser.send('/latchkey/keys/revoke', post({ thumbprint: two.device.thumbprint }))
    expect(revoked.status).toBe(200)
    for (const { device } of [two, three]) expect((await unlink(one, device.principal)).status).toBe(200)
    expect(await reasons()).toEqual(['PRINCIPAL_DISABLED', 'local-first'])
  })

  test('is refused where its key was revoked and its principal has no row', async () => {
    const server = await testServer(exchanging())
    const one = await newPerson(server)
    await one.prove('/sign-up/email', ada)
    await one.session()
    const token = await byDevice(one)
    await server.change('latchkeyKey', { retiredAt: new Date() })
    await server.adapter.deleteMany({ model: 'latchkeyPrincipal', where: [] })
    expect(await reasonOf(server, token)).toBe('PRINCIPAL_DISABLED')
  })

  test("is not an account at another server that accepts this one's accounts", async () => {
    const server = await testServer(exchanging())
    const other = await testServer(exchanging({ issuers: [asProvider(server)] }, { baseURL: OTHER }))
    const one = await newPerson(server)
    const at = async (subject_token: string): Promise<Response> =>
      other.handler(
        new Request(`${OTHER}/api/auth/latchkey/token`, post(ask({ subject_token_type: JWT, subject_token }))),
      )
    const refused = await at(await byDevice(one))
    expect([refused.status, await codeOf(refused)]).toEqual([400, 'TOKEN_NOT_AN_ACCOUNT'])
    expect(await other.rows('latchkeyPrincipal')).toEqual([])
    await one.prove('/sign-up/email', ada)
    const { sub } = decodeJwt(await tokenIn(await at(await tokenIn(await bySession(one)))))
    expect(sub).toBe(await namespacedPrincipal(ORIGIN, one.device.principal))
  })
})

test('its own output is never accepted again, even if the server is configured to accept its own issuer', async () => {
  for (const names of [ORIGIN, ['https://id.example', ORIGIN]]) {
    let server: TestServer | undefined
    const issuers = [
      { ...asProvider({ handler: (request: Request) => server!.handler(request) } as TestServer, names) },
    ]
    server = await testServer(exchanging({ issuers }))
    const one = await newPerson(server)
    await one.prove('/sign-up/email', ada)
    const subject_token = await tokenIn(await bySession(one))
    const refused = await one.browser.send('/latchkey/token', post(ask({ subject_token_type: JWT, subject_token })))
    expect([refused.status, await codeOf(refused)]).toEqual([400, 'ISSUER_UNKNOWN'])
  }
})

test('a user of the anonymous plugin is not an account: neither to the exchange nor by a token of the session', async () => {
  const server = await testServer(exchanging({}, { plugins: [anonymous()] }))
  const one = await newPerson(server)
  await one.browser.send('/sign-in/anonymous', post({}))
  const refused = await bySession(one)
  expect([refused.status, await codeOf(refused)]).toEqual([400, 'SESSION_MISSING'])
  const { token } = (await (await one.browser.send('/token')).json()) as { token: string }
  for (const resolver of [createBetterAuthResolver(server.auth), stateless(server)])
    expect(await resolver.resolve(bearer(token))).toMatchObject({ ok: false, reason: 'TOKEN_NOT_AN_ACCOUNT' })
})

test('a session that was revoked gets none, though its cookie still says who it was', async () => {
  const server = await testServer(exchanging({}, { session: { cookieCache: { enabled: true, maxAge: 300 } } }))
  const one = await newPerson(server)
  await one.prove('/sign-up/email', ada)
  expect((await bySession(one)).status).toBe(200)
  await server.adapter.deleteMany({ model: 'session', where: [] })
  expect(await codeOf(await bySession(one))).toBe('SESSION_MISSING')
})

describe('a form of another site', () => {
  const origins: Record<string, Record<string, string>> = {
    'with its origin': { origin: 'https://evil.example' },
    'with a hidden origin': { origin: 'null' },
    'without an origin': {},
  }
  for (const [name, headers] of Object.entries(origins)) {
    test(`${name}, gets no token by the person's cookie, and does not fix an open account`, async () => {
      const server = await testServer(exchanging())
      const one = await newPerson(server)
      await one.browser.send('/sign-up/email', post(ada))
      const cookie = [...one.browser.cookies].map((pair) => pair.join('=')).join('; ')
      const body = new URLSearchParams(ask({ subject_token_type: `${TYPE}session` }) as Record<string, string>)
      const response = await server.handler(
        new Request(`${AUDIENCE}/latchkey/token`, { method: 'POST', body, headers: { cookie, ...headers } }),
      )
      expect(response.status).toBe(403)
      expect(await server.rows('user')).toMatchObject([{ principalOpen: true }])
    })
  }
})

describe('a proof', () => {
  const PURPOSES = ['upgrade', 'bind', 'link', 'exchange'] as const
  type Purpose = (typeof PURPOSES)[number]

  /** What one endpoint makes of a proof that is right but for what it is for. */
  const ENDPOINTS: Record<Purpose, (one: Person, proof: (nonce?: string) => Promise<string>) => Promise<Response>> = {
    upgrade: async ({ browser }, proof) => browser.send('/sign-in/email', post(ada, { [PROOF_HEADER]: await proof() })),
    bind: async ({ browser }, proof) => {
      const nonce = await nonceFor(browser, 'bind')
      return browser.send('/latchkey/bind', post({ nonce }, { [PROOF_HEADER]: await proof(nonce) }))
    },
    link: async ({ browser }, proof) => {
      const nonce = await nonceFor(browser, 'link')
      return browser.send('/latchkey/link', post({ nonce }, { [PROOF_HEADER]: await proof(nonce) }))
    },
    exchange: async ({ browser }, proof) =>
      browser.send('/latchkey/token', post(ask({ subject_token_type: `${TYPE}proof`, subject_token: await proof() }))),
  }

  for (const [place, send] of Object.entries(ENDPOINTS)) {
    for (const purpose of PURPOSES.filter((each) => each !== place)) {
      test(`to ${purpose} is refused where one to ${place} belongs`, async () => {
        const server = await testServer(exchanging())
        const one = await newPerson(server)
        await one.prove('/sign-up/email', ada)
        const two = await elsewhere(server, ada)
        const { principal: linkTo } = (await two.session())!
        const before = await server.rows('latchkeyPrincipal')
        const refused = await send(two, (nonce) =>
          two.device.proof({
            audience: AUDIENCE,
            purpose,
            ...(nonce && { nonce }),
            ...(purpose === 'link' && { linkTo, nonce: nonce ?? 'n' }),
            ...(purpose === 'bind' && { nonce: nonce ?? 'n' }),
          }),
        )
        expect(refused.status).toBe(place === 'exchange' ? 400 : 401)
        expect(await codeOf(refused)).toBe('PROOF_PURPOSE_MISMATCH')
        expect(await server.rows('latchkeyPrincipal')).toEqual(before)
      })
    }
  }

  test('beside another one in the same header is none', async () => {
    const server = await testServer(exchanging())
    const [one, eve] = [await newPerson(server), await newPerson(server)]
    const headers = new Headers({ 'content-type': 'application/json' })
    for (const { device } of [one, eve])
      headers.append(PROOF_HEADER, await device.proof({ audience: AUDIENCE, purpose: 'upgrade' }))
    const response = await one.browser.send('/sign-up/email', { method: 'POST', body: JSON.stringify(ada), headers })
    expect([response.status, await codeOf(response)]).toEqual([401, 'TOKEN_MALFORMED'])
    expect(await server.rows('user')).toEqual([])
  })
})

describe('a body that is made to confuse parsers', () => {
  const valid = JSON.stringify(ask({ subject_token_type: `${TYPE}session` }))
  const bodies: Record<string, string> = {
    'a list': `[${valid}]`,
    'a text': JSON.stringify(valid),
    'a number': '7',
    nothing: 'null',
    'parameters of its prototype': `{"__proto__":${valid}}`,
    'parameters of its constructor': `{"constructor":{"prototype":${valid}}}`,
    'lists for texts': JSON.stringify(ask({ subject_token_type: [`${TYPE}session`] })),
    'an object for a text': JSON.stringify(ask({ subject_token_type: { toString: `${TYPE}session` } })),
    'nested deeply': `{"grant_type":${'['.repeat(7000)}${']'.repeat(7000)}}`,
    'cut off': valid.slice(0, -1),
    'with a member twice': valid.replace('{', '{"audience":"https://api.example",'),
    'with a member twice, in two spellings': valid.replace('{', String.raw`{"audienc\u0065":"https://api.example",`),
  }
  for (const [name, body] of Object.entries(bodies)) {
    test(`${name} is a bad request`, async () => {
      const server = await testServer(exchanging())
      const one = await newPerson(server)
      await one.prove('/sign-up/email', ada)
      expect(
        (
          await one.browser.send('/latchkey/token', {
            method: 'POST',
            body,
            headers: { 'content-type': 'application/json' },
          })
        ).status,
      ).toBe(400)
    })
  }

  for (const path of ['/latchkey/bind', '/latchkey/link', '/latchkey/keys/name'])
    test(`with a member twice is a bad request to ${path} too`, async () => {
      const one = await newPerson(await testServer(exchanging()))
      await one.prove('/sign-up/email', ada)
      const body = '{"alias":"a","thumbprint":"a","name":"one","name":"two"}'
      const response = await one.browser.send(path, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json' },
      })
      expect([response.status, await response.json()]).toMatchObject([
        400,
        { error: 'invalid_request', code: 'INVALID_REQUEST' },
      ])
    })

  test('that ends early: the client is gone, and the server logs no fault', async () => {
    const faults = vi.spyOn(console, 'error').mockImplementation(() => {})
    const { handler } = await testServer(exchanging())
    const gone = new Error('aborted')
    const body = new ReadableStream({ pull: (controller) => controller.error(gone) })
    const request = new Request(`${AUDIENCE}/latchkey/token`, { ...post({}), body, duplex: 'half' } as RequestInit)
    await expect(handler(request).then(({ status }) => status)).resolves.toBe(400)
    // Other tests of this process may log something of theirs.
    expect(faults.mock.calls.flat()).not.toContain(gone)
    faults.mockRestore()
  })

  test('is not read to its end where the base URL has a path of its own either', async () => {
    for (const base of [`${ORIGIN}/identity`, `${ORIGIN}/identity/`]) {
      const server = await testServer(exchanging({}, { baseURL: base }))
      const response = await server.handler(
        new Request(`${ORIGIN}/identity/latchkey/token`, post({ grant_type: 'x'.repeat(20_000) })),
      )
      expect([response.status, await codeOf(response)]).toEqual([413, 'BODY_TOO_LARGE'])
    }
  })
})

describe('the Host header', () => {
  const plugins = (issuer?: string) => [
    latchkey({ audience: AUDIENCE, exchange: { audiences: [API] } }),
    latchkeyJwt(issuer ? { jwt: { issuer } } : {}),
  ]

  test('never is the issuer: it has to be configured', async () => {
    for (const baseURL of [undefined, { allowedHosts: ['notes.example'] }]) {
      await expect(testServer({ baseURL: baseURL as never, plugins: plugins() })).rejects.toThrow(
        /exchange: set baseURL/,
      )
      await expect(testServer({ baseURL: baseURL as never, plugins: plugins().toReversed() })).rejects.toThrow(
        /exchange: set baseURL/,
      )
    }
  })

  test('never says where the keys are', async () => {
    const server = await testServer({ baseURL: undefined as never, plugins: plugins(ORIGIN) })
    const response = await server.handler(
      new Request('https://evil.example/api/auth/.well-known/oauth-authorization-server'),
    )
    expect(await response.json()).toMatchObject({
      issuer: ORIGIN,
      jwks_uri: `${AUDIENCE}/jwks`,
      token_endpoint: `${AUDIENCE}/latchkey/token`,
    })
    const one = await newPerson(server)
    const subject_token = await one.device.proof({ audience: AUDIENCE, purpose: 'exchange' })
    const answer = await server.handler(
      new Request(
        'https://evil.example/api/auth/latchkey/token',
        post(ask({ subject_token_type: `${TYPE}proof`, subject_token }, API)),
      ),
    )
    expect(decodeJwt(await tokenIn(answer))).toMatchObject({ iss: ORIGIN, aud: API })
  })
})

describe('an alias that was given up', () => {
  const linked = async () => {
    const provider = await startIssuer()
    const server = await testServer(
      exchanging({ issuers: [{ issuer: provider.issuer, jwksUrl: provider.jwksUrl, audience: EXTERNAL_AUDIENCE }] }),
    )
    const one = await newPerson(server)
    await one.prove('/sign-up/email', ada)
    const two = await elsewhere(server, ada)
    expect((await link(two, two.device)).status).toBe(200)
    return { provider, server, one, two }
  }

  test('is in no token that is requested afterwards, whatever was in progress meanwhile', async () => {
    const { provider, one, two } = await linked()
    const before = decodeJwt(await tokenIn(await bySession(one)))
    expect(before['aliases']).toEqual([two.device.principal])
    // A token that was issued before expires by itself.
    expect(before.exp! - before.iat!).toBeLessThanOrEqual(900)
    const [undone, ...meanwhile] = await Promise.all([
      unlink(one, two.device.principal),
      ...[1, 2, 3, 4].map(() => bySession(two)),
    ])
    expect([undone.status, ...meanwhile.map(({ status }) => status)]).toEqual([200, 200, 200, 200, 200])
    for (const each of [one, two])
      expect(decodeJwt(await tokenIn(await bySession(each)))).toMatchObject({ sub: one.device.principal, aliases: [] })
    expect(decodeJwt(await byDevice(two))).toMatchObject({
      sub: two.device.principal,
      auth_mode: 'local-first',
      aliases: [],
    })
    await provider.close()
  })

  test('is bound to no other account while it is held, in any of the possible ways', async () => {
    const { provider, server, one, two } = await linked()
    await unlink(one, two.device.principal)
    const eve = await newPerson(server, two.device)
    expect(await codeOf(await eve.prove('/sign-up/email', person('eve')))).toBe('PRINCIPAL_TAKEN')
    await eve.browser.send('/sign-up/email', post(person('eve')))
    const nonce = await nonceFor(eve.browser, 'bind')
    const bound = await eve.browser.send(
      '/latchkey/bind',
      post({ nonce }, { [PROOF_HEADER]: await two.device.proof({ audience: AUDIENCE, purpose: 'bind', nonce }) }),
    )
    expect(await codeOf(bound)).toBe('PRINCIPAL_TAKEN')
    expect(await codeOf(await link(eve, two.device))).toBe('PRINCIPAL_TAKEN')
    const { bindingStoreOf } = await import('../binding/binding-store.ts')
    const store = bindingStoreOf(server.adapter)
    expect(
      await store.insert({
        issuer: provider.issuer,
        subject: SUBJECT,
        principal: two.device.principal,
        thumbprint: two.device.thumbprint,
      }),
    ).toBeNull()
    expect((await link(two, two.device)).status).toBe(200)
    await provider.close()
  })

  test('stays held where a server died in a link, and the next one was refused', async () => {
    let isWilling = true
    const onLink = (): void => {
      if (!isWilling) throw new Error('not today')
    }
    const server = await testServer({ plugins: [latchkey({ onLink }), latchkeyJwt()] })
    const one = await newPerson(server)
    await one.prove('/sign-up/email', ada)
    const two = await elsewhere(server, ada)
    await link(two, two.device)
    await unlink(one, two.device.principal)
    const heldUntil = async () =>
      (await server.rows('latchkeyPrincipal')).find(({ principal }) => principal === two.device.principal)![
        'until'
      ] as Date
    const until = await heldUntil()
    // What a server that dies after the reservation leaves behind.
    await server.change('latchkeyPrincipal', { kind: 'reserved', epoch: 'died' }, { principal: two.device.principal })
    isWilling = false
    expect(await codeOf(await link(two, two.device))).toBe('LINK_REFUSED')
    expect(await heldUntil()).toEqual(until)
    const bob = await newPerson(server, two.device)
    expect(await codeOf(await bob.prove('/sign-up/email', person('bob')))).toBe('PRINCIPAL_TAKEN')
    isWilling = true
    expect((await link(two, two.device)).status).toBe(200)
  })
})
