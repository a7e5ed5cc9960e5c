import { passkey } from '@better-auth/passkey'
import type { BetterAuthPlugin } from 'better-auth'
import { apiKey } from '@better-auth/api-key'
import { createAuthMiddleware, getSessionFromCtx } from 'better-auth/api'
import { admin, bearer, deviceAuthorization, magicLink, multiSession, twoFactor } from 'better-auth/plugins'
import { describe, expect, test } from 'vitest'
import { testDevice } from '../../../lib/testing.ts'
import { sidOf } from '../binding/session-id.ts'
import { principalStore } from '../binding/principal-store.ts'
import { statusOf } from '../binding/status.ts'
import { type DevicesAnswer, PROOF_HEADER } from '../index.ts'
import {
  USER_AGENTS,
  devicesOf,
  idOf,
  makeRecoverable,
  revoke,
  sessionOf,
  signedIn,
} from '../testing/devices.testing.ts'
import { onEachEngine } from '../testing/engines.testing.ts'
import { type Person, codeOf, mailing, newPerson, pathOf, post, userOf } from '../testing/requests.testing.ts'
import { softPasskey } from '../testing/passkey.testing.ts'
import { AUDIENCE, ORIGIN, type TestServer, person } from '../testing/server.testing.ts'

const [ada, ben] = [person('ada'), person('ben')]

/** Old enough that Better Auth calls it fresh and Latchkey does not. */
const ELEVEN_MINUTES_AGO = () => new Date(Date.now() - 660_000)

/** One account on two devices. */
async function withTwo(server: TestServer): Promise<{ laptop: Person; phone: Person }> {
  const laptop = await signedIn(server, ada, USER_AGENTS.laptop)
  const phone = await signedIn(server, ada, USER_AGENTS.phone)
  return { laptop, phone }
}

async function keyOf(server: TestServer, { device }: Person): Promise<Record<string, unknown> | undefined> {
  return (await server.rows('latchkeyKey')).find(({ thumbprint }) => thumbprint === device.thumbprint)
}

/** Writes into a session what pairing writes. */
async function letIn(server: TestServer, approver: Person, joined: Person): Promise<void> {
  const [by, { token }] = [(await sessionOf(approver))!, (await sessionOf(joined))!]
  await server.change('session', { pairedBy: by.id, pairedByDevice: await idOf(approver) }, { token })
}

/** Requests of a television whose session another one approves with a code. With a body, a request is a POST. */
async function approvedByCode(
  server: TestServer,
  approver: Person,
  television = server.browser(),
): Promise<{ send(path: string, body?: object, more?: Record<string, string>): Promise<Response> }> {
  const asked = await television.send('/device/code', post({ client_id: 'tv' }))
  const codes = (await asked.json()) as Record<'device_code' | 'user_code', string>
  await approver.browser.send(`/device?user_code=${codes.user_code}`)
  await approver.browser.send('/device/approve', post({ userCode: codes.user_code }))
  const grant = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', client_id: 'tv' }
  const given = await television.send('/device/token', post({ ...grant, device_code: codes.device_code }))
  const { access_token: token } = (await given.json()) as { readonly access_token: string }
  const headers = { authorization: `Bearer ${token}` }
  return { send: (path, body, more) => television.send(path, body ? post(body, { ...headers, ...more }) : { headers }) }
}

onEachEngine((newServer) => {
  describe('the devices of an account', () => {
    test('are its sessions, with names from the user agent and ids that give no access', async () => {
      const server = await newServer()
      const { laptop, phone } = await withTwo(server)
      await signedIn(server, ben)
      const listed = await devicesOf(phone)
      expect(listed).toHaveLength(2)
      expect(listed.find(({ isCurrent }) => isCurrent)).toEqual({
        id: expect.stringMatching(/^[\w-]{22}$/),
        name: 'Safari on iPhone',
        platform: 'iPhone',
        createdAt: expect.any(Number),
        lastSeenAt: expect.any(Number),
        isCurrent: true,
        approvedBy: null,
      })
      expect(listed.find(({ isCurrent }) => !isCurrent)).toMatchObject({ name: 'Firefox on Linux', platform: 'Linux' })
      expect((await devicesOf(laptop)).find(({ isCurrent }) => isCurrent)).toMatchObject({ name: 'Firefox on Linux' })
      const text = JSON.stringify(listed)
      for (const { id, token } of (await server.rows('session')) as { id: string; token: string }[]) {
        expect(text).not.toContain(token)
        expect(text).not.toContain(id)
      }
    })

    test('need a session, and none of the anonymous plugin', async () => {
      const server = await newServer()
      expect((await server.browser().send('/latchkey/devices')).status).toBe(401)
    })

    test('end with their sessions, and an expired one is not listed', async () => {
      const server = await newServer()
      const { laptop, phone } = await withTwo(server)
      const { token } = (await sessionOf(laptop))!
      await server.change('session', { expiresAt: new Date(Date.now() - 1000) }, { token })
      expect(await devicesOf(phone)).toHaveLength(1)
    })

    test('group the successive sessions of one installation until it signs out', async () => {
      const server = await newServer()
      const laptop = await signedIn(server, ada, USER_AGENTS.laptop)
      const id = await idOf(laptop)
      // Without a sign-out, as after the session expired; the second time without a proof, as once the key is gone.
      await signedIn(server, ada, USER_AGENTS.laptop, laptop)
      await laptop.browser.send('/sign-in/email', post(ada, { 'user-agent': USER_AGENTS.laptop }))
      expect(await server.rows('session')).toHaveLength(3)
      expect(await devicesOf(laptop)).toMatchObject([{ id, isCurrent: true }])
      await laptop.browser.send('/sign-out', post({}))
      await signedIn(server, ada, USER_AGENTS.laptop, laptop)
      const after = await devicesOf(laptop)
      expect(after.map(({ isCurrent }) => isCurrent).sort()).toEqual([false, true])
      expect(after.find(({ isCurrent }) => isCurrent)!.id).not.toBe(id)
    })

    test('of two users of one browser have different ids', async () => {
      const server = await newServer()
      await signedIn(server, ben)
      const laptop = await signedIn(server, ada)
      const id = await idOf(laptop)
      await signedIn(server, ben, USER_AGENTS.phone, laptop)
      expect(await idOf(laptop)).not.toBe(id)
      const tags = (await server.rows('session')).map(({ deviceTag }) => deviceTag)
      expect(new Set(tags).size).toBe(3)
    })

    test('leave no cookie after a sign-in without a proof, or where the user is not to be remembered', async () => {
      const server = await newServer()
      await signedIn(server, ada)
      const plain = await newPerson(server)
      await plain.browser.send('/sign-in/email', post(ada))
      const forgotten = await newPerson(server)
      await forgotten.prove('/sign-in/email', { ...ada, rememberMe: false })
      for (const { browser } of [plain, forgotten]) {
        expect([...browser.cookies.keys()].filter((name) => name.includes('latchkey'))).toEqual([])
        expect(await devicesOf({ browser })).toHaveLength(3)
      }
    })

    test('keep tag, name and origin when a change of the password replaces the session', async () => {
      const server = await newServer()
      const { laptop, phone } = await withTwo(server)
      await letIn(server, laptop, phone)
      const before = await sessionOf(phone)
      const id = await idOf(phone)
      await phone.browser.send(
        '/change-password',
        post({ currentPassword: ada.password, newPassword: 'another horse battery', revokeOtherSessions: true }),
      )
      const after = await sessionOf(phone)
      expect(after!.id).not.toBe(before!.id)
      expect(after).toMatchObject({ pairedBy: expect.any(String), deviceTag: id })
      expect(await revoke(phone, {}, 'revoke-others')).toBe('SESSION_NOT_FRESH')
    })
  })

  describe('renaming a device', () => {
    const rename = async ({ browser }: Person, body: object): Promise<string | number> => {
      const answer = await browser.send('/latchkey/devices/rename', post(body))
      return answer.ok ? answer.status : codeOf(answer)
    }

    test('names all its sessions', async () => {
      const server = await newServer()
      const { laptop, phone } = await withTwo(server)
      expect(await rename(phone, { id: await idOf(laptop), name: '  Ada’s 💻 ' })).toBe(200)
      expect((await devicesOf(phone)).map(({ name }) => name).sort()).toEqual(['Ada’s 💻', 'Safari on iPhone'])
    })

    test.each([
      ['nothing', ''],
      ['white space', '   '],
      ['41 characters', 'x'.repeat(41)],
      ['a control character', 'a\u0007b'],
      ['a line break', 'a\nb'],
      ['a change of direction', 'a\u202eb'],
      ['an isolate', 'a\u2066b'],
      ['what is not visible', '\u200b'],
      ['a line separator', 'a\u2028b'],
      ['half a character', 'a\ud800'],
      ['no text', 7],
    ])('refuses this name: %s', async (_, name) => {
      const server = await newServer()
      const { laptop, phone } = await withTwo(server)
      expect(await rename(phone, { id: await idOf(laptop), name })).toBe('BODY_INVALID')
    })

    test('needs a recent sign-in, and a device of the account', async () => {
      const server = await newServer({ session: { freshAge: 0 } })
      const { laptop, phone } = await withTwo(server)
      const stranger = await signedIn(server, ben)
      const id = await idOf(laptop)
      expect(await rename(stranger, { id, name: 'mine' })).toBe('DEVICE_UNKNOWN')
      const { token } = (await sessionOf(phone))!
      await server.change('session', { createdAt: ELEVEN_MINUTES_AGO() }, { token })
      expect(await rename(phone, { id, name: 'mine' })).toBe('SESSION_NOT_FRESH')
    })
  })

  describe('revoking a device', () => {
    test('ends its sessions and its key, and every other device continues (R5)', async () => {
      const server = await newServer()
      const { laptop, phone } = await withTwo(server)
      const tablet = await signedIn(server, ada, USER_AGENTS.tablet)
      await laptop.session()
      await makeRecoverable(server, ada.email)
      const id = await idOf(laptop)
      expect(await revoke(phone, { id })).toEqual({ sessions: 1, keys: 'revoked' })
      expect([await sessionOf(laptop), await laptop.session()]).toEqual([null, null])
      expect((await keyOf(server, laptop))!['retiredAt']).not.toBeNull()
      for (const other of [phone, tablet]) expect(await other.session()).toMatchObject({ recoverable: true })
      expect(await devicesOf(phone)).toHaveLength(2)
      expect(await revoke(phone, { id })).toBe('DEVICE_UNKNOWN')
    })

    test('keeps the key while the account cannot be recovered without it (R6)', async () => {
      const server = await newServer()
      const { laptop, phone } = await withTwo(server)
      await laptop.session()
      expect(await revoke(phone, { id: await idOf(laptop) })).toEqual({ sessions: 1, keys: 'kept' })
      expect(await sessionOf(laptop)).toBeNull()
      expect((await keyOf(server, laptop))!['retiredAt']).toBeNull()
    })

    test('revokes no key where none made its sessions', async () => {
      const server = await newServer()
      const { laptop } = await withTwo(server)
      const plain = await newPerson(server)
      await plain.browser.send('/sign-in/email', post(ada))
      await makeRecoverable(server, ada.email)
      expect(await revoke(laptop, { id: await idOf(plain) })).toEqual({ sessions: 1, keys: 'none' })
    })

    test('that was given the secret of this one revokes the key, and this one continues', async () => {
      const server = await newServer()
      const laptop = await signedIn(server, ada, USER_AGENTS.laptop)
      await laptop.session()
      await makeRecoverable(server, ada.email)
      const copy = await newPerson(server, laptop.device)
      await signedIn(server, ada, USER_AGENTS.phone, copy)
      expect(await revoke(laptop, { id: await idOf(copy) })).toEqual({ sessions: 1, keys: 'revoked' })
      expect(await laptop.session()).toMatchObject({ principal: laptop.device.principal })
      await signedIn(server, ada, USER_AGENTS.laptop, laptop)
      expect(await laptop.session()).toMatchObject({ principal: laptop.device.principal })
    })

    test('is never the one that asks, nor one of another account', async () => {
      const server = await newServer()
      const { laptop, phone } = await withTwo(server)
      const stranger = await signedIn(server, ben)
      expect(await revoke(phone, { id: await idOf(phone) })).toBe('DEVICE_CURRENT')
      expect(await revoke(stranger, { id: await idOf(laptop) })).toBe('DEVICE_UNKNOWN')
      expect(await revoke(phone, {})).toBe('BODY_INVALID')
      expect(await server.rows('session')).toHaveLength(3)
    })

    test('ends those that it let in, and those that they let in, only on request', async () => {
      const server = await newServer()
      const { laptop, phone } = await withTwo(server)
      const [tablet, watch, apart] = [
        await signedIn(server, ada, USER_AGENTS.tablet),
        await signedIn(server, ada, ''),
        await signedIn(server, ada),
      ]
      await letIn(server, laptop, tablet)
      await letIn(server, tablet, watch)
      const [laptopId, tabletId] = [await idOf(laptop), await idOf(tablet)]
      const approvals = (await devicesOf(phone)).map(({ name, approvedBy }) => [name, approvedBy])
      expect(approvals).toContainEqual(['Samsung Internet on Android', laptopId])
      expect(approvals).toContainEqual(['Unknown device', tabletId])
      expect(await revoke(phone, { id: laptopId })).toMatchObject({ sessions: 1 })
      const orphan = (await devicesOf(phone)).find(({ id }) => id === tabletId)
      expect(orphan).toMatchObject({ approvedBy: expect.any(String) })
      expect(await revoke(phone, { id: tabletId, andThoseItLetIn: true })).toMatchObject({ sessions: 2 })
      expect(await sessionOf(watch)).toBeNull()
      for (const other of [phone, apart]) expect(await sessionOf(other)).not.toBeNull()
    })

    test('ends those that it let in before it signed in again', async () => {
      const server = await newServer()
      const { laptop, phone } = await withTwo(server)
      const tablet = await signedIn(server, ada, USER_AGENTS.tablet)
      await letIn(server, laptop, tablet)
      const { token } = (await sessionOf(laptop))!
      await signedIn(server, ada, USER_AGENTS.laptop, laptop)
      await server.adapter.deleteMany({ model: 'session', where: [{ field: 'token', value: token }] })
      const id = await idOf(laptop)
      expect((await devicesOf(phone)).map(({ approvedBy }) => approvedBy)).toContain(id)
      expect(await revoke(phone, { id, andThoseItLetIn: true })).toMatchObject({ sessions: 2 })
      expect(await sessionOf(tablet)).toBeNull()
    })

    test('keeps the key and the sign-ins of the device that asks, which it let in once', async () => {
      const server = await newServer()
      const { laptop, phone } = await withTwo(server)
      await makeRecoverable(server, ada.email)
      for (const each of [laptop, phone]) await each.session()
      const [own, tablet] = [await idOf(laptop), await signedIn(server, ada, USER_AGENTS.tablet)]
      await letIn(server, phone, laptop)
      const letInOnce = (await sessionOf(laptop))!
      // No key signs for such a session.
      await server.change('session', { principalVia: 'delegated' }, { token: letInOnce.token })
      await signedIn(server, ada, USER_AGENTS.laptop, laptop)
      await letIn(server, laptop, tablet)
      expect(await idOf(laptop)).toBe(own)
      expect(await revoke(laptop, { id: await idOf(phone), andThoseItLetIn: true })).toMatchObject({ sessions: 2 })
      expect((await server.rows('session')).map(({ token }) => token)).not.toContain(letInOnce.token)
      expect(await keyOf(server, laptop)).toMatchObject({ retiredAt: null })
      for (const each of [laptop, tablet]) expect(await sessionOf(each)).not.toBeNull()
    })

    test('ends a session that it let in while it is being revoked', async () => {
      const server = await newServer()
      const { laptop, phone } = await withTwo(server)
      const tablet = await signedIn(server, ada, USER_AGENTS.tablet)
      const by = (await sessionOf(laptop))!
      const { token } = (await sessionOf(tablet))!
      const id = await idOf(laptop)
      const { internalAdapter } = (await server.auth.$context) as unknown as {
        internalAdapter: { deleteSession(token: string): Promise<void> }
      }
      const { deleteSession } = internalAdapter
      internalAdapter.deleteSession = async (ended) => {
        if (ended === by.token) await server.change('session', { pairedBy: by.id, pairedByDevice: id }, { token })
        await deleteSession(ended)
      }
      expect(await revoke(phone, { id, andThoseItLetIn: true })).toMatchObject({ sessions: 2 })
      expect(await sessionOf(tablet)).toBeNull()
    })
  })

  describe('revoking all others', () => {
    test('ends every session but this one, and keeps its key', async () => {
      const server = await newServer()
      const { laptop, phone } = await withTwo(server)
      await laptop.session()
      await makeRecoverable(server, ada.email)
      const older = (await sessionOf(laptop))!
      await signedIn(server, ada, USER_AGENTS.laptop, laptop)
      expect(await revoke(laptop, {}, 'revoke-others')).toEqual({ sessions: 2, keys: 'none' })
      expect(await server.rows('session')).toMatchObject([{ id: (await sessionOf(laptop))!.id }])
      expect((await server.rows('session')).map(({ id }) => id)).not.toContain(older.id)
      expect(await sessionOf(phone)).toBeNull()
      expect((await keyOf(server, laptop))!['retiredAt']).toBeNull()
    })
  })

  describe('no device is revoked', () => {
    test('by a session whose sign-in is older than ten minutes, though `freshAge` is 0', async () => {
      const server = await newServer({ session: { freshAge: 0 } })
      const { laptop, phone } = await withTwo(server)
      const id = await idOf(laptop)
      const { token } = (await sessionOf(phone))!
      await server.change('session', { createdAt: ELEVEN_MINUTES_AGO() }, { token })
      expect(await revoke(phone, { id })).toBe('SESSION_NOT_FRESH')
      expect(await revoke(phone, {}, 'revoke-others')).toBe('SESSION_NOT_FRESH')
      await server.change('session', { createdAt: new Date(Date.now() - 540_000) }, { token })
      expect(await revoke(phone, { id })).toMatchObject({ sessions: 1 })
    })

    test('by an old session that switches a second factor on or off, for which it may need no password', async () => {
      const mails = mailing()
      const second = twoFactor({ allowPasswordless: true, otpOptions: { sendOTP: async () => {} } })
      const server = await newServer({ plugins: [magicLink({ sendMagicLink: (mail) => mails.send(mail) }), second] })
      const one = await newPerson(server)
      await one.browser.send('/sign-in/magic-link', post({ email: ada.email }))
      await one.browser.send(pathOf(mails.last().url))
      await server.change('session', { createdAt: ELEVEN_MINUTES_AGO() })
      const before = await sessionOf(one)
      for (const [act, body] of [
        ['enable', { method: 'otp' }],
        ['disable', {}],
      ] as const) {
        expect((await one.browser.send(`/two-factor/${act}`, post(body))).status).toBe(200)
        expect((await sessionOf(one))!.token).not.toBe(before!.token)
        expect(await revoke(one, {}, 'revoke-others')).toBe('SESSION_NOT_FRESH')
      }
    })

    test('by an old session that registers a passkey', async () => {
      const server = await newServer({ plugins: [passkey() as unknown as BetterAuthPlugin] })
      const { phone } = await withTwo(server)
      const begin = () => phone.browser.send('/passkey/generate-register-options')
      const finish = (asked: { challenge: string }) =>
        phone.browser.send(
          '/passkey/verify-registration',
          post({ response: softPasskey(ORIGIN).register(asked), createSession: true }),
        )
      const asked = (await (await begin()).json()) as { challenge: string }
      const { token } = (await sessionOf(phone))!
      await server.change('session', { createdAt: ELEVEN_MINUTES_AGO() }, { token })
      expect(await codeOf(await begin())).toBe('SESSION_NOT_FRESH')
      // One that began in time gives no younger session.
      expect((await finish(asked)).status).toBe(200)
      expect((await sessionOf(phone))!.token).not.toBe(token)
      expect(await revoke(phone, {}, 'revoke-others')).toBe('SESSION_NOT_FRESH')
      await signedIn(server, ada, USER_AGENTS.phone, phone)
      expect((await finish((await (await begin()).json()) as { challenge: string })).status).toBe(200)
    })

    test('by an old session that was revoked, while a cookie cache still has it: it registers no passkey', async () => {
      const server = await newServer({
        plugins: [passkey() as unknown as BetterAuthPlugin],
        session: { cookieCache: { enabled: true, maxAge: 300 } },
      })
      const { laptop, phone } = await withTwo(server)
      const { token } = (await sessionOf(phone))!
      await server.change('session', { createdAt: ELEVEN_MINUTES_AGO() }, { token })
      // Fills the cache.
      expect(await sessionOf(phone)).toMatchObject({ token })
      const begin = () => phone.browser.send('/passkey/generate-register-options')
      expect(await codeOf(await begin())).toBe('SESSION_NOT_FRESH')
      expect(await revoke(laptop, {}, 'revoke-others')).toMatchObject({ sessions: 1 })
      expect(await codeOf(await begin())).toBe('UNAUTHORIZED')
    })

    test('by an admin who impersonates the user, whose session is no device of the user', async () => {
      const server = await newServer({ plugins: [admin()] })
      const { laptop, phone } = await withTwo(server)
      const boss = await signedIn(server, person('boss'))
      await server.change('user', { role: 'admin' }, { email: 'boss@example.com' })
      const { id } = await userOf(server, ada.email)
      await boss.browser.send('/admin/impersonate-user', post({ userId: id }))
      expect(await revoke(boss, { id: await idOf(laptop) })).toBe('DEVICE_FORBIDDEN')
      expect(await revoke(boss, {}, 'revoke-others')).toBe('DEVICE_FORBIDDEN')
      expect(await devicesOf(phone)).toHaveLength(2)
      expect(await server.rows('session')).toHaveLength(4)
      // But it ends with the others.
      expect(await revoke(phone, {}, 'revoke-others')).toMatchObject({ sessions: 2 })
    })

    test('by a session that another device let in, until it signs in itself', async () => {
      const server = await newServer()
      const { laptop, phone } = await withTwo(server)
      const id = await idOf(laptop)
      await letIn(server, laptop, phone)
      expect(await revoke(phone, { id })).toBe('SESSION_NOT_FRESH')
      expect(await revoke(phone, {}, 'revoke-others')).toBe('SESSION_NOT_FRESH')
      await signedIn(server, ada, USER_AGENTS.phone, phone)
      expect(await revoke(phone, { id })).toMatchObject({ sessions: 1 })
    })

    test('by a session that another one approved with a code (RFC 8628)', async () => {
      const server = await newServer({ plugins: [deviceAuthorization({ verificationUri: '/device' }), bearer()] })
      const { laptop } = await withTwo(server)
      const { send } = await approvedByCode(server, laptop)
      const listed = (await (await send('/latchkey/devices')).json()) as DevicesAnswer
      expect(listed.devices).toHaveLength(3)
      expect(await codeOf(await send('/latchkey/devices/revoke-others', {}))).toBe('SESSION_NOT_FRESH')
      expect(await codeOf(await send('/revoke-other-sessions', {}))).toBe('SESSION_PAIRED')
    })

    test('by an old session that approves a code for its own browser, even if a hook has read it', async () => {
      const readsSession = createAuthMiddleware(async (ctx) => void (await getSessionFromCtx(ctx)))
      const plugins = [deviceAuthorization({ verificationUri: '/device' }), bearer()]
      const server = await newServer({ plugins, hooks: { before: readsSession } })
      const { phone } = await withTwo(server)
      await server.change('session', { createdAt: ELEVEN_MINUTES_AGO() })
      const { send } = await approvedByCode(server, phone, phone.browser)
      phone.browser.cookies.clear()
      expect(await codeOf(await send('/latchkey/devices/revoke-others', {}))).toBe('SESSION_NOT_FRESH')
    })
  })

  test('a session that another one approved with a code (RFC 8628) gets no API key', async () => {
    const server = await newServer({
      plugins: [
        deviceAuthorization({ verificationUri: '/device' }),
        bearer(),
        apiKey({ enableSessionForAPIKeys: true }),
      ],
    })
    const { laptop } = await withTwo(server)
    const { send } = await approvedByCode(server, laptop)
    expect(await codeOf(await send('/api-key/create', {}))).toBe('SESSION_PAIRED')
    expect(await server.rows('apikey')).toEqual([])
    expect((await laptop.browser.send('/api-key/create', post({}))).status).toBe(200)
  })

  test('a session that another one approved with a code (RFC 8628) binds no open account to its key', async () => {
    const server = await newServer({ plugins: [deviceAuthorization({ verificationUri: '/device' }), bearer()] })
    const owner = await newPerson(server)
    await owner.browser.send('/sign-up/email', post(ada))
    const { send } = await approvedByCode(server, owner)
    const device = await testDevice()
    const { nonce } = (await (await send('/latchkey/challenge', { purpose: 'bind' })).json()) as { nonce: string }
    const proof = await device.proof({ audience: AUDIENCE, purpose: 'bind', nonce })
    expect(await codeOf(await send('/latchkey/bind', { nonce }, { [PROOF_HEADER]: proof }))).toBe('PRINCIPAL_FIXED')
    expect(await (await send('/latchkey/session')).json()).toMatchObject({ session: { open: true } })
    expect(await codeOf(await send('/token'))).toBe('ACCOUNT_OPEN')
    expect(await userOf(server)).toMatchObject({ principal: null, principalOpen: true })
  })

  test('with multi-session, each user of the browser has devices of their own, and is revoked alone', async () => {
    const server = await newServer({ plugins: [multiSession()] })
    await signedIn(server, ben)
    const shared = await signedIn(server, ada, USER_AGENTS.laptop)
    const adas = (await sessionOf(shared))!
    const phone = await signedIn(server, ada, USER_AGENTS.phone)
    await signedIn(server, ben, USER_AGENTS.laptop, shared)
    expect(await devicesOf(shared)).toHaveLength(2)
    const active = await shared.browser.send('/multi-session/set-active', post({ sessionToken: adas.token }))
    expect(active.status).toBe(200)
    expect(await devicesOf(shared)).toHaveLength(2)
    // Revoking the shared browser ends this user's session there, and not the other user's.
    expect(await revoke(phone, { id: await idOf(shared) })).toMatchObject({ sessions: 1 })
    const left = (await server.rows('session')).map(({ userId }) => userId)
    const [adasId, bensId] = [(await userOf(server, ada.email))['id'], (await userOf(server, ben.email))['id']]
    expect(left.sort()).toEqual([adasId, bensId, bensId].sort())
  })

  test('with multi-session, a sign-out ends the sessions of every user of the browser, and forgets it', async () => {
    const server = await newServer({ plugins: [multiSession()] })
    await signedIn(server, ben)
    const shared = await signedIn(server, ada, USER_AGENTS.laptop)
    await signedIn(server, ben, USER_AGENTS.laptop, shared)
    expect(await server.rows('session')).toHaveLength(3)
    await shared.browser.send('/sign-out', post({}))
    expect(await server.rows('session')).toHaveLength(1)
    expect([...shared.browser.cookies.keys()].filter((name) => name.includes('latchkey'))).toEqual([])
  })

  test('a key that was revoked is disabled, though its row in the lock is missing', async () => {
    const server = await newServer()
    const { laptop, phone } = await withTwo(server)
    await laptop.session()
    await makeRecoverable(server, ada.email)
    await revoke(phone, { id: await idOf(laptop) })
    const { principal, thumbprint } = laptop.device
    await server.adapter.deleteMany({ model: 'latchkeyPrincipal', where: [{ field: 'principal', value: principal }] })
    expect(await statusOf(principalStore(server.adapter, new Date()), principal, thumbprint)).toBe('disabled')
  })
})

test('`sid` is the documented hash', async () => {
  // printf 'latchkey/v1/sidabc' | openssl dgst -sha256 -binary | head -c 16 | basenc --base64url
  expect(await sidOf('abc')).toBe('hznFvqcRxu9_rkRKhYAW4w')
})
