import { AsyncLocalStorage } from 'node:async_hooks'
import { passkey } from '@better-auth/passkey'
import type { AuthContext, BetterAuthOptions, BetterAuthPlugin, DBAdapter } from 'better-auth'
import { admin, emailOTP, magicLink, phoneNumber, siwe } from 'better-auth/plugins'
import { describe, expect, test } from 'vitest'
import { onEachEngine } from '../testing/engines.testing.ts'
import { EXPECT_HEADER, PROOF_HEADER } from '../index.ts'
import { link, nonceFor } from '../testing/link.testing.ts'
import { softPasskey } from '../testing/passkey.testing.ts'
import {
  type Person,
  codeOf,
  cookieOf,
  mailing,
  newPerson,
  pathOf,
  post,
  proofOf,
  userOf,
} from '../testing/requests.testing.ts'
import { AUDIENCE, ORIGIN, type TestServer, person, storeOf } from '../testing/server.testing.ts'
import { noteCredential } from '../binding/verified-email.ts'
import type { BoundUser } from '../schema.ts'

type EmailAndPassword = NonNullable<BetterAuthOptions['emailAndPassword']>

const victim = person('victim')
const eveAtHome = person('eve')
/** Another address of the victim. */
const elsewhere = 'victim@elsewhere.example'

/** Asks for the device's principal to become that of the open account of the session. */
async function bind({ browser, device }: Person): Promise<Response> {
  const nonce = await nonceFor(browser, 'bind')
  const proof = await device.proof({ audience: AUDIENCE, purpose: 'bind', nonce })
  return browser.send('/latchkey/bind', post({ nonce }, { [PROOF_HEADER]: proof }))
}

/** Adds a passkey in a session; returns a sign-in with it in another browser. */
async function addPasskey({ browser }: Person): Promise<(later: Person) => Promise<Response>> {
  const own = softPasskey(ORIGIN)
  const asked = async (of: Person['browser'], path: string) =>
    (await (await of.send(path)).json()) as { readonly challenge: string }
  const response = own.register(await asked(browser, '/passkey/generate-register-options'))
  expect((await browser.send('/passkey/verify-registration', post({ response }))).status).toBe(200)
  return async (later) => {
    const given = own.authenticate(await asked(later.browser, '/passkey/generate-authenticate-options'))
    return later.prove('/passkey/verify-authentication', { response: given })
  }
}

/** Signs in with a passkey that this session of hers adds, and asks for the device's principal to become an alias. */
async function linkByPasskey(server: TestServer, one: Person): Promise<Response> {
  const signIn = await addPasskey(one)
  const later = await newPerson(server, one.device)
  expect((await signIn(later)).status).toBe(200)
  await later.session()
  return link(later, one.device)
}

/** What a page of the app calls on its server. */
async function setPassword({ auth }: TestServer, one: Person): Promise<void> {
  const { api } = auth as unknown as { readonly api: { setPassword(given: object): Promise<unknown> } }
  await api.setPassword({ body: { newPassword: 'a password of the page' }, headers: new Headers(cookieOf(one)) })
}

/** Something else happens once Better Auth has read the user with this address. */
function onceUserIsFound(adapter: DBAdapter, email: string, act: () => Promise<void>): void {
  const findOne = adapter.findOne.bind(adapter)
  adapter.findOne = async <Row>(query: Parameters<DBAdapter['findOne']>[0]) => {
    const found = await findOne<Row>(query)
    if (query.model !== 'user' || !query.where.some(({ value }) => value === email)) return found
    adapter.findOne = findOne
    await act()
    return found
  }
}

// Each request alone is innocent; what matters is what happened to the mailbox before.
onEachEngine((newServer) => {
  const open = async (autoSignInAfterVerification = false, changeEmail = {}) => {
    const mails = mailing()
    const send = (mail: object) => mails.send(mail)
    const server = await newServer({
      emailAndPassword: { enabled: true, sendResetPassword: send },
      emailVerification: { sendVerificationEmail: send, autoSignInAfterVerification },
      user: {
        changeEmail: { enabled: true, ...changeEmail },
        deleteUser: { enabled: true, sendDeleteAccountVerification: send },
      },
      plugins: [
        magicLink({ sendMagicLink: send }),
        emailOTP({ sendVerificationOTP: send }),
        passkey() as unknown as BetterAuthPlugin,
      ],
    })
    return { server, mails }
  }

  /** Follows a mailed link in a browser that knows nothing of Latchkey. */
  const click = async (server: TestServer, url: string) => {
    const path = pathOf(url)
    expect((await server.browser().send(path)).status).toBe(200)
  }

  /** Signs in by a magic link that carries the device's proof and the address that was typed. */
  const enterByLink = async (server: TestServer, url: () => string): Promise<Person> => {
    const ada = await newPerson(server)
    await ada.browser.send('/sign-in/magic-link', post({ email: victim.email }))
    const path = pathOf(url())
    const headers = await proofOf(ada.device, { [EXPECT_HEADER]: victim.email })
    expect((await ada.browser.send(path, { headers })).status).toBe(200)
    return ada
  }

  describe("an account that was created with the victim's address, whose mailbox was proven without a proof", () => {
    const planted = async (autoSignIn = false) => {
      const { server, mails } = await open(autoSignIn)
      const eve = await newPerson(server)
      expect((await eve.browser.send('/sign-up/email', post(victim))).status).toBe(200)
      return { server, mails, eve }
    }
    const requestMail = async ({ browser }: Person, mails: ReturnType<typeof mailing>): Promise<string> => {
      await browser.send('/send-verification-email', post({ email: victim.email }))
      return mails.last().url
    }

    test('is not bound by the session that a followed verification mail created', async () => {
      const { server, mails, eve } = await planted(true)
      const ada = await newPerson(server)
      expect((await ada.browser.send(pathOf(await requestMail(eve, mails)))).status).toBe(200)
      const answer = await bind(ada)
      expect([answer.status, await codeOf(answer)]).toEqual([409, 'ACCOUNT_HANDED_OVER'])
      expect(await userOf(server)).toMatchObject({ principal: null })
    })

    const enterByCode = async (server: TestServer, mails: ReturnType<typeof mailing>): Promise<Person> => {
      const ada = await newPerson(server)
      const { email } = victim
      await ada.browser.send('/email-otp/send-verification-otp', post({ email, type: 'sign-in' }))
      expect((await ada.prove('/sign-in/email-otp', { email, otp: mails.last().otp })).status).toBe(200)
      return ada
    }
    const byMail = {
      'a magic link': (server: TestServer, mails: ReturnType<typeof mailing>) =>
        enterByLink(server, () => mails.last().url),
      'a code': enterByCode,
    }
    for (const state of ['not used', 'used', 'used, and adopted a principal'])
      for (const [how, enter] of Object.entries(byMail))
        test(`that was ${state} loses its creator by ${how}, after a verification mail was followed`, async () => {
          const { server, mails, eve } = await planted()
          if (state !== 'not used') await eve.session()
          if (state === 'used, and adopted a principal') expect((await link(eve, eve.device)).status).toBe(200)
          await click(server, await requestMail(eve, mails))
          const ada = await enter(server, mails)
          expect(await eve.session()).toBeNull()
          expect((await server.browser().send('/sign-in/email', post(victim))).status).toBe(401)
          expect(await server.rows('account')).toEqual([])
          const own = (await ada.session())!
          expect([own.principal, ...own.aliases]).not.toContain(eve.device.principal)
          if (state === 'not used') expect(own).toMatchObject({ principal: ada.device.principal })
        })

    test("loses its creator also by a magic link with the key of the victim's other account", async () => {
      const { server, mails, eve } = await planted()
      await eve.session()
      expect((await link(eve, eve.device)).status).toBe(200)
      await click(server, await requestMail(eve, mails))
      const own = await newPerson(server)
      await own.browser.send('/sign-up/email', post(person('ada')))
      await own.session()
      expect((await link(own, own.device)).status).toBe(200)
      await own.browser.send('/sign-in/magic-link', post({ email: victim.email }))
      const followed = await own.follow(pathOf(mails.last().url), { [EXPECT_HEADER]: victim.email })
      expect(followed.status).toBe(200)
      expect(await eve.session()).toBeNull()
      expect((await own.session())?.aliases).toEqual([])
    })

    test('gets no principal of a victim who signs in by mail without a device, and then links one', async () => {
      const { server, mails, eve } = await planted()
      await eve.session()
      await click(server, await requestMail(eve, mails))
      const ada = await newPerson(server)
      await ada.browser.send('/sign-in/magic-link', post({ email: victim.email }))
      expect((await ada.browser.send(pathOf(mails.last().url))).status).toBe(200)
      const answer = await link(ada, ada.device)
      expect([answer.status, await answer.json()]).toMatchObject([
        409,
        { code: 'ACCOUNT_HANDED_OVER', remaining: ['session', 'password'] },
      ])
      // A sign-in with the device ends what her creator has.
      await enterByLink(server, () => mails.last().url)
      expect(await eve.session()).toBeNull()
    })

    test('counts as hers once she adds a passkey, also if its creator links a first principal at that moment', async () => {
      const { server, mails, eve } = await planted()
      await eve.session()
      expect((await eve.browser.send(pathOf(await requestMail(eve, mails)))).status).toBe(200)
      const before = (await userOf(server)) as unknown as BoundUser
      expect((await link(eve, eve.device)).status).toBe(200)
      expect(await noteCredential(storeOf(server.adapter), before, undefined)).toBe(true)
      expect(await userOf(server)).toMatchObject({ principalMailboxBy: 'nobody' })
    })

    for (const isVerified of [false, true])
      for (const [how, enter] of Object.entries(byMail))
        test(`loses the passkeys of its creator by ${how}${isVerified ? ', after a verification mail was followed' : ''}`, async () => {
          const { server, mails, eve } = await planted()
          await eve.session()
          const signIn = await addPasskey(eve)
          if (isVerified) await click(server, await requestMail(eve, mails))
          const ada = await enter(server, mails)
          expect((await signIn(await newPerson(server))).status).not.toBe(200)
          expect(await server.rows('passkey')).toEqual([])
          // So nothing of his remains, and what she adds herself stays.
          expect((await link(ada, ada.device)).status).toBe(200)
          await addPasskey(ada)
          await enter(server, mails)
          expect(await server.rows('passkey')).toHaveLength(1)
        })

    test('loses its creator by a magic link also if he adopted a principal after the verification mail was followed', async () => {
      const { server, mails, eve } = await planted()
      await eve.session()
      await click(server, await requestMail(eve, mails))
      expect((await link(eve, eve.device)).status).toBe(200)
      await enterByLink(server, () => mails.last().url)
      expect(await eve.session()).toBeNull()
      expect((await server.browser().send('/sign-in/email', post(victim))).status).toBe(401)
    })

    test('keeps the password of a user who opened the mail in a browser with a session of the account', async () => {
      const { server, mails, eve: owner } = await planted()
      expect((await owner.browser.send(pathOf(await requestMail(owner, mails)))).status).toBe(200)
      await enterByLink(server, () => mails.last().url)
      expect(await owner.session()).not.toBeNull()
      expect((await server.browser().send('/sign-in/email', post(victim))).status).toBe(200)
    })

    test('gets no principal of a victim who adds a passkey in a session of hers, and signs in with it', async () => {
      for (const isUsed of [false, true]) {
        const { server, mails, eve } = await planted(true)
        if (isUsed) await eve.session()
        const ada = await newPerson(server)
        expect((await ada.browser.send(pathOf(await requestMail(eve, mails)))).status).toBe(200)
        const answer = await linkByPasskey(server, ada)
        expect([answer.status, await answer.json()]).toMatchObject([
          409,
          { code: 'ACCOUNT_HANDED_OVER', remaining: ['session', 'password', 'passkey'] },
        ])
        expect((await eve.session())?.aliases).toEqual([])
      }
    })

    test("gets no principal of a victim who adds a passkey after she opened the mail in a browser with a creator's session", async () => {
      const { server, mails, eve } = await planted()
      await eve.session()
      expect((await eve.browser.send(pathOf(await requestMail(eve, mails)))).status).toBe(200)
      const answer = await linkByPasskey(server, await enterByLink(server, () => mails.last().url))
      expect([answer.status, await codeOf(answer)]).toEqual([409, 'ACCOUNT_HANDED_OVER'])
      expect((await eve.session())?.aliases).toEqual([])
    })

    test('gets no principal of a victim for whom a page of the app sets a password', async () => {
      const { server, mails, eve } = await planted(true)
      await eve.session()
      // As if he had come by a credential of another kind.
      await server.adapter.deleteMany({ model: 'account', where: [] })
      const ada = await newPerson(server)
      expect((await ada.browser.send(pathOf(await requestMail(eve, mails)))).status).toBe(200)
      await setPassword(server, ada)
      const later = await newPerson(server)
      const body = { email: victim.email, password: 'a password of the page' }
      expect((await later.browser.send('/sign-in/email', post(body))).status).toBe(200)
      const answer = await link(later, later.device)
      expect([answer.status, await codeOf(answer)]).toEqual([409, 'ACCOUNT_HANDED_OVER'])
      expect((await eve.session())?.aliases).toEqual([])
    })

    test('still links for its user, who followed the mail elsewhere and then added a passkey', async () => {
      const { server, mails, eve: owner } = await planted()
      await owner.session()
      await click(server, await requestMail(owner, mails))
      expect((await linkByPasskey(server, owner)).status).toBe(200)
    })

    test('is not bound by the next sign-in, after the password was reset', async () => {
      const { server, mails, eve } = await planted()
      await server.browser().send('/request-password-reset', post({ email: victim.email, redirectTo: '/' }))
      const body = { newPassword: 'a new password', token: mails.last().url.split('/').at(-1)!.split('?')[0] }
      expect((await server.browser().send('/reset-password', post(body))).status).toBe(200)
      const ada = await newPerson(server)
      const signIn = { email: victim.email, password: 'a new password' }
      expect((await ada.prove('/sign-in/email', signIn)).status).toBe(200)
      expect(await userOf(server)).toMatchObject({ principal: null })
      // Eve's session goes on; it must not have Ada's principal.
      expect((await eve.session())?.principal).not.toBe(ada.device.principal)
    })
  })

  test("a creator's session that was planted in the victim's browser, where she opens the mail, lets her link nothing", async () => {
    const { server, mails } = await open()
    const eve = await newPerson(server)
    await eve.prove('/sign-up/email', victim)
    await eve.browser.send('/send-verification-email', post({ email: victim.email }))
    const planted = server.browser()
    for (const [name, value] of eve.browser.cookies) planted.cookies.set(name, value)
    expect((await planted.send(pathOf(mails.last().url))).status).toBe(200)
    const ada = await enterByLink(server, () => mails.last().url)
    const answer = await link(ada, ada.device)
    expect(answer.status).toBe(409)
    expect(await answer.json()).toMatchObject({
      code: 'ACCOUNT_HANDED_OVER',
      remaining: ['session', 'password', 'device'],
    })
    expect((await eve.session())?.aliases).toEqual([])
  })

  test("a victim who resets the creator's password by mail, and then opens a verification mail, links nothing", async () => {
    const { server, mails } = await open()
    const eve = await newPerson(server)
    await eve.prove('/sign-up/email', victim)
    await server.browser().send('/request-password-reset', post({ email: victim.email }))
    const reset = { newPassword: 'a new password', token: mails.last().token }
    expect((await server.browser().send('/reset-password', post(reset))).status).toBe(200)
    const ada = await newPerson(server)
    await ada.browser.send('/sign-in/email', post({ email: victim.email, password: 'a new password' }))
    await ada.browser.send('/send-verification-email', post({ email: victim.email }))
    expect((await ada.browser.send(pathOf(mails.last().url))).status).toBe(200)
    const answer = await link(ada, ada.device)
    expect([answer.status, await answer.json()]).toMatchObject([409, { remaining: ['session'] }])
    expect((await eve.session())?.aliases).toEqual([])
  })

  describe('an account that was created with a proof, whose verification mail the victim followed', () => {
    const contested = async (autoSignIn: boolean) => {
      const { server, mails } = await open(autoSignIn)
      const eve = await newPerson(server)
      await eve.prove('/sign-up/email', victim)
      expect(await eve.session()).toMatchObject({ principal: eve.device.principal })
      await eve.browser.send('/send-verification-email', post({ email: victim.email }))
      return { server, mails, eve, path: pathOf(mails.last().url) }
    }

    test('gets no principal of hers after she added a passkey, if her session asked for nothing before', async () => {
      const { server, eve, path } = await contested(true)
      const ada = await newPerson(server)
      expect((await ada.browser.send(path)).status).toBe(200)
      const answer = await linkByPasskey(server, ada)
      expect([answer.status, await codeOf(answer)]).toEqual([409, 'ACCOUNT_HANDED_OVER'])
      expect((await eve.session())?.aliases).toEqual([])
      expect((await eve.session())?.principal).not.toBe(eve.device.principal)
    })

    test("gets none either if she opened it in a browser with a creator's session", async () => {
      const { server, mails, eve, path } = await contested(false)
      expect((await eve.browser.send(path)).status).toBe(200)
      const answer = await linkByPasskey(server, await enterByLink(server, () => mails.last().url))
      expect([answer.status, await codeOf(answer)]).toEqual([409, 'ACCOUNT_HANDED_OVER'])
      expect((await eve.session())?.aliases).toEqual([])
    })

    test('stays as it is when a passkey is refused for want of a session', async () => {
      const { server, eve: owner, path } = await contested(false)
      await click(server, path)
      const asked = await owner.browser.send('/passkey/generate-register-options')
      const response = softPasskey(ORIGIN).register((await asked.json()) as { readonly challenge: string })
      await owner.browser.send('/sign-out', post({}))
      expect((await owner.browser.send('/passkey/verify-registration', post({ response }))).status).toBe(401)
      await owner.prove('/sign-in/email', victim)
      expect(await owner.session()).toMatchObject({ principal: owner.device.principal })
    })

    test('links for its user, who adds a passkey in the session of the sign-up', async () => {
      const { server, eve: owner, path } = await contested(false)
      await click(server, path)
      const answer = await linkByPasskey(server, { ...owner, device: (await newPerson(server)).device })
      expect(answer.status).toBe(200)
    })
  })

  test('a passkey that is added without a session, where none is required, is not taken for that of the creator', async () => {
    const mails = mailing()
    const userId = async () => String((await userOf(server))['id'])
    const registration = { requireSession: false, resolveUser: async () => ({ id: await userId(), name: 'Ada' }) }
    const server: TestServer = await newServer({
      emailVerification: { sendVerificationEmail: mails.send },
      plugins: [passkey({ registration } as never) as unknown as BetterAuthPlugin],
    })
    const eve = await newPerson(server)
    await eve.prove('/sign-up/email', victim)
    await eve.session()
    await eve.browser.send('/send-verification-email', post({ email: victim.email }))
    await click(server, mails.last().url)
    const signIn = await addPasskey(await newPerson(server))
    const ada = await newPerson(server)
    expect((await signIn(ada)).status).toBe(200)
    expect((await ada.session())!.principal).not.toBe(eve.device.principal)
  })

  test('a first sign-in by mail with the key of the account leaves its passkeys', async () => {
    const { server, mails } = await open()
    const ada = await newPerson(server)
    await ada.prove('/sign-up/email', victim)
    const signIn = await addPasskey(ada)
    await ada.browser.send('/sign-in/magic-link', post({ email: victim.email }))
    const headers = await proofOf(ada.device, { [EXPECT_HEADER]: victim.email })
    expect((await ada.browser.send(pathOf(mails.last().url), { headers })).status).toBe(200)
    expect((await signIn(await newPerson(server))).status).toBe(200)
  })

  test("an account that a wallet created with the victim's address loses the wallet by her sign-in by mail", async () => {
    const mails = mailing()
    const wallet = siwe({
      domain: 'notes.example',
      anonymous: false,
      getNonce: async () => crypto.randomUUID().replaceAll('-', ''),
      verifyMessage: async ({ signature }) => signature === 'signed',
    })
    const server = await newServer({ plugins: [magicLink({ sendMagicLink: mails.send }), wallet] })
    const byWallet = async (one: Person) => {
      const { nonce } = (await (await one.browser.send('/siwe/nonce', post({}))).json()) as { readonly nonce: string }
      const lines = [
        'notes.example wants you to sign in with your Ethereum account:',
        '0x70997970C51812dc3A010C7d01b50e0d17dc79C8',
        '\n',
        'URI: https://notes.example',
        'Version: 1',
        'Chain ID: 1',
        `Nonce: ${nonce}`,
        `Issued At: ${new Date().toISOString()}`,
      ]
      const body = { message: lines.join('\n'), signature: 'signed', email: victim.email }
      expect((await one.browser.send('/siwe/verify', post(body))).status).toBe(200)
      return one.session()
    }
    const created = (await byWallet(await newPerson(server)))!
    const ada = await enterByLink(server, () => mails.last().url)
    expect(await ada.session()).toMatchObject({ accountId: created.accountId })
    expect((await byWallet(await newPerson(server)))!.accountId).not.toBe(created.accountId)
    expect((await link(ada, ada.device)).status).toBe(200)
  })

  test("an account in which only the creator's device is left lets the victim link nothing", async () => {
    const { server, mails } = await open()
    const eve = await newPerson(server)
    await eve.prove('/sign-up/email', victim)
    await eve.browser.send('/send-verification-email', post({ email: victim.email }))
    expect((await eve.browser.send(pathOf(mails.last().url))).status).toBe(200)
    const ada = await enterByLink(server, () => mails.last().url)
    await server.adapter.deleteMany({ model: 'account', where: [] })
    const { id } = (await ada.session())!
    await server.adapter.deleteMany({ model: 'session', where: [{ field: 'id', operator: 'ne', value: id }] })
    const answer = await link(ada, ada.device)
    expect([answer.status, await answer.json()]).toMatchObject([
      409,
      { code: 'ACCOUNT_HANDED_OVER', remaining: ['device'] },
    ])
  })

  test('a user who opened the mail where she signed up links a second device by her password', async () => {
    const { server, mails } = await open()
    const ada = await newPerson(server)
    await ada.prove('/sign-up/email', victim)
    await ada.browser.send('/send-verification-email', post({ email: victim.email }))
    expect((await ada.browser.send(pathOf(mails.last().url))).status).toBe(200)
    const second = await newPerson(server)
    await second.prove('/sign-in/email', victim)
    expect((await link(second, second.device)).status).toBe(200)
  })

  describe("an account whose address was changed to the victim's", () => {
    const requestReset = ({ browser }: Person): Promise<Response> =>
      browser.send('/request-password-reset', post({ email: eveAtHome.email }))

    /** @param request - what Eve requests by mail before she changes the address */
    const moved = async (isLooked: boolean, request?: (eve: Person) => Promise<Response>) => {
      const { server, mails } = await open()
      const eve = await newPerson(server)
      // Her own mailbox was proven before there was an account, so that only the change of address tells.
      await eve.browser.send('/sign-in/magic-link', post({ email: eveAtHome.email, name: 'Eve' }))
      await eve.browser.send(pathOf(mails.last().url))
      // The first use fixes the subject, so that there is something to link to.
      if (isLooked) expect(await eve.session()).not.toBeNull()
      if (request) expect((await request(eve)).status).toBe(200)
      const requested = mails.last()
      expect((await eve.browser.send('/change-email', post({ newEmail: victim.email }))).status).toBe(200)
      await click(server, mails.last().url)
      expect(await userOf(server)).toMatchObject({ email: victim.email, emailVerified: true })
      return { server, mails, eve, requested }
    }

    test("is not bound by the victim's sign-in, nor by bind", async () => {
      const { server, mails } = await moved(false)
      const ada = await enterByLink(server, () => mails.last().url)
      expect(await userOf(server)).toMatchObject({ principal: null })
      const answer = await bind(ada)
      expect([answer.status, await codeOf(answer)]).toEqual([409, 'ACCOUNT_HANDED_OVER'])
    })

    test("links nothing for a session that was made by mail to the earlier address, after the victim's sign-in", async () => {
      const { server, mails, eve } = await moved(true)
      await enterByLink(server, () => mails.last().url)
      expect((await eve.browser.send('/revoke-other-sessions', post({}))).status).toBe(200)
      const refused = await link(eve, (await newPerson(server)).device)
      expect(await refused.json()).toMatchObject({ code: 'ACCOUNT_HANDED_OVER', remaining: ['session'] })
    })

    test('gets no new password by a link that was requested before', async () => {
      const { server, eve, requested } = await moved(false, requestReset)
      const { token } = requested
      const body = { newPassword: 'a new password', token }
      // A fresh session of hers is no reason: it is not known to be the owner's.
      for (const browser of [server.browser(), eve.browser]) {
        const answer = await browser.send('/reset-password', post(body))
        expect([answer.status, await codeOf(answer)]).toEqual([403, 'REQUEST_SUPERSEDED'])
      }
      const callback = await server
        .browser()
        .send(`/reset-password?token=${token}`, post({ newPassword: 'a new password' }))
      expect(callback.status).toBe(403)
      expect(await userOf(server)).toMatchObject({ email: victim.email, principalMailboxBy: 'moved' })
      expect(await server.rows('account')).toEqual([])
    })

    test('gets no new password by a link that was requested while it was changed', async () => {
      const { server, requested } = await moved(false, requestReset)
      const { token } = requested
      const movedAt = Number((await userOf(server))['principalMailboxAt'])
      const resetAfter = async (delay: number) => {
        const identifier = `reset-password:${token}`
        await server.change('verification', { createdAt: new Date(movedAt + delay) }, { identifier })
        return server.browser().send('/reset-password', post({ newPassword: 'a new password', token }))
      }
      const answer = await resetAfter(5)
      expect([answer.status, await codeOf(answer)]).toEqual([403, 'REQUEST_SUPERSEDED'])
      expect((await resetAfter(10_001)).status).toBe(200)
    })

    test('is not deleted by a link that was requested before, and that the victim opens', async () => {
      const { server, mails, requested } = await moved(false, ({ browser }) => browser.send('/delete-user', post({})))
      const { url, token } = requested
      const ada = await enterByLink(server, () => mails.last().url)
      const opened = await ada.browser.send(url.replace(AUDIENCE, ''), { redirect: 'manual' })
      expect(opened.headers.get('location')).toBe(`${ORIGIN}/?error=REQUEST_SUPERSEDED`)
      for (const answer of [
        await ada.browser.send(pathOf(url)),
        await ada.browser.send('/delete-user', post({ token })),
      ])
        expect([answer.status, await codeOf(answer)]).toEqual([403, 'REQUEST_SUPERSEDED'])
      // What she requests herself counts, soon after the change.
      await server.change('user', { principalMailboxAt: new Date(Date.now() - 20_000) })
      expect((await ada.browser.send('/delete-user', post({}))).status).toBe(200)
      expect((await ada.browser.send(pathOf(mails.last().url))).status).toBe(200)
      expect(await server.rows('user')).toEqual([])
    })

    test("links nothing of the victim's", async () => {
      const { server, mails } = await moved(true)
      const ada = await enterByLink(server, () => mails.last().url)
      const answer = await link(ada, ada.device)
      expect([answer.status, await codeOf(answer)]).toEqual([409, 'ACCOUNT_HANDED_OVER'])
      expect((await server.rows('latchkeyPrincipal')).map(({ principal }) => principal)).not.toContain(
        ada.device.principal,
      )
    })

    test('links for the victim once nothing is left of its creator', async () => {
      const { server, mails } = await moved(true)
      const ada = await enterByLink(server, () => mails.last().url)
      await server.adapter.deleteMany({ model: 'account', where: [] })
      const { id } = (await ada.session())!
      await server.adapter.deleteMany({ model: 'session', where: [{ field: 'id', operator: 'ne', value: id }] })
      expect((await link(ada, ada.device)).status).toBe(200)
      expect(await ada.session()).toMatchObject({ aliases: [ada.device.principal] })
    })
  })

  describe("a sign-in by mail during which the creator changes the address to the victim's makes a session that links nothing:", () => {
    const { email } = eveAtHome
    const ask = {
      'a magic link': async ({ browser }: Person, mails: ReturnType<typeof mailing>) => {
        await browser.send('/sign-in/magic-link', post({ email }))
        const path = pathOf(mails.last().url)
        return () => browser.send(path)
      },
      'a code': async ({ browser }: Person, mails: ReturnType<typeof mailing>) => {
        await browser.send('/email-otp/send-verification-otp', post({ email, type: 'sign-in' }))
        const { otp } = mails.last()
        return () => browser.send('/sign-in/email-otp', post({ email, otp }))
      },
      'a verification link': async ({ browser }: Person, mails: ReturnType<typeof mailing>) => {
        await browser.send('/send-verification-email', post({ email }))
        const path = pathOf(mails.last().url)
        return () => browser.send(path)
      },
    }

    /** @param meanwhile - what happens in the request after the change */
    const expectNothing = async (
      prepare: (typeof ask)[keyof typeof ask],
      meanwhile?: (of: TestServer) => Promise<void>,
    ) => {
      const { server, mails } = await open(true, { updateEmailWithoutVerification: true })
      const [eve, again] = [await newPerson(server), await newPerson(server)]
      await eve.browser.send('/sign-up/email', post(eveAtHome))
      await eve.session()
      const enter = await prepare(again, mails)
      const apart = AsyncLocalStorage.snapshot()
      const { adapter } = (await server.auth.$context) as unknown as AuthContext
      onceUserIsFound(adapter, email, async () => {
        const moved = await apart(() => eve.browser.send('/change-email', post({ newEmail: victim.email })))
        expect(moved.status).toBe(200)
        await meanwhile?.(server)
      })
      expect((await enter()).status).toBe(200)
      expect(await userOf(server)).toMatchObject({ email: victim.email })
      await again.browser.send('/revoke-other-sessions', post({}))
      await server.adapter.deleteMany({ model: 'account', where: [] })
      const refused = await link(again, again.device)
      expect(await refused.json()).toMatchObject({ code: 'ACCOUNT_HANDED_OVER', remaining: ['session'] })
    }

    test.each(Object.entries(ask))('%s', async (_, prepare) => expectNothing(prepare))

    test('a magic link, while one to the victim that has expired is deleted', async () => {
      await expectNothing(ask['a magic link'], async ({ auth }) => {
        const { internalAdapter } = (await auth.$context) as unknown as AuthContext
        const identifier = 'magic-link:expired'
        const value = JSON.stringify({ type: 'magic-link', email: victim.email })
        await internalAdapter.createVerificationValue({ identifier, value, expiresAt: new Date(0) })
        await internalAdapter.deleteVerificationByIdentifier(identifier)
      })
    })
  })

  describe("an account whose binding was made with the victim's address, and a phone number", () => {
    const withPhone = async (options: Pick<EmailAndPassword, 'onPasswordReset'> = {}) => {
      const mails = mailing()
      const send = (mail: object) => mails.send(mail)
      const server = await newServer({
        emailAndPassword: { enabled: true, sendResetPassword: send, ...options },
        emailVerification: { sendVerificationEmail: send, autoSignInAfterVerification: true },
        user: { changeEmail: { enabled: true } },
        plugins: [
          magicLink({ sendMagicLink: send }),
          phoneNumber({ sendOTP: send, sendPasswordResetOTP: send }),
          admin(),
        ],
      })
      return { server, mails, creator: await newPerson(server) }
    }
    const bound = async () => {
      const { server, mails, creator } = await withPhone()
      expect((await creator.prove('/sign-up/email', victim)).status).toBe(200)
      await creator.browser.send('/send-verification-email', post({ email: victim.email }))
      return { server, mails, creator, path: pathOf(mails.last().url) }
    }
    const verifyPhone = async ({ browser }: Pick<Person, 'browser'>, mails: ReturnType<typeof mailing>) => {
      await browser.send('/phone-number/send-otp', post({ phoneNumber: '+15550100' }))
      const body = { phoneNumber: '+15550100', code: mails.last().code, updatePhoneNumber: true }
      expect((await browser.send('/phone-number/verify', post(body))).status).toBe(200)
    }

    test('that the victim verified after she opened the link: the creator loses the account', async () => {
      const { server, mails, creator, path } = await bound()
      const ada = await newPerson(server)
      expect((await ada.browser.send(path)).status).toBe(200)
      await verifyPhone(ada, mails)
      expect((await ada.session())!.principal).not.toBe(creator.device.principal)
      expect((await userOf(server))['principal']).not.toBe(creator.device.principal)
    })

    test('that the creator verified after the victim opened the link: the creator loses the account', async () => {
      const { server, mails, creator, path } = await bound()
      await click(server, path)
      await verifyPhone(creator, mails)
      // It still is whose it was for the creator's own session; the mailbox decides.
      expect(await creator.session()).toMatchObject({ principal: creator.device.principal, recoverable: false })
      const ada = await enterByLink(server, () => mails.last().url)
      expect((await ada.session())!.principal).not.toBe(creator.device.principal)
    })

    const newPassword = 'a new password'
    const resetByPhone = async (
      one: Person,
      mails: ReturnType<typeof mailing>,
      headers = {},
      password = newPassword,
    ) => {
      await one.browser.send('/phone-number/request-password-reset', post({ phoneNumber: '+15550100' }))
      const body = { phoneNumber: '+15550100', otp: mails.last().code, newPassword: password }
      expect((await one.browser.send('/phone-number/reset-password', post(body, headers))).status).toBe(200)
    }
    const enterByPassword = async (server: TestServer): Promise<Person> => {
      const one = await newPerson(server)
      const body = { email: victim.email, password: newPassword }
      expect((await one.browser.send('/sign-in/email', post(body))).status).toBe(200)
      return one
    }

    test("that was verified after the victim opened the link: a new password by it is not taken for the creator's", async () => {
      const { server, mails, creator, path } = await bound()
      const ada = await newPerson(server)
      expect((await ada.browser.send(path)).status).toBe(200)
      await verifyPhone(ada, mails)
      await resetByPhone(await newPerson(server), mails)
      const entered = await enterByPassword(server)
      expect((await entered.session())!.principal).not.toBe(creator.device.principal)
    })

    test('that was verified after the victim opened the link: a new password by it, with the key, decides nothing', async () => {
      const { server, mails, creator, path } = await bound()
      await click(server, path)
      await verifyPhone(creator, mails)
      await resetByPhone(creator, mails, await proofOf(creator.device))
      expect(await userOf(server)).toMatchObject({ principalMailboxBy: 'contested' })
    })

    test("that the victim verified after she opened the link in a browser with a creator's session: a password by it lets her link nothing", async () => {
      const { server, mails, creator, path } = await bound()
      expect((await creator.browser.send(path)).status).toBe(200)
      const ada = await newPerson(server)
      await ada.browser.send('/sign-in/magic-link', post({ email: victim.email }))
      expect((await ada.browser.send(pathOf(mails.last().url))).status).toBe(200)
      await verifyPhone(ada, mails)
      await resetByPhone(await newPerson(server), mails)
      const entered = await enterByPassword(server)
      const answer = await link(entered, entered.device)
      expect([answer.status, await codeOf(answer)]).toEqual([409, 'ACCOUNT_HANDED_OVER'])
      expect((await creator.session())?.aliases).toEqual([])
    })

    test('and a password that the victim resets by mail: a session of the creator that remains links nothing', async () => {
      const { server, mails, creator } = await withPhone()
      expect((await creator.prove('/sign-up/email', victim)).status).toBe(200)
      await creator.session()
      await server.browser().send('/request-password-reset', post({ email: victim.email, redirectTo: '/' }))
      const body = { newPassword, token: mails.last().token }
      expect((await server.browser().send('/reset-password', post(body))).status).toBe(200)
      expect((await creator.browser.send('/revoke-other-sessions', post({}))).status).toBe(200)
      const refused = await link(creator, (await newPerson(server)).device)
      expect(await refused.json()).toMatchObject({ code: 'ACCOUNT_HANDED_OVER', remaining: ['session'] })
      const ada = await enterByPassword(server)
      expect((await ada.browser.send('/revoke-other-sessions', post({}))).status).toBe(200)
      expect((await link(ada, ada.device)).status).toBe(200)
      expect(await creator.session()).toBeNull()
    })

    test("and an admin's new password, after the victim opened the link, is not taken for the creator's", async () => {
      const { server, creator, path } = await bound()
      await click(server, path)
      const boss = await newPerson(server)
      await boss.browser.send('/sign-up/email', post(person('boss')))
      await server.change('user', { role: 'admin' }, { email: 'boss@example.com' })
      const { id: userId } = await userOf(server, victim.email)
      expect((await boss.browser.send('/admin/set-user-password', post({ userId, newPassword }))).status).toBe(200)
      const entered = await enterByPassword(server)
      expect((await entered.session())!.principal).not.toBe(creator.device.principal)
    })

    describe('and whose password the victim reset by mail, the creator having verified the number before', () => {
      const reset = async (options?: Parameters<typeof withPhone>[0]) => {
        const { server, mails, creator } = await withPhone(options)
        expect((await creator.browser.send('/sign-up/email', post(victim))).status).toBe(200)
        await verifyPhone(creator, mails)
        // The first use fixes the subject, so that there is something to link to.
        await creator.session()
        const byMail = async () => {
          await server.browser().send('/request-password-reset', post({ email: victim.email }))
          const body = { newPassword, token: mails.last().token }
          expect((await server.browser().send('/reset-password', post(body))).status).toBe(200)
        }
        await byMail()
        const ada = await enterByPassword(server)
        /** Removes all that the answer to a link would name. */
        const clear = async () => {
          await ada.browser.send('/revoke-other-sessions', post({}))
          await server.change('user', { phoneNumber: null, phoneNumberVerified: false })
        }
        return { server, mails, creator, ada, byMail, clear }
      }

      test('links for the victim once nothing is left of its creator', async () => {
        const { ada, clear } = await reset()
        await clear()
        expect((await link(ada, ada.device)).status).toBe(200)
      })

      test('links nothing while it has the number, verified or not: whoever gets its code is signed in', async () => {
        const { server, ada } = await reset()
        await ada.browser.send('/revoke-other-sessions', post({}))
        await server.change('user', { phoneNumberVerified: false })
        const answer = await link(ada, ada.device)
        expect([answer.status, await answer.json()]).toMatchObject([409, { remaining: ['phoneNumber'] }])
      })

      test('does not take the password for hers that the number set afterwards', async () => {
        const { mails, creator, ada, byMail, clear } = await reset()
        await resetByPhone(creator, mails, {}, 'another password')
        await clear()
        const answer = await link(ada, ada.device)
        expect([answer.status, await answer.json()]).toMatchObject([409, { remaining: ['password'] }])
        await byMail()
        expect((await link(ada, ada.device)).status).toBe(200)
      })

      test('takes a password for hers with which she replaced that one', async () => {
        const { ada, clear } = await reset()
        const body = { currentPassword: newPassword, newPassword: 'another password' }
        expect((await ada.browser.send('/change-password', post(body))).status).toBe(200)
        await clear()
        expect((await link(ada, ada.device)).status).toBe(200)
      })

      test('takes the session for hers that replaced her own when she changed the password', async () => {
        const { ada, clear } = await reset()
        const body = { currentPassword: newPassword, newPassword: 'another password', revokeOtherSessions: true }
        expect((await ada.browser.send('/change-password', post(body))).status).toBe(200)
        await clear()
        expect((await link(ada, ada.device)).status).toBe(200)
      })

      test('does not take the password for hers that was set right after it', async () => {
        let replace = async () => {}
        const { server, ada, byMail, clear } = await reset({ onPasswordReset: () => replace() })
        replace = () => server.change('account', { password: 'the hash of another one' })
        await byMail()
        await clear()
        const answer = await link(ada, ada.device)
        expect([answer.status, await answer.json()]).toMatchObject([409, { remaining: ['password'] }])
      })

      test('does not take the password for hers that a page of the app set afterwards', async () => {
        const { server, creator, ada, clear } = await reset()
        await server.adapter.deleteMany({ model: 'account', where: [] })
        await setPassword(server, creator)
        await clear()
        const answer = await link(ada, ada.device)
        expect([answer.status, await answer.json()]).toMatchObject([409, { remaining: ['password'] }])
      })
    })

    test('that the creator verified before: a password that the victim adds lets her link nothing', async () => {
      const { server, mails, creator } = await bound()
      await verifyPhone(creator, mails)
      const ada = await newPerson(server)
      await ada.browser.send('/sign-in/magic-link', post({ email: victim.email }))
      expect((await ada.browser.send(pathOf(mails.last().url))).status).toBe(200)
      await setPassword(server, ada)
      const later = await newPerson(server, ada.device)
      const body = { email: victim.email, password: 'a password of the page' }
      expect((await later.browser.send('/sign-in/email', post(body))).status).toBe(200)
      const answer = await link(later, later.device)
      expect([answer.status, await codeOf(answer)]).toEqual([409, 'ACCOUNT_HANDED_OVER'])
      // Nor does a change of the address, after which only what is added later would tell.
      expect((await later.browser.send('/change-email', post({ newEmail: elsewhere }))).status).toBe(200)
      expect((await later.browser.send(pathOf(mails.last().url))).status).toBe(200)
      expect((await link(later, later.device)).status).toBe(409)
    })

    test('that the creator verified before: the victim, who resets the password and then changes the address, links nothing', async () => {
      const { server, mails, creator } = await bound()
      await verifyPhone(creator, mails)
      await server.browser().send('/request-password-reset', post({ email: victim.email }))
      await server.browser().send('/reset-password', post({ newPassword, token: mails.last().token }))
      const ada = await enterByPassword(server)
      expect((await link(ada, ada.device)).status).toBe(409)
      expect((await ada.browser.send('/change-email', post({ newEmail: elsewhere }))).status).toBe(200)
      expect((await ada.browser.send(pathOf(mails.last().url))).status).toBe(200)
      expect(await userOf(server)).toMatchObject({ email: elsewhere, principal: creator.device.principal })
      expect((await link(ada, ada.device)).status).toBe(409)
      // Nor once it is verified.
      await ada.browser.send('/send-verification-email', post({ email: elsewhere }))
      await click(server, mails.last().url)
      expect(await userOf(server)).toMatchObject({ emailVerified: true, principal: creator.device.principal })
      expect((await link(ada, ada.device)).status).toBe(409)
    })

    test('that was verified before the mailbox: the binding stays', async () => {
      const { server, mails, creator, path } = await bound()
      await verifyPhone(creator, mails)
      await click(server, path)
      expect(await creator.session()).toMatchObject({ principal: creator.device.principal, recoverable: true })
      const ada = await enterByLink(server, () => mails.last().url)
      expect(await ada.session()).toMatchObject({ principal: creator.device.principal })
    })
  })
})
