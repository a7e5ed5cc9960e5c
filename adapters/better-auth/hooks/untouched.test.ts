import { apiKey } from '@better-auth/api-key'
import { passkey } from '@better-auth/passkey'
import type { AuthContext, BetterAuthOptions, BetterAuthPlugin, GenericEndpointContext } from 'better-auth'
import { createAuthMiddleware } from 'better-auth/api'
import { magicLink, phoneNumber, twoFactor } from 'better-auth/plugins'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { onEachEngine } from '../testing/engines.testing.ts'
import { type Person, codeOf, mailing, newPerson, pathOf, post, proofOf, userOf } from '../testing/requests.testing.ts'
import { softPasskey } from '../testing/passkey.testing.ts'
import { ORIGIN, type TestServer, person } from '../testing/server.testing.ts'

const victim = person('victim')

/** An unknown plugin: it names users in its own way. */
const unknownPlugin: BetterAuthPlugin = {
  id: 'unknown',
  schema: {
    ticket: {
      fields: {
        label: { type: 'string', required: false },
        about: { type: 'json', required: false },
        holders: { type: 'string[]', required: false },
      },
    },
  },
}

/** What Eve leaves behind in an account that she made with the victim's address. */
const TRACES: Record<string, (server: TestServer, userId: string, eve: Person) => Promise<void>> = {
  'an API key of @better-auth/api-key': async (server, _, eve) => {
    expect((await eve.browser.send('/api-key/create', post({ name: 'mine' }))).status).toBe(200)
    expect(await server.rows('apikey')).toHaveLength(1)
  },
  'a row of an unknown plugin that has the id inside a text': async ({ adapter }, userId) => {
    await adapter.create({ model: 'ticket', data: { label: `user:${userId}` } })
  },
  'a row of an unknown plugin that has the id in JSON': async ({ adapter }, userId) => {
    await adapter.create({ model: 'ticket', data: { about: { owner: { id: userId } } } })
  },
  'a row of an unknown plugin that has the id in a list': async ({ adapter }, userId) => {
    await adapter.create({ model: 'ticket', data: { holders: ['somebody', userId] } })
  },
  'a verified phone number': (server, id) =>
    server.change('user', { phoneNumber: '+15550100', phoneNumberVerified: true }, { id }),
  'a second factor': (server, id) => server.change('user', { twoFactorEnabled: true }, { id }),
}

/** What Better Auth works with, which a test may change while it runs. */
const contextOf = async ({ auth }: TestServer): Promise<AuthContext> => (await auth.$context) as unknown as AuthContext

/** Requests that get Eve a session once her password was compared. */
const COMPARING: Record<string, (eve: Person) => Promise<Response>> = {
  'a sign-in': ({ browser }) => browser.send('/sign-in/email', post(victim)),
  'a change of the password': ({ browser }) => {
    const { password: currentPassword } = victim
    const body = { currentPassword, newPassword: 'another password', revokeOtherSessions: true }
    return browser.send('/change-password', post(body))
  },
  'a second factor that is switched on': ({ browser }) =>
    browser.send('/two-factor/enable', post({ password: victim.password })),
}

/** The comparison of passwords, which takes as long as a test wants it to. */
function slowComparison() {
  let begin!: () => void
  let release!: () => void
  const begun = new Promise<void>((resolve) => (begin = resolve))
  const released = new Promise<void>((resolve) => (release = resolve))
  const password = {
    hash: async (text: string) => text,
    verify: async ({ hash, password: given }: Record<'hash' | 'password', string>) => {
      begin()
      await released
      return hash === given
    },
  }
  return { password, begun, release }
}

interface Given extends Pick<BetterAuthOptions, 'secondaryStorage' | 'emailAndPassword' | 'hooks'> {
  readonly storage?: 'secondary-storage'
}

afterEach(() => vi.restoreAllMocks())

onEachEngine((newServer) => {
  describe('the first proof of a mailbox binds no account that its creator can still use', () => {
    const start = async ({ storage, ...options }: Given = {}, ...more: BetterAuthPlugin[]) => {
      const mails = mailing()
      const server = await newServer({
        ...options,
        plugins: [
          apiKey({ ...(storage && { storage }) }),
          unknownPlugin,
          phoneNumber({ sendOTP: async () => {} }),
          twoFactor({ skipVerificationOnEnable: true }),
          magicLink({ sendMagicLink: (mail) => mails.send(mail) }),
          ...more,
        ],
      })
      const eve = await newPerson(server)
      expect((await eve.browser.send('/sign-up/email', post(victim))).status).toBe(200)
      const enter = async () => {
        const ada = await newPerson(server)
        await ada.browser.send('/sign-in/magic-link', post({ email: victim.email }))
        const path = pathOf(mails.last().url)
        const headers = await proofOf(ada.device, { 'x-latchkey-expect': victim.email })
        expect((await ada.browser.send(path, { headers })).status).toBe(200)
        return ada
      }
      return { server, eve, enter }
    }

    for (const [trace, leave] of Object.entries(TRACES)) {
      test(`by ${trace}`, async () => {
        const { server, eve, enter } = await start()
        const { id } = await userOf(server)
        await leave(server, String(id), eve)
        const ada = await enter()
        expect(await userOf(server)).toMatchObject({ principal: null })
        expect((await ada.session())!.principal).toBe(id)
      })
    }

    test('by an API key that is kept in a secondary storage only', async () => {
      const values = new Map<string, string>()
      const secondaryStorage = {
        get: async (key: string) => values.get(key) ?? null,
        set: async (key: string, value: string) => void values.set(key, value),
        delete: async (key: string) => void values.delete(key),
        getAndDelete: async (key: string) => {
          const found = values.get(key) ?? null
          values.delete(key)
          return found
        },
        increment: async (key: string) => {
          const count = Number(values.get(key) ?? 0) + 1
          values.set(key, String(count))
          return count
        },
      }
      const { server, eve, enter } = await start({ secondaryStorage, storage: 'secondary-storage' })
      expect((await eve.browser.send('/api-key/create', post({ name: 'mine' }))).status).toBe(200)
      expect(await server.rows('apikey')).toEqual([])
      await enter()
      expect(await userOf(server)).toMatchObject({ principal: null })
    })

    /** Eve began to register a passkey before Ada proved the mailbox; none needs a session. */
    const startPasskeys = async () => {
      const registration = {
        requireSession: false,
        // A user who does not exist yet, as in a sign-up.
        resolveUser: async () => ({ id: 'nobody yet', name: 'Bob' }),
        async afterVerification({
          ctx,
          user,
        }: {
          readonly ctx: GenericEndpointContext
          readonly user: { id: string }
        }) {
          if (user.id !== 'nobody yet') return undefined
          const created = await ctx.context.internalAdapter.createUser(person('bob'), { method: 'passkey' })
          return { userId: created.id }
        },
      }
      const { server, eve, enter } = await start({}, passkey({ registration } as never) as unknown as BetterAuthPlugin)
      const begin = async ({ browser }: Person) =>
        (await (await browser.send('/passkey/generate-register-options')).json()) as { challenge: string }
      const finish = ({ browser }: Person, asked: { challenge: string }) =>
        browser.send(
          '/passkey/verify-registration',
          post({ response: softPasskey(ORIGIN).register(asked), createSession: true }),
        )
      const asked = await begin(eve)
      const ada = await enter()
      expect(await userOf(server)).toMatchObject({ principal: ada.device.principal })
      return { server, eve, ada, asked, begin, finish }
    }

    test('by a passkey whose registration began before, where none needs a session', async () => {
      const { server, eve, ada, asked, begin, finish } = await startPasskeys()
      const late = await finish(eve, asked)
      expect([late.status, await codeOf(late)]).toEqual([403, 'REQUEST_SUPERSEDED'])
      expect(await server.rows('passkey')).toEqual([])
      const bob = await newPerson(server)
      expect((await finish(bob, await begin(bob))).status).toBe(200)
      expect((await finish(ada, await begin(ada))).status).toBe(200)
    })

    test('by a passkey whose registration began before, while a read of the user fails', async () => {
      const { server, eve, asked, finish } = await startPasskeys()
      const { findOne } = server.adapter
      let left = 1
      vi.spyOn(console, 'error').mockImplementation(() => {})
      vi.spyOn(server.adapter, 'findOne').mockImplementation((query) =>
        query.model === 'user' && left-- > 0 ? Promise.reject(new Error('connection lost')) : findOne(query as never),
      )
      expect((await finish(eve, asked)).status).toBe(500)
      expect(left).toBeLessThan(1)
      const late = await finish(eve, asked)
      expect([late.status, await codeOf(late)]).toEqual([403, 'REQUEST_SUPERSEDED'])
      expect(await server.rows('passkey')).toEqual([])
    })

    for (const [request, send] of Object.entries(COMPARING)) {
      test(`by ${request}, whose password was compared meanwhile`, async () => {
        const { password, begun, release } = slowComparison()
        const { server, eve, enter } = await start({ emailAndPassword: { enabled: true, password } })
        const answer = send(eve)
        await begun
        const ada = await enter()
        expect(await userOf(server)).toMatchObject({ principal: ada.device.principal })
        release()
        expect([(await answer).status, await codeOf(await answer)]).toEqual([401, 'INVALID_EMAIL_OR_PASSWORD'])
        expect(await eve.session()).toBeNull()
        const vias = (await server.rows('session')).map(({ principalVia }) => principalVia)
        expect(vias.filter((via) => String(via).split('@')[0] !== ada.device.principal)).toEqual([])
      })
    }

    /** Eve has entered her password, and not yet the second factor, for which she has a code. */
    const halfWay = async (options: Parameters<typeof start>[0] = {}) => {
      const mails = mailing()
      const sendResetPassword = (mail: object) => mails.send(mail)
      const { server, eve, enter } = await start({
        emailAndPassword: { enabled: true, sendResetPassword, revokeSessionsOnPasswordReset: true },
        ...options,
      })
      const enabled = await eve.browser.send('/two-factor/enable', post({ password: victim.password }))
      const { backupCodes } = (await enabled.json()) as { readonly backupCodes: readonly string[] }
      const begin = async () => {
        const half = await newPerson(server)
        const answer = await half.browser.send('/sign-in/email', post(victim))
        expect(await answer.json()).toMatchObject({ twoFactorRedirect: true })
        return { half, finish: (more?: object) => finish(half, more) }
      }
      const finish = ({ browser }: Person, more?: object) =>
        browser.send('/two-factor/verify-backup-code', post({ code: backupCodes[0]!, ...more }))
      return { server, mails, eve, enter, begin }
    }

    const TAKEOVERS: Record<string, (given: Awaited<ReturnType<typeof halfWay>>) => Promise<unknown>> = {
      'who signs in by a magic link': ({ enter }) => enter(),
      'who resets the password by mail': async ({ server, mails }) => {
        await server.browser().send('/request-password-reset', post({ email: victim.email }))
        const body = { newPassword: 'a new password', token: mails.last().token }
        expect((await server.browser().send('/reset-password', post(body))).status).toBe(200)
      },
      'who changes the password': async ({ eve }) => {
        const body = { currentPassword: victim.password, newPassword: 'a new password', revokeOtherSessions: true }
        expect((await eve.browser.send('/change-password', post(body))).status).toBe(200)
      },
    }
    for (const [owner, take] of Object.entries(TAKEOVERS))
      test(`a second factor for a password that was entered before does not let in, after an owner ${owner}`, async () => {
        const given = await halfWay()
        const { half, finish } = await given.begin()
        await take(given)
        const answer = await finish({ trustDevice: true })
        expect([answer.status, await codeOf(answer)]).toEqual([401, 'INVALID_EMAIL_OR_PASSWORD'])
        expect(await half.session()).toBeNull()
        const names = (await given.server.rows('verification')).map(({ identifier }) => String(identifier))
        expect(names.filter((name) => name.startsWith('trust-device'))).toEqual([])
        expect([...half.browser.cookies.keys()].filter((name) => name.includes('trust_device'))).toEqual([])
        expect((await finish()).status).toBe(401)
        expect(await half.session()).toBeNull()
      })

    test('a second factor for a password that a server with a slow clock replaced does not let in', async () => {
      const given = await halfWay()
      const { half, finish } = await given.begin()
      await TAKEOVERS['who resets the password by mail']!(given)
      await given.server.change('account', { updatedAt: new Date(Date.now() - 60_000) })
      expect((await finish()).status).toBe(401)
      expect(await half.session()).toBeNull()
    })

    test('a second factor lets in after a password that a server with a fast clock stored', async () => {
      const { server, begin } = await halfWay()
      await server.change('account', { updatedAt: new Date(Date.now() + 60_000) })
      const { half, finish } = await begin()
      expect((await finish()).status).toBe(200)
      expect(await half.session()).not.toBeNull()
    })

    test('a second factor lets in after a password that the app hashes anew when it is entered', async () => {
      let count = 0
      const password = {
        hash: async (text: string) => `${text}#${count++}`,
        verify: async ({ hash, password: given }: Record<'hash' | 'password', string>) => hash.startsWith(`${given}#`),
      }
      const after = createAuthMiddleware(async ({ path, body, context }) => {
        if (path !== '/sign-in/email' || !context.newSession) return
        const hash = await context.password.hash((body as typeof victim).password)
        await context.internalAdapter.updatePassword(context.newSession.user.id, hash)
      })
      const { begin } = await halfWay({ emailAndPassword: { enabled: true, password }, hooks: { after } })
      const { half, finish } = await begin()
      expect(count).toBe(2)
      expect((await finish()).status).toBe(200)
      expect(await half.session()).not.toBeNull()
    })

    test('a second factor for a password that was replaced while it was compared does not let in', async () => {
      const { password, begun, release } = slowComparison()
      const { server, begin } = await halfWay()
      Object.assign((await contextOf(server)).password, password)
      const beginning = begin()
      await begun
      await server.change('account', { password: 'another password' })
      release()
      const { half, finish } = await beginning
      expect((await finish()).status).toBe(401)
      expect(await half.session()).toBeNull()
    })

    test('a second factor lets in after a password that is still valid', async () => {
      const { begin } = await halfWay()
      const { half, finish } = await begin()
      expect((await finish()).status).toBe(200)
      expect(await half.session()).not.toBeNull()
    })

    test('a sign-in does not outlive a new password that was set while the old one was compared', async () => {
      const { password, begun, release } = slowComparison()
      const { server, eve } = await start({ emailAndPassword: { enabled: true, password } })
      await eve.browser.send('/sign-out', post({}))
      const answer = eve.browser.send('/sign-in/email', post(victim))
      await begun
      await server.change('account', { password: 'another password' })
      release()
      expect([(await answer).status, await codeOf(await answer)]).toEqual([401, 'INVALID_EMAIL_OR_PASSWORD'])
      expect(await eve.session()).toBeNull()
    })

    test('a change of the password is refused if the victim set one by mail while the old one was compared', async () => {
      const { password, begun, release } = slowComparison()
      const mails = mailing()
      const sendResetPassword = (mail: object) => mails.send(mail)
      const { server, eve } = await start({ emailAndPassword: { enabled: true, password, sendResetPassword } })
      const body = { currentPassword: victim.password, newPassword: 'another password' }
      const answer = eve.browser.send('/change-password', post(body))
      await begun
      await server.browser().send('/request-password-reset', post({ email: victim.email }))
      const reset = { newPassword: 'a new password', token: mails.last().token }
      expect((await server.browser().send('/reset-password', post(reset))).status).toBe(200)
      release()
      expect([(await answer).status, await codeOf(await answer)]).toEqual([400, 'INVALID_PASSWORD'])
      expect(await server.rows('account')).toMatchObject([{ password: 'a new password' }])
    })

    test('a change of the password is refused if the victim set one by mail, of which the app is told meanwhile', async () => {
      const { password, begun, release } = slowComparison()
      const mails = mailing()
      const sendResetPassword = (mail: object) => mails.send(mail)
      let answer: Promise<Response> | undefined
      const onPasswordReset = async () => {
        release()
        await answer
      }
      const emailAndPassword = { enabled: true, password, sendResetPassword, onPasswordReset }
      const { server, eve } = await start({ emailAndPassword })
      const body = { currentPassword: victim.password, newPassword: 'another password' }
      answer = eve.browser.send('/change-password', post(body))
      await begun
      await server.browser().send('/request-password-reset', post({ email: victim.email }))
      const reset = { newPassword: 'a new password', token: mails.last().token }
      expect((await server.browser().send('/reset-password', post(reset))).status).toBe(200)
      expect([(await answer).status, await codeOf(await answer)]).toEqual([400, 'INVALID_PASSWORD'])
      expect(await server.rows('account')).toMatchObject([{ password: 'a new password' }])
    })

    test('rows of others do not count', async () => {
      const { server, enter } = await start()
      const bob = await newPerson(server)
      await bob.browser.send('/sign-up/email', post(person('bob')))
      const { id } = await userOf(server, 'bob@example.com')
      for (const leave of Object.values(TRACES)) await leave(server, String(id), bob)
      const ada = await enter()
      expect(await ada.session()).toMatchObject({ principal: ada.device.principal })
    })
  })
})
