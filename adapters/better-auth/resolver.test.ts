import { describe, expect, test } from 'vitest'
import { createBetterAuthResolver, latchkey, latchkeyJwt } from './index.ts'
import { ORIGIN, type TestServer, person, testServer } from './testing/server.testing.ts'

const ada = person('ada')

async function ask(server: TestServer, token: string | null) {
  const headers = new Headers(token === null ? {} : { authorization: `Bearer ${token}` })
  return createBetterAuthResolver(server.auth).resolve(new Request(`${ORIGIN}/api/notes`, { headers }))
}

async function upgraded() {
  const server = await testServer()
  const browser = server.browser()
  const auth = await browser.load()
  const localFirst = (await auth.getToken())!
  const { principal } = auth.getState().session!
  await auth.upgrade(() => browser.client.signUp.email(ada))
  return { server, browser, auth, localFirst, principal }
}

describe('the session of a request (checklist 1: anonymous, local-first, external)', () => {
  test('a request without a credential', async () => {
    expect(await ask(await testServer(), null)).toMatchObject({
      ok: true,
      session: { authMode: 'anonymous', principal: null },
    })
  })

  test('a device that no account knows', async () => {
    const server = await testServer()
    const auth = await server.browser().load()
    expect(await ask(server, await auth.getToken())).toMatchObject({
      ok: true,
      session: { authMode: 'local-first', principal: auth.getState().session!.principal },
    })
  })

  test('an account, by the token of latchkeyJwt, with the keys from the same process', async () => {
    const { server, auth, principal } = await upgraded()
    expect(await ask(server, await auth.getToken())).toMatchObject({
      ok: true,
      session: { authMode: 'external', principal, principals: [principal] },
    })
  })

  test('an account, also where others have used up the rate limit of the keys', async () => {
    const customRules = { '/jwks': { window: 60, max: 1 }, '/sign-up/email': false } as const
    const server = await testServer({ rateLimit: { enabled: true, customRules } })
    const browser = server.browser()
    const auth = await browser.load()
    await auth.upgrade(() => browser.client.signUp.email(ada))
    await browser.send('/jwks')
    expect((await browser.send('/jwks')).status).toBe(429)
    expect(await ask(server, await auth.getToken())).toMatchObject({ ok: true, session: { authMode: 'external' } })
  })

  test('an account with its aliases', async () => {
    const server = await testServer()
    await server.browser().client.signUp.email(ada)
    const browser = server.browser()
    const auth = await browser.load()
    const { principal } = auth.getState().session!
    await auth.upgrade(() => browser.client.signIn.email(ada))
    expect(await ask(server, await auth.getToken())).toMatchObject({
      ok: true,
      session: { principals: [principal, (await server.rows('user'))[0]!['id']] },
    })
  })

  test('an account of a server whose tokens have another issuer, and whose keys another path', async () => {
    const jwt = { jwt: { issuer: 'https://id.example' }, jwks: { jwksPath: '/keys' } }
    const server = await testServer({ plugins: [latchkey(), latchkeyJwt(jwt)] })
    const browser = server.browser()
    const auth = await browser.load()
    await auth.upgrade(() => browser.client.signUp.email(ada))
    expect(await ask(server, await auth.getToken())).toMatchObject({ ok: true, session: { authMode: 'external' } })
  })

  test('a user whose account lives on another server is not let in', async () => {
    const { auth } = await upgraded()
    const other = await testServer()
    expect(await ask(other, await auth.getToken())).toMatchObject({ ok: false, error: 'invalid' })
  })
})

describe('a device key after the upgrade', () => {
  test('stays a way in while the account cannot be recovered without it', async () => {
    const { server, localFirst, principal } = await upgraded()
    expect(await ask(server, localFirst)).toMatchObject({ ok: true, session: { authMode: 'local-first', principal } })
  })

  test('is refused as disabled once it can', async () => {
    const { server, localFirst } = await upgraded()
    await server.change('user', { emailVerified: true })
    expect(await ask(server, localFirst)).toMatchObject({ ok: false, error: 'disabled', reason: 'PRINCIPAL_DISABLED' })
  })

  test('is refused if it was revoked, also where its principal has no row', async () => {
    const { server, localFirst, browser } = await upgraded()
    await browser.send('/latchkey/session')
    await server.change('latchkeyKey', { retiredAt: new Date() })
    await server.adapter.deleteMany({ model: 'latchkeyPrincipal', where: [] })
    expect(await ask(server, localFirst)).toMatchObject({ ok: false, reason: 'PRINCIPAL_DISABLED' })
  })

  test('is refused once the account is gone', async () => {
    const { server, localFirst } = await upgraded()
    await server.adapter.deleteMany({ model: 'user', where: [] })
    expect(await ask(server, localFirst)).toMatchObject({ ok: false, error: 'disabled' })
  })
})
