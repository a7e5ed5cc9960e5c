import { passkey } from '@better-auth/passkey'
import type { BetterAuthOptions, BetterAuthPlugin } from 'better-auth'
import { bearer, magicLink } from 'better-auth/plugins'
import { OAuth2Server } from 'oauth2-mock-server'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { EXPECT_HEADER } from '../index.ts'
import { LOSSES, OWNER, SESSION_STORES, loseDevice } from '../testing/devices.testing.ts'
import { onEachEngine } from '../testing/engines.testing.ts'
import { link } from '../testing/link.testing.ts'
import { openIdPlugin } from '../testing/openid.testing.ts'
import { softPasskey } from '../testing/passkey.testing.ts'
import {
  type Mailing,
  type Person,
  codeOf,
  mailing,
  newPerson,
  pathOf,
  post,
  proofOf,
  userOf,
} from '../testing/requests.testing.ts'
import { AUDIENCE, ORIGIN, type TestServer, person } from '../testing/server.testing.ts'

const ada = person('ada')
const provider = new OAuth2Server()

beforeAll(async () => {
  await provider.issuer.keys.generate('RS256')
  await provider.start(0, '127.0.0.1')
  const eve = { sub: 'eve-at-provider', email: 'eve@example.com', email_verified: true, name: 'Eve' }
  provider.service.on('beforeTokenSigning', ({ payload }) => Object.assign(payload, eve, { aud: 'notes' }))
  provider.service.on('beforeUserinfo', (response) => (response.body = { ...eve }))
})
afterAll(() => provider.stop())
afterEach(() => vi.useRealTimers())

/** Advances the system clock, which Better Auth reads, by some seconds. */
function pass(seconds: number): void {
  const now = Date.now()
  vi.useFakeTimers({ toFake: ['Date'], now: now + seconds * 1000 })
}

onEachEngine((newServer) => {
  const open = async (more: Partial<BetterAuthOptions> = {}) => {
    const mails = mailing()
    const send = (mail: object) => mails.send(mail)
    const server = await newServer({
      ...more,
      emailAndPassword: { enabled: true, sendResetPassword: send },
      emailVerification: { sendVerificationEmail: send },
      user: { changeEmail: { enabled: true, ...more.user?.changeEmail } },
      account: { accountLinking: { allowDifferentEmails: true, requireLocalEmailVerified: false } },
      plugins: [magicLink({ sendMagicLink: send }), openIdPlugin(provider), bearer()],
    })
    return { server, mails }
  }

  /** Signs in by a magic link that carries the device's proof and the address that was typed. */
  const enterByLink = async (server: TestServer, url: () => string): Promise<Person> => {
    const one = await newPerson(server)
    await one.browser.send('/sign-in/magic-link', post({ email: ada.email }))
    const headers = await proofOf(one.device, { [EXPECT_HEADER]: ada.email })
    expect((await one.browser.send(pathOf(url()), { headers })).status).toBe(200)
    return one
  }

  /** Eve made an account with Ada's address. */
  const planted = async () => {
    const { server, mails } = await open()
    const eve = await newPerson(server)
    expect((await eve.browser.send('/sign-up/email', post(ada))).status).toBe(200)
    return { server, mails, eve }
  }

  describe('a change of address that was requested before the mailbox was proven', () => {
    const asked = async () => {
      const { server, mails, eve } = await planted()
      expect((await eve.browser.send('/change-email', post({ newEmail: 'eve@example.com' }))).status).toBe(200)
      return { server, mails, request: pathOf(mails.last().url) }
    }

    test('without a signature records nothing, and does not reveal whether an address has an account', async () => {
      const { server, mails } = await asked()
      await enterByLink(server, () => mails.last().url)
      const acts = await server.rows('latchkeyAudit')
      const forged = (email: string) => {
        const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
        return `${part({ alg: 'none' })}.${part({ email, updateTo: 'eve@example.com', iat: 1 })}.`
      }
      const answers = []
      for (const email of [ada.email, 'nobody@example.com']) {
        const answer = await server.browser().send(`/verify-email?token=${forged(email)}`)
        answers.push([answer.status, await answer.text()])
      }
      expect(answers[0]).toEqual(answers[1])
      expect(await server.rows('latchkeyAudit')).toEqual(acts)
    })

    test('does not move a bound account, and is recorded', async () => {
      const { server, mails, request } = await asked()
      const one = await enterByLink(server, () => mails.last().url)
      expect(await userOf(server)).toMatchObject({ principal: one.device.principal, email: ada.email })
      const answer = await server.browser().send(request)
      expect([answer.status, await codeOf(answer)]).toEqual([403, 'REQUEST_SUPERSEDED'])
      expect(await userOf(server)).toMatchObject({ email: ada.email, principalMailbox: ada.email })
      const acts = (await server.rows('latchkeyAudit')).map(({ act }) => String(act).split(':').slice(0, 2).join(':'))
      expect(acts).toContain(`refuse:${one.device.principal}`)
    })

    test('redirects a page to the app with the error', async () => {
      const { server, mails, request } = await asked()
      await enterByLink(server, () => mails.last().url)
      const answer = await server.browser().send(`${request}&callbackURL=%2Fwelcome`, { redirect: 'manual' })
      expect(answer.headers.get('location')).toBe(`${ORIGIN}/welcome?error=REQUEST_SUPERSEDED`)
      expect(await userOf(server)).toMatchObject({ email: ada.email })
    })

    test('does not move the account of a victim who is signed in and opens the link', async () => {
      const { server, mails, request } = await asked()
      const one = await enterByLink(server, () => mails.last().url)
      expect((await one.browser.send(request)).status).toBe(403)
      expect(await userOf(server)).toMatchObject({ email: ada.email })
    })
  })

  describe('a change of address that was requested before another device was linked', () => {
    const asked = async () => {
      const { server, mails } = await open()
      const one = await newPerson(server)
      await one.prove('/sign-up/email', ada)
      await one.session()
      expect((await one.browser.send('/change-email', post({ newEmail: 'new@example.com' }))).status).toBe(200)
      const second = await newPerson(server)
      await second.prove('/sign-in/email', ada)
      expect((await link(second, second.device)).status).toBe(200)
      return { server, one, request: pathOf(mails.last().url) }
    }

    test('does not move the account', async () => {
      const { server, request } = await asked()
      const answer = await server.browser().send(request)
      expect([answer.status, await codeOf(answer)]).toEqual([403, 'REQUEST_SUPERSEDED'])
      expect(await userOf(server)).toMatchObject({ email: ada.email })
    })

    test('does not move an account with a long history', async () => {
      const { server, one, request } = await asked()
      const { principal } = one.device
      const { id: userId } = await userOf(server)
      for (let index = 0; index < 120; index++) {
        const data = { act: `unlink:${principal}:${index}`, principal, userId, createdAt: new Date(0) }
        await server.adapter.create({ model: 'latchkeyAudit', data })
      }
      expect((await server.browser().send(request)).status).toBe(403)
    })

    test('counts where the session that requested it opens the link', async () => {
      const { server, one, request } = await asked()
      expect((await one.browser.send(request)).status).toBe(200)
      expect(await userOf(server)).toMatchObject({ email: 'new@example.com' })
    })

    test('counts where the request has the bearer token of that session', async () => {
      const { server, one, request } = await asked()
      const [, token] = [...one.browser.cookies].find(([name]) => name.endsWith('session_token'))!
      const headers = { authorization: `Bearer ${token}` }
      expect((await server.browser().send(request, { headers })).status).toBe(200)
      expect(await userOf(server)).toMatchObject({ email: 'new@example.com' })
    })
  })

  for (const [store, options] of Object.entries(SESSION_STORES))
    describe(`a change of address that a lost device requested, with its session in ${store}, is refused after`, () => {
      for (const loss of Object.keys(LOSSES))
        test(loss, async () => {
          const { server, mails } = await open(options())
          const { lost, end } = await loseDevice(server, loss)
          pass(2)
          expect((await lost.browser.send('/change-email', post({ newEmail: 'thief@example.com' }))).status).toBe(200)
          const request = pathOf(mails.last().url)
          expect((await end()).status).toBe(200)
          const answer = await server.browser().send(request)
          expect([answer.status, await codeOf(answer)]).toEqual([403, 'REQUEST_SUPERSEDED'])
          expect(await userOf(server)).toMatchObject({ email: OWNER.email })
        })
    })

  for (const [store, options] of Object.entries(SESSION_STORES))
    test(`a change of address counts while the session that requested it lives in ${store}`, async () => {
      const { server, mails } = await open(options())
      const { rescue } = await loseDevice(server)
      pass(2)
      await rescue.browser.send('/change-email', post({ newEmail: 'new@example.com' }))
      expect((await server.browser().send(pathOf(mails.last().url))).status).toBe(200)
      expect(await userOf(server)).toMatchObject({ email: 'new@example.com' })
    })

  test('a change is refused if Better Auth lost the session in the list of a secondary storage, except in its browser', async () => {
    const options = SESSION_STORES['a secondary storage']!()
    const { server, mails } = await open(options)
    const { rescue } = await loseDevice(server)
    pass(2)
    await rescue.browser.send('/change-email', post({ newEmail: 'new@example.com' }))
    const { id } = await userOf(server)
    await options.secondaryStorage!.delete(`active-sessions-${String(id)}`)
    const url = pathOf(mails.last().url)
    const answer = await server.browser().send(url)
    expect([answer.status, await codeOf(answer)]).toEqual([403, 'REQUEST_SUPERSEDED'])
    expect((await rescue.browser.send(url)).status).toBe(200)
    expect(await userOf(server)).toMatchObject({ email: 'new@example.com' })
  })

  test('a change that a lost device requested is refused for an address that was imported with capitals', async () => {
    const { server, mails } = await open()
    const { lost, end } = await loseDevice(server)
    await server.change('user', { email: 'Owner@Example.com' })
    pass(2)
    await lost.browser.send('/change-email', post({ newEmail: 'thief@example.com' }))
    await end()
    expect((await server.browser().send(pathOf(mails.last().url))).status).toBe(403)
    expect(await userOf(server)).toMatchObject({ email: 'Owner@Example.com' })
  })

  describe('of an address that was imported with capitals', () => {
    const changed = async (newEmail: string, user: object = {}) => {
      const { server, mails } = await open()
      const { rescue } = await loseDevice(server)
      await server.change('user', { email: 'Owner@Example.com', ...user })
      pass(2)
      await rescue.browser.send('/change-email', post({ newEmail }))
      expect((await server.browser().send(pathOf(mails.last().url))).status).toBe(200)
      return userOf(server, newEmail)
    }

    test('a change does not hide that another person owns the account', async () => {
      const user = await changed('new@example.com', { principalMailboxBy: 'account:of-the-owner' })
      expect(user).toMatchObject({ principalMailboxBy: 'handed-on' })
    })

    test('a change to the same in lower case is no change of the mailbox', async () => {
      expect(await changed(OWNER.email)).toMatchObject({ principalMailboxBy: null, principalMailbox: OWNER.email })
    })
  })

  describe('a change of address that the previous address confirms first', () => {
    const asked = async () => {
      const mails = mailing()
      const sendChangeEmailConfirmation = (mail: object) => mails.send(mail)
      const opened = await open({ user: { changeEmail: { enabled: true, sendChangeEmailConfirmation } } })
      const { server } = opened
      const { lost, end } = await loseDevice(server)
      pass(2)
      await lost.browser.send('/change-email', post({ newEmail: 'new@example.com' }))
      expect(opened.mails.sent).toEqual([])
      const follow = (url: string) => server.browser().send(pathOf(url))
      return {
        server,
        end,
        confirm: () => follow(mails.last().url),
        change: () => follow(opened.mails.last().url),
      }
    }

    test('counts while the session that requested it lives', async () => {
      const { server, confirm, change } = await asked()
      expect((await confirm()).status).toBe(200)
      expect((await change()).status).toBe(200)
      expect(await userOf(server)).toMatchObject({ email: 'new@example.com' })
    })

    test('is not confirmed once that session has ended', async () => {
      const { end, confirm } = await asked()
      await end()
      expect((await confirm()).status).toBe(403)
    })

    test('is refused if that session ends after the confirmation', async () => {
      const { server, end, confirm, change } = await asked()
      await confirm()
      await end()
      expect((await change()).status).toBe(403)
      expect(await userOf(server)).toMatchObject({ email: OWNER.email })
    })
  })

  test('a change of address that another session requested as well counts', async () => {
    const { server, mails } = await open()
    const { lost, rescue, end } = await loseDevice(server, '/latchkey/devices/revoke-others')
    pass(2)
    await lost.browser.send('/change-email', post({ newEmail: 'new@example.com' }))
    pass(2)
    await rescue.browser.send('/change-email', post({ newEmail: 'New@example.com' }))
    await end()
    expect((await server.browser().send(pathOf(mails.last().url))).status).toBe(200)
    expect(await userOf(server)).toMatchObject({ email: 'new@example.com' })
  })

  /** Signs in at the provider, whose user has Eve's address. */
  const enterByProvider = async (server: TestServer): Promise<Person> => {
    const one = await newPerson(server)
    const start = { provider: 'local', callbackURL: `${ORIGIN}/home`, errorCallbackURL: `${ORIGIN}/failed` }
    const left = await one.browser.send('/sign-in/social', post(start, await proofOf(one.device)))
    const { url } = (await left.json()) as { url: string }
    const address = (await fetch(url, { redirect: 'manual' })).headers.get('location')!.replace(AUDIENCE, '')
    const back = await one.browser.send(address, { redirect: 'manual' })
    expect(back.headers.get('location')).toBe(`${ORIGIN}/home`)
    return one
  }

  describe('a change of address that a creator requested does not move the account of an owner who entered since', () => {
    const eve = person('eve')

    const asked = async (hasProof: boolean) => {
      const { server, mails } = await open()
      const creator = await newPerson(server)
      await (hasProof ? creator.prove('/sign-up/email', eve) : creator.browser.send('/sign-up/email', post(eve)))
      await creator.session()
      await creator.browser.send('/send-verification-email', post({ email: eve.email }))
      await server.browser().send(pathOf(mails.last().url))
      pass(2)
      expect((await creator.browser.send('/change-email', post({ newEmail: 'mallory@example.com' }))).status).toBe(200)
      return { server, mails, creator, request: pathOf(mails.last().url) }
    }

    test('whose own change counts, also once the note of that sign-in has expired', async () => {
      const { server, mails } = await asked(false)
      const owner = await enterByProvider(server)
      pass(86_400 - 1800)
      await owner.browser.send('/change-email', post({ newEmail: 'new@example.com' }))
      const request = pathOf(mails.last().url)
      pass(2400)
      expect((await server.browser().send(request)).status).toBe(200)
      expect(await userOf(server)).toMatchObject({ email: 'new@example.com' })
    })

    const expectRefused = async (server: TestServer, request: string) => {
      expect((await server.browser().send(request)).status).toBe(403)
      expect(await userOf(server)).toMatchObject({ email: eve.email })
    }

    test.each([
      ['with a proof', true],
      ['without a proof', false],
    ])('through a provider, where it was created %s', async (_, hasProof) => {
      const { server, creator, request } = await asked(hasProof)
      const owner = await enterByProvider(server)
      expect(await owner.session()).not.toBeNull()
      // As in Better Auth, both sessions can use the account.
      expect(await creator.session()).not.toBeNull()
      await expectRefused(server, request)
    })

    test('by a magic link', async () => {
      const { server, mails, request } = await asked(false)
      const owner = server.browser()
      await owner.send('/sign-in/magic-link', post({ email: eve.email }))
      expect((await owner.send(pathOf(mails.last().url))).status).toBe(200)
      await expectRefused(server, request)
    })
  })

  describe('a change of address counts although the session that requested it, or another one of its user,', () => {
    const contested = async () => {
      const { server, mails } = await open()
      const one = await newPerson(server)
      await one.prove('/sign-up/email', ada)
      await one.session()
      await one.browser.send('/send-verification-email', post({ email: ada.email }))
      await server.browser().send(pathOf(mails.last().url))
      expect(await userOf(server)).toMatchObject({ principalMailboxBy: 'contested' })
      return { server, mails, one }
    }

    const ask = async ({ browser }: Person, mails: Mailing) => {
      pass(2)
      await browser.send('/change-email', post({ newEmail: 'new@example.com' }))
      return pathOf(mails.last().url)
    }

    const resetPassword = async (server: TestServer, mails: Mailing, newPassword: string) => {
      pass(2)
      const { browser } = await newPerson(server)
      await browser.send('/request-password-reset', post({ email: ada.email }))
      const { token } = mails.last()
      expect((await browser.send('/reset-password', post({ newPassword, token }))).status).toBe(200)
    }

    const withNewPassword = async () => {
      const { server, mails } = await contested()
      await resetPassword(server, mails, 'a new password')
      const owner = await newPerson(server)
      await owner.prove('/sign-in/email', { ...ada, password: 'a new password' })
      return { server, mails, owner, request: await ask(owner, mails) }
    }

    test("signs in by mail with the key of the account's device", async () => {
      const { server, mails, one } = await contested()
      const request = await ask(one, mails)
      const again = await newPerson(server, one.device)
      await again.browser.send('/sign-in/magic-link', post({ email: ada.email }))
      const { url } = mails.last()
      expect((await again.follow(pathOf(url), { [EXPECT_HEADER]: ada.email })).status).toBe(200)
      expect(await userOf(server)).toMatchObject({ principalMailboxBy: one.device.principal })
      expect((await server.browser().send(request)).status).toBe(200)
    })

    test('changes the password', async () => {
      const { server, owner, request } = await withNewPassword()
      const body = { currentPassword: 'a new password', newPassword: 'another password' }
      expect((await owner.browser.send('/change-password', post(body))).status).toBe(200)
      expect((await server.browser().send(request)).status).toBe(200)
    })

    test('but not after another password was set by mail', async () => {
      const { server, mails, request } = await withNewPassword()
      await resetPassword(server, mails, 'another password')
      expect((await server.browser().send(request)).status).toBe(403)
    })
  })

  test('a passkey is not added by a registration that a lost device began, where none needs a session', async () => {
    const registration = { requireSession: false }
    const server = await newServer({ plugins: [passkey({ registration } as never) as unknown as BetterAuthPlugin] })
    const { lost, rescue, end } = await loseDevice(server)
    const begin = async ({ browser }: Person) =>
      (await (await browser.send('/passkey/generate-register-options')).json()) as { challenge: string }
    const finish = ({ browser }: Person, asked: { challenge: string }) =>
      browser.send('/passkey/verify-registration', post({ response: softPasskey(ORIGIN).register(asked) }))
    const asked = await begin(lost)
    expect((await end()).status).toBe(200)
    const late = await finish(lost, asked)
    expect([late.status, await codeOf(late)]).toEqual([403, 'REQUEST_SUPERSEDED'])
    expect(await server.rows('passkey')).toEqual([])
    expect((await finish(rescue, await begin(rescue))).status).toBe(200)
  })

  test('a change of address that was requested afterwards needs no session where the link is opened', async () => {
    const { server, mails } = await open()
    const one = await newPerson(server)
    await one.prove('/sign-up/email', ada)
    await one.session()
    pass(2)
    expect((await one.browser.send('/change-email', post({ newEmail: 'new@example.com' }))).status).toBe(200)
    expect((await server.browser().send(pathOf(mails.last().url))).status).toBe(200)
    expect(await userOf(server)).toMatchObject({ email: 'new@example.com', principal: one.device.principal })
  })

  test("a provider's credential is not added by a redirect that began before the mailbox was proven", async () => {
    const { server, mails, eve } = await planted()
    const start = { provider: 'local', callbackURL: `${ORIGIN}/home`, errorCallbackURL: `${ORIGIN}/failed` }
    const { url } = (await (await eve.browser.send('/link-social', post(start))).json()) as { url: string }
    const address = (await fetch(url, { redirect: 'manual' })).headers.get('location')!.replace(AUDIENCE, '')
    const one = await enterByLink(server, () => mails.last().url)
    expect(await userOf(server)).toMatchObject({ principal: one.device.principal })
    const before = await server.rows('account')
    // Better Auth itself asks whether the session that began it still lives.
    await eve.browser.send(address, { redirect: 'manual' })
    expect(await server.rows('account')).toEqual(before)
  })
})
