import { AsyncLocalStorage } from 'node:async_hooks'
import { expo } from '@better-auth/expo'
import type { BetterAuthOptions, BetterAuthPlugin } from 'better-auth'
import { createAuthEndpoint } from 'better-auth/api'
import { setSessionCookie } from 'better-auth/cookies'
import { handleOAuthUserInfo } from 'better-auth/oauth2'
import { type MutableRedirectUri, type MutableResponse, type MutableToken, OAuth2Server } from 'oauth2-mock-server'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { onEachEngine } from '../testing/engines.testing.ts'
import { bindTo, link } from '../testing/link.testing.ts'
import { openIdPlugin } from '../testing/openid.testing.ts'
import { type Person, newPerson, post, proofOf, userOf } from '../testing/requests.testing.ts'
import { AUDIENCE, ORIGIN, type TestBrowser, type TestServer, person } from '../testing/server.testing.ts'

const provider = new OAuth2Server()

/** Who is signed in at the provider. */
let profile = { sub: 'ada-at-provider', email: 'ada@example.com', email_verified: true, name: 'Ada' }

beforeAll(async () => {
  await provider.issuer.keys.generate('RS256')
  await provider.start(0, '127.0.0.1')
  provider.service.on('beforeTokenSigning', ({ payload }: MutableToken) =>
    Object.assign(payload, profile, { aud: 'notes' }),
  )
  provider.service.on('beforeUserinfo', (response: MutableResponse) => (response.body = { ...profile }))
})

afterAll(() => provider.stop())

beforeEach(() => {
  profile = { sub: 'ada-at-provider', email: 'ada@example.com', email_verified: true, name: 'Ada' }
})

afterEach(() => vi.restoreAllMocks())

function openId(more: Partial<BetterAuthOptions> = {}): Partial<BetterAuthOptions> {
  return { ...more, plugins: [openIdPlugin(provider), ...(more.plugins ?? [])] }
}

const START = { provider: 'local', callbackURL: `${ORIGIN}/home`, errorCallbackURL: `${ORIGIN}/failed` }

/** Leaves for the provider. @returns where it sends the browser back to */
async function leave(
  browser: TestBrowser,
  headers: Record<string, string> = {},
  path = '/sign-in/social',
): Promise<string> {
  const { url } = (await (await browser.send(path, post(START, headers))).json()) as { url: string }
  const response = await fetch(url, { redirect: 'manual' })
  return response.headers.get('location')!.replace(AUDIENCE, '')
}

/** Comes back from the provider. @returns where the server sends the browser on to */
async function comeBack(browser: TestBrowser, address: string, headers: Record<string, string> = {}): Promise<string> {
  return (await browser.send(address, { headers, redirect: 'manual' })).headers.get('location')!
}

async function signIn({ browser, device }: Person): Promise<string> {
  return comeBack(browser, await leave(browser, await proofOf(device)))
}

/** The device begins, and another browser follows its link to the route of `expo()`. @returns as `leave` */
async function handOver({ browser, device }: Person, other: Person): Promise<string> {
  const address = await leave(browser, await proofOf(device))
  const state = new URL(address, ORIGIN).searchParams.get('state')
  const authorizationURL = `https://provider.example/authorize?state=${state}`
  const kept = [...browser.cookies].find(([name]) => name.endsWith('.oauth_state'))
  const query = new URLSearchParams({ authorizationURL, ...(kept && { oauthState: decodeURIComponent(kept[1]) }) })
  await other.browser.send(`/expo-authorization-proxy?${query}`, { redirect: 'manual' })
  return address
}

async function expectNothing(server: TestServer): Promise<void> {
  expect(await server.rows('user')).toEqual([])
  expect(await server.rows('session')).toEqual([])
  expect(await server.rows('latchkeyPrincipal')).toEqual([])
}

onEachEngine((newServer) => {
  describe('a sign-in through an OpenID provider', () => {
    test("creates an account with the device's principal (checklist 26: OAuth redirect)", async () => {
      const server = await newServer(openId())
      const one = await newPerson(server)
      expect(await signIn(one)).toBe(`${ORIGIN}/home`)
      expect(await userOf(server)).toMatchObject({ principal: one.device.principal })
      expect(await one.session()).toMatchObject({ principal: one.device.principal, recoverable: true })
    })

    test('finds the account again, from any device', async () => {
      const server = await newServer(openId())
      const [one, two] = [await newPerson(server), await newPerson(server)]
      await signIn(one)
      expect(await signIn(two)).toBe(`${ORIGIN}/home`)
      expect(await two.session()).toMatchObject({ principal: one.device.principal })
      expect(await server.rows('user')).toHaveLength(1)
    })

    test('binds an open account', async () => {
      const server = await newServer(openId())
      const first = server.browser()
      await comeBack(first, await leave(first))
      expect(await userOf(server)).toMatchObject({ principal: null, principalOpen: true })
      const one = await newPerson(server)
      await signIn(one)
      const { id } = await userOf(server)
      expect(await one.session()).toMatchObject({ principal: one.device.principal, aliases: [id] })
    })

    test('binds an open account, and links another device, where each sign-in overwrites the profile', async () => {
      const server = await newServer({ plugins: [openIdPlugin(provider, { overrideUserInfo: true })] })
      const first = server.browser()
      await comeBack(first, await leave(first))
      const [one, two] = [await newPerson(server), await newPerson(server)]
      await signIn(one)
      expect(await one.session()).toMatchObject({ principal: one.device.principal })
      await signIn(two)
      expect((await link(two, two.device)).status).toBe(200)
      expect(await userOf(server)).toMatchObject({ principalMailboxBy: null, principalMailboxAt: null })
    })

    test('without a proof binds nothing, whatever header the callback carries', async () => {
      const server = await newServer(openId())
      const one = await newPerson(server)
      const address = await leave(one.browser)
      await comeBack(one.browser, address, await proofOf(one.device))
      expect(await userOf(server)).toMatchObject({ principal: null, principalOpen: true })
    })

    test("with a principal that is taken goes to the app's error page, without user or session", async () => {
      const server = await newServer(openId())
      const one = await newPerson(server)
      await one.prove('/sign-up/email', person('bob'))
      await one.browser.send('/sign-out', post({}))
      const address = new URL(await signIn(await newPerson(server, one.device)))
      expect([address.pathname, address.searchParams.get('error')]).toEqual(['/failed', 'PRINCIPAL_TAKEN'])
      expect(await server.rows('user')).toHaveLength(1)
      expect(await server.rows('session')).toEqual([])
    })

    test('that the provider refuses leaves nothing', async () => {
      const server = await newServer(openId())
      const one = await newPerson(server)
      provider.service.once('beforeAuthorizeRedirect', ({ url }: MutableRedirectUri) => {
        url.searchParams.delete('code')
        url.searchParams.set('error', 'access_denied')
      })
      expect(await signIn(one)).toBe(`${ORIGIN}/failed?error=access_denied`)
      await expectNothing(server)
    })

    test('whose code the provider does not accept leaves nothing', async () => {
      const server = await newServer(openId())
      const one = await newPerson(server)
      provider.service.once('beforeResponse', (response: MutableResponse) =>
        Object.assign(response, { statusCode: 400, body: { error: 'invalid_grant' } }),
      )
      expect(await signIn(one)).toContain(`${ORIGIN}/failed?error=`)
      await expectNothing(server)
    })

    test('whose state has expired leaves nothing', async () => {
      const server = await newServer(openId())
      const one = await newPerson(server)
      const address = await leave(one.browser, await proofOf(one.device))
      const [{ value }] = (await server.rows('verification')) as [{ value: string }]
      await server.change('verification', {
        value: JSON.stringify({ ...JSON.parse(value), expiresAt: Date.now() - 1 }),
      })
      expect(await comeBack(one.browser, address)).toContain('error=')
      await expectNothing(server)
    })

    test("handed over to another person leaves nothing: the start was another browser's", async () => {
      const server = await newServer(openId())
      const [eve, victim] = [await newPerson(server), await newPerson(server)]
      const address = await leave(eve.browser, await proofOf(eve.device))
      expect(await comeBack(victim.browser, address)).toContain('error=state_mismatch')
      await expectNothing(server)
    })

    test('with the state or the code of another start in its place leaves nothing', async () => {
      const server = await newServer(openId())
      const [eve, victim] = [await newPerson(server), await newPerson(server)]
      const theirs = new URL(await leave(eve.browser, await proofOf(eve.device)), ORIGIN)
      const own = new URL(await leave(victim.browser, await proofOf(victim.device)), ORIGIN)
      for (const part of ['state', 'code']) {
        const swapped = new URL(own)
        swapped.searchParams.set(part, theirs.searchParams.get(part)!)
        expect(await comeBack(victim.browser, swapped.pathname + swapped.search)).toContain('error=')
      }
      await expectNothing(server)
    })

    test('binds nothing where the server does not check the state cookie', async () => {
      const server = await newServer(openId({ account: { skipStateCookieCheck: true } }))
      const [eve, victim] = [await newPerson(server), await newPerson(server)]
      const address = await leave(eve.browser, await proofOf(eve.device))
      expect(await comeBack(victim.browser, address)).toBe(`${ORIGIN}/home`)
      expect(await userOf(server)).toMatchObject({ principal: null })
      expect(await server.rows('latchkeyPrincipal')).toEqual([])
    })

    test.each(['database', 'cookie'] as const)(
      'that an app began binds nothing in the browser, with the state in the %s: the link may be from anyone',
      async (storeStateStrategy) => {
        const server = await newServer(openId({ account: { storeStateStrategy }, plugins: [expo()] }))
        const [eve, victim] = [await newPerson(server), await newPerson(server)]
        await comeBack(victim.browser, await handOver(eve, victim))
        expect(await userOf(server)).toMatchObject({ principal: null, principalOpen: true })
        expect(await server.rows('latchkeyPrincipal')).toEqual([])
        await victim.browser.send('/sign-out', post({}))
        await comeBack(victim.browser, await handOver(eve, victim))
        expect(await userOf(server)).toMatchObject({ principal: null, principalOpen: true })
        expect(await server.rows('latchkeyPrincipal')).toEqual([])
        expect((await bindTo(victim.browser, victim.device)).status).toBe(200)
        expect(await victim.session()).toMatchObject({ principal: victim.device.principal })
      },
    )

    test('that an app began is refused for a principal of another account, without user or session', async () => {
      const server = await newServer(openId({ plugins: [expo()] }))
      const one = await newPerson(server)
      await one.prove('/sign-up/email', person('bob'))
      const phone = await newPerson(server)
      const address = new URL(await comeBack(phone.browser, await handOver(one, phone)))
      expect([address.pathname, address.searchParams.get('error')]).toEqual(['/failed', 'PRINCIPAL_TAKEN'])
      expect(await server.rows('user')).toHaveLength(1)
    })

    test('that an app began counts as its own sign-in once the app has bound the account', async () => {
      profile.email_verified = false
      const server = await newServer(openId({ plugins: [expo()] }))
      const [app, phone] = [await newPerson(server), await newPerson(server)]
      await comeBack(phone.browser, await handOver(app, phone))
      expect((await bindTo(phone.browser, app.device)).status).toBe(200)
      expect(await phone.session()).toMatchObject({ provenBy: app.device.principal })
      // As by a link that the mail program opened.
      await server.change('user', { emailVerified: true, principalMailboxBy: 'contested' })
      expect(await phone.session()).toMatchObject({ principal: app.device.principal })
    })

    test('that an app began binds nothing, also if the browser did not keep the state of a later link', async () => {
      const server = await newServer(openId({ plugins: [expo()] }))
      const [eve, victim] = [await newPerson(server), await newPerson(server)]
      const address = await handOver(eve, victim)
      const [name, kept] = [...victim.browser.cookies].find(([each]) => each.endsWith('.state'))!
      const authorizationURL = `https://provider.example/authorize?state=${'too-long'.repeat(600)}`
      const query = new URLSearchParams({ authorizationURL })
      await victim.browser.send(`/expo-authorization-proxy?${query}`, { redirect: 'manual' })
      // A browser drops a cookie of more than 4096 bytes.
      victim.browser.cookies.set(name, kept)
      await comeBack(victim.browser, address)
      expect(await userOf(server)).toMatchObject({ principal: null, principalOpen: true })
      expect(await server.rows('latchkeyPrincipal')).toEqual([])
    })

    test('that the browser began itself soon after such a link is bound by a later request', async () => {
      const server = await newServer(openId({ plugins: [expo()] }))
      const [eve, victim] = [await newPerson(server), await newPerson(server)]
      await handOver(eve, victim)
      expect(await signIn(victim)).toBe(`${ORIGIN}/home`)
      expect(await userOf(server)).toMatchObject({ principal: null, principalOpen: true })
      expect((await bindTo(victim.browser, victim.device)).status).toBe(200)
      expect(await userOf(server)).toMatchObject({ principal: victim.device.principal })
    })

    test('works with the state in a cookie', async () => {
      const server = await newServer(openId({ account: { storeStateStrategy: 'cookie' } }))
      const one = await newPerson(server)
      expect(await signIn(one)).toBe(`${ORIGIN}/home`)
      expect(await userOf(server)).toMatchObject({ principal: one.device.principal })
    })

    test('does not take what a client writes into the state', async () => {
      const server = await newServer(openId())
      const one = await newPerson(server)
      const forged = { principal: one.device.principal, thumbprint: one.device.thumbprint }
      const body = { ...START, additionalData: { latchkey: forged, serverContext: { latchkey: forged } } }
      const { url } = (await (await one.browser.send('/sign-in/social', post(body))).json()) as { url: string }
      const address = (await fetch(url, { redirect: 'manual' })).headers.get('location')!.replace(AUDIENCE, '')
      await comeBack(one.browser, address)
      for (const user of await server.rows('user')) expect(user['principal']).toBeNull()
      expect(await server.rows('latchkeyPrincipal')).toEqual([])
    })
  })

  test('linking a provider to an account never binds', async () => {
    const server = await newServer(openId())
    const [one, two] = [await newPerson(server), await newPerson(server)]
    await one.browser.send('/sign-up/email', post({ ...person('ada') }))
    const address = await leave(one.browser, await proofOf(two.device), '/link-social')
    expect(await comeBack(one.browser, address)).toBe(`${ORIGIN}/home`)
    expect(await server.rows('account')).toHaveLength(2)
    expect(await userOf(server)).toMatchObject({ principal: null, principalOpen: true })
    expect(await server.rows('latchkeyPrincipal')).toEqual([])
  })

  describe('a provider that proves the mailbox of an unverified local account', () => {
    test.each([
      ['', {}],
      [', whose binding is contested,', { emailVerified: true, principalMailboxBy: 'contested' }],
    ])('takes it%s from the principal that made it, also if its device began the sign-in', async (_, change) => {
      const server = await newServer(openIdLinking([expo()]))
      const [eve, victim] = [await newPerson(server), await newPerson(server)]
      await eve.prove('/sign-up/email', person('ada'))
      await server.change('user', { emailVerified: false, ...change })
      await comeBack(victim.browser, await handOver(eve, victim))
      expect((await victim.session())!.principal).not.toBe(eve.device.principal)
    })

    test('takes it from the principal that made it', async () => {
      const server = await newServer(openIdLinking())
      const eve = await newPerson(server)
      await eve.prove('/sign-up/email', person('ada'))
      await eve.session()
      const victim = await newPerson(server)
      expect(await signIn(victim)).toBe(`${ORIGIN}/home`)
      const found = await victim.session()
      expect(found!.principal).not.toBe(eve.device.principal)
      expect(found!.principal).not.toBe(victim.device.principal)
      expect(await eve.session()).toEqual({ ...found, id: expect.any(String), provenBy: eve.device.principal })
    })

    test('leaves it to the device that signed the start', async () => {
      const server = await newServer(openIdLinking())
      const ada = await newPerson(server)
      await ada.prove('/sign-up/email', person('ada'))
      await ada.browser.send('/sign-out', post({}))
      await signIn(ada)
      expect(await ada.session()).toMatchObject({ principal: ada.device.principal, recoverable: true })
    })

    /** The victim has signed in through the provider to an account that somebody else made with the address. */
    const takenOver = async () => {
      const server = await newServer(openIdLinking())
      const eve = await newPerson(server)
      await eve.prove('/sign-up/email', person('ada'))
      await eve.session()
      const victim = await newPerson(server)
      await signIn(victim)
      return { server, victim }
    }

    test('need not be removed before the device that began the sign-in is linked', async () => {
      const { server, victim } = await takenOver()
      const refused = await link(victim, victim.device)
      expect(await refused.json()).toMatchObject({ remaining: ['session', 'password'] })
      await removeOthers(server, victim)
      expect((await link(victim, victim.device)).status).toBe(200)
    })

    test("counts only a session of its own as its owner's: the creator's session links nothing when all else is removed", async () => {
      const { server, victim } = await takenOver()
      // By the password, which the creator then removes, with all other sessions.
      const again = await newPerson(server)
      expect((await again.browser.send('/sign-in/email', post(person('ada')))).status).toBe(200)
      await removeOthers(server, again)
      const refused = await link(again, again.device)
      expect(await refused.json()).toMatchObject({ code: 'ACCOUNT_HANDED_OVER', remaining: ['session'] })
      expect(await userOf(server)).not.toMatchObject({ principalMailboxBy: null })
      await signIn(victim)
      expect(await (await link(victim, victim.device)).json()).toMatchObject({ remaining: ['session'] })
      expect((await victim.browser.send('/revoke-other-sessions', post({}))).status).toBe(200)
      expect((await link(victim, victim.device)).status).toBe(200)
      expect(await again.session()).toBeNull()
    })

    test('does not vouch for a session of another provider that the creator had, and removes afterwards', async () => {
      const { server } = await takenOver()
      const user = await userOf(server)
      const now = new Date()
      const others = await server.adapter.create({
        model: 'account',
        data: { userId: user['id'], providerId: 'local', accountId: 'eve', createdAt: now, updatedAt: now },
      })
      Object.assign(profile, { sub: 'eve' })
      const again = await newPerson(server)
      expect(await signIn(again)).toBe(`${ORIGIN}/home`)
      await removeOthers(server, again)
      expect((await again.browser.send('/unlink-account', post({ accountId: others['id'] }))).status).toBe(200)
      expect(await (await link(again, again.device)).json()).toMatchObject({ remaining: ['session'] })
    })

    test('links the device of a native app, whose sign-ins end in the browser of the system', async () => {
      const server = await newServer(openIdLinking([expo()]))
      const [eve, ada] = [await newPerson(server), await newPerson(server)]
      await eve.prove('/sign-up/email', person('ada'))
      await eve.session()
      // The session gets back to the app by a deep link.
      const first = await newPerson(server, ada.device)
      await comeBack(first.browser, await handOver(ada, first))
      await removeOthers(server, first)
      const later = await newPerson(server, ada.device)
      await comeBack(later.browser, await handOver(ada, later))
      expect((await later.browser.send('/revoke-other-sessions', post({}))).status).toBe(200)
      expect((await link(later, ada.device)).status).toBe(200)
      expect(await userOf(server)).toMatchObject({ principalMailboxBy: null })
    })

    test('does not vouch for a session of which that is unknown: its user signs in again', async () => {
      const server = await newServer(openIdLinking())
      const [eve, ada] = [await newPerson(server), await newPerson(server)]
      await eve.prove('/sign-up/email', person('ada'))
      await eve.session()
      await signIn(ada)
      await removeOthers(server, ada)
      await server.change('session', { principalVia: ada.device.principal }, {})
      expect(await (await link(ada, ada.device)).json()).toMatchObject({ remaining: ['session'] })
      await signIn(ada)
      expect((await ada.browser.send('/revoke-other-sessions', post({}))).status).toBe(200)
      expect((await link(ada, ada.device)).status).toBe(200)
    })

    test('nor before the device binds an account that nobody can enter yet, which then links another', async () => {
      const server = await newServer(openIdLinking())
      await server.browser().send('/sign-up/email', post(person('ada')))
      await emptyAccount(server)
      const [one, two] = [await newPerson(server), await newPerson(server)]
      await signIn(one)
      expect(await one.session()).toMatchObject({ principal: one.device.principal })
      await signIn(two)
      expect((await link(two, two.device)).status).toBe(200)
    })

    test('binds no open account that its creator could still enter', async () => {
      const server = await newServer(openIdLinking())
      await server.browser().send('/sign-up/email', post(person('ada')))
      const victim = await newPerson(server)
      await signIn(victim)
      expect(await userOf(server)).toMatchObject({ principal: null })
    })
  })

  describe('a trusted provider that does not say that the address is verified proves the mailbox all the same:', () => {
    const trusting = (plugins: BetterAuthPlugin[] = [], more: Partial<BetterAuthOptions> = {}) => {
      profile.email_verified = false
      const accountLinking = { trustedProviders: ['local'], requireLocalEmailVerified: false }
      return newServer(openId({ ...more, plugins, account: { accountLinking } }))
    }

    test('a sign-in through it binds no open account that its creator could still enter', async () => {
      const server = await trusting()
      const creator = await newPerson(server)
      await creator.browser.send('/sign-up/email', post(person('ada')))
      const victim = await newPerson(server)
      expect(await signIn(victim)).toBe(`${ORIGIN}/home`)
      expect(await userOf(server)).toMatchObject({ principal: null })
      const adopted = await link(victim, victim.device)
      expect(await adopted.json()).toMatchObject({ code: 'ACCOUNT_HANDED_OVER', remaining: ['session', 'password'] })
      expect(await creator.session()).toMatchObject({ aliases: [] })
    })

    test('resets the binding of another person, and links nothing until they cannot enter any more', async () => {
      const server = await trusting()
      const creator = await newPerson(server)
      await creator.prove('/sign-up/email', person('ada'))
      await creator.session()
      const victim = await newPerson(server)
      await signIn(victim)
      const reset = await victim.session()
      expect(reset!.principal).not.toBe(creator.device.principal)
      const adopted = await link(victim, victim.device)
      expect(await adopted.json()).toMatchObject({ code: 'ACCOUNT_HANDED_OVER', remaining: ['session', 'password'] })
    })

    test('confirms the binding of the user whose device began the sign-in', async () => {
      const server = await trusting()
      const one = await newPerson(server)
      await one.prove('/sign-up/email', person('ada'))
      await one.browser.send('/sign-out', post({}))
      await signIn(one)
      expect(await one.session()).toMatchObject({ principal: one.device.principal, recoverable: true })
    })

    test('and need not be removed if the app refused it at first', async () => {
      const refusals = [false as const]
      const before = async ({ providerId }: { providerId: string }) =>
        providerId === 'local' ? refusals.shift() : undefined
      const server = await trusting([], { databaseHooks: { account: { create: { before } } } })
      await server.browser().send('/sign-up/email', post(person('ada')))
      const victim = await newPerson(server)
      expect(await signIn(victim)).toBe(`${ORIGIN}/failed?error=unable_to_link_account`)
      expect(await server.rows('account')).toHaveLength(1)
      expect(await signIn(victim)).toBe(`${ORIGIN}/home`)
      const refused = await link(victim, victim.device)
      expect(await refused.json()).toMatchObject({ remaining: ['session', 'password'] })
    })

    /** Of the first sign-in. @returns whether it happened */
    type Interruption = (server: TestServer) => Promise<() => boolean>

    const FAILED = `${ORIGIN}/failed?error=unable_to_link_account`
    const INTERRUPTIONS: [string, string | null, Interruption][] = [
      ['when the server died before there was a session', null, (server) => failOnce(server, 'create', 'session')],
      ['when the proof could not be recorded', FAILED, (server) => failOnce(server, 'updateMany', 'user')],
      [
        'while another server completes one',
        `${ORIGIN}/home`,
        async (server) => {
          let isDone = false
          const other = await newPerson(server)
          const apart = AsyncLocalStorage.snapshot()
          const { adapter } = await contextOf(server)
          const create = adapter.create.bind(adapter)
          adapter.create = async (input) => {
            const created = await create(input)
            if (input.model !== 'account') return created
            adapter.create = create
            expect(await apart(() => signIn(other))).toBe(`${ORIGIN}/home`)
            isDone = true
            return created
          }
          return () => isDone
        },
      ],
    ]
    test.each(INTERRUPTIONS)('the creator gets no device %s', async (_, first, interrupt) => {
      const server = await trusting()
      const creator = await newPerson(server)
      await creator.browser.send('/sign-up/email', post(person('ada')))
      const victim = await newPerson(server)
      vi.spyOn(console, 'error').mockImplementation(() => {})
      const hasHappened = await interrupt(server)
      expect(await signIn(victim)).toBe(first)
      expect(hasHappened()).toBe(true)
      expect(await signIn(victim)).toBe(`${ORIGIN}/home`)
      expect(await userOf(server)).toMatchObject({ principal: null })
      expect(await server.rows('latchkeyPrincipal')).toEqual([])
      const { remaining } = (await (await link(victim, victim.device)).json()) as { remaining: string[] }
      expect(remaining).toEqual(expect.arrayContaining(['session', 'password']))
    })

    test('but one that the session of the creator adds proves nothing', async () => {
      const server = await trusting()
      const creator = await newPerson(server)
      await creator.prove('/sign-up/email', person('ada'))
      expect(await comeBack(creator.browser, await leave(creator.browser, {}, '/link-social'))).toBe(`${ORIGIN}/home`)
      expect(await server.rows('account')).toHaveLength(2)
      expect(await userOf(server)).toMatchObject({ principalMailbox: null, principalMailboxBy: null })
    })

    test('also by the route of another plugin', async () => {
      const server = await trusting([corporate()])
      await server.browser().send('/sign-up/email', post(person('ada')))
      const victim = await newPerson(server)
      expect((await victim.prove('/corporate/enter', {})).status).toBe(200)
      expect(await userOf(server)).toMatchObject({ principal: null })
    })
  })

  test('a server whose reads of sessions fail, too, still answers with the first error', async () => {
    const server = await newServer(openId())
    const first = server.browser()
    await comeBack(first, await leave(first))
    const one = await newPerson(server)
    await one.prove('/sign-up/email', person('bob'))
    const address = await leave(one.browser, await proofOf((await newPerson(server)).device))
    const { adapter } = await contextOf(server)
    const findOne = adapter.findOne.bind(adapter)
    await failOnce(server, 'create', 'latchkeyPrincipal')
    adapter.findOne = async (input) => {
      if (input.model === 'session') throw new Error('the network is down')
      return findOne(input)
    }
    expect(await comeBack(one.browser, address)).toBe(`${ORIGIN}/failed?error=internal_server_error`)
  })

  test('a server that fails after the sign-in leaves no session, and says so on the error page', async () => {
    const server = await newServer(openId())
    const first = server.browser()
    await comeBack(first, await leave(first))
    await first.send('/sign-out', post({}))
    const one = await newPerson(server)
    const address = await leave(one.browser, await proofOf(one.device))
    await failOnce(server, 'create', 'latchkeyPrincipal')
    expect(await comeBack(one.browser, address)).toBe(`${ORIGIN}/failed?error=internal_server_error`)
    expect(await server.rows('session')).toEqual([])
    expect((await one.browser.client.getSession()).data).toBeNull()
    expect(await userOf(server)).toMatchObject({ principal: null, principalOpen: true })
  })
})

interface Query {
  readonly model: string
}

/** The adapter that Better Auth itself uses. */
type OwnAdapter = Record<'create' | 'findOne' | 'updateMany', (input: Query) => Promise<unknown>>

function contextOf({ auth }: TestServer): Promise<{ readonly adapter: OwnAdapter }> {
  return (auth as unknown as { readonly $context: Promise<{ readonly adapter: OwnAdapter }> }).$context
}

/** The next statement of this kind fails. @returns whether it has */
async function failOnce(server: TestServer, method: keyof OwnAdapter, model: string): Promise<() => boolean> {
  const { adapter } = await contextOf(server)
  const before = adapter[method].bind(adapter)
  let hasFailed = false
  adapter[method] = async (input) => {
    if (input.model !== model) return before(input)
    adapter[method] = before
    hasFailed = true
    throw new Error('the disk is full')
  }
  return () => hasFailed
}

/** Removes the ways in of the person who created the account. */
async function removeOthers(server: TestServer, { browser }: Person): Promise<void> {
  expect((await browser.send('/revoke-other-sessions', post({}))).status).toBe(200)
  const password = (await server.rows('account')).find(({ providerId }) => providerId === 'credential')
  expect((await browser.send('/unlink-account', post({ accountId: password!['id'] }))).status).toBe(200)
}

/** As an account that an import created. */
async function emptyAccount({ adapter }: TestServer): Promise<void> {
  for (const model of ['account', 'session']) await adapter.deleteMany({ model, where: [] })
}

/** A plugin with a provider of its own, which Better Auth does not know as a sign-in. */
function corporate(): BetterAuthPlugin {
  const enter = createAuthEndpoint('/corporate/enter', { method: 'POST' }, async (ctx) => {
    const { email, name } = profile
    const account = { providerId: 'corporate', accountId: 'ada' }
    const userInfo = { id: 'ada', email, name, emailVerified: false }
    const { data, error } = await handleOAuthUserInfo(ctx, { userInfo, account, isTrustedProvider: true })
    if (!data) throw new Error(String(error))
    await setSessionCookie(ctx, data)
    return ctx.json({ status: true })
  })
  return { id: 'corporate', endpoints: { enter } }
}

function openIdLinking(plugins: BetterAuthPlugin[] = []): Partial<BetterAuthOptions> {
  return openId({ plugins, account: { accountLinking: { enabled: true, requireLocalEmailVerified: false } } })
}
