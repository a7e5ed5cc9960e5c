import type { AuthContext } from 'better-auth'
import { apiKey } from '@better-auth/api-key'
import { passkey } from '@better-auth/passkey'
import { createAuthMiddleware, getSessionFromCtx } from 'better-auth/api'
import {
  admin,
  anonymous,
  bearer,
  deviceAuthorization,
  emailOTP,
  magicLink,
  phoneNumber,
  twoFactor,
  username,
} from 'better-auth/plugins'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { manualClock, testDevice } from '../../../lib/testing.ts'
import { PROOF_HEADER, type PairedDevice } from '../index.ts'
import { hasGrant } from '../binding/grant-store.ts'
import { onEachEngine } from '../testing/engines.testing.ts'
import { openSqlite } from '../testing/database.testing.ts'
import { bindTo, link } from '../testing/link.testing.ts'
import { devicesOf, idOf } from '../testing/devices.testing.ts'
import {
  approve,
  grantFor,
  memoryStorage,
  pairCall,
  redeem,
  withPairing,
  withdraw,
} from '../testing/pairing.testing.ts'
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
import { HAS_REDIS, sharedRedis } from '../testing/redis.testing.ts'
import { AUDIENCE, ORIGIN, type TestServer, person, testServer } from '../testing/server.testing.ts'

const ada = person('ada')

async function signedUp(server: TestServer, user = ada): Promise<Person> {
  const one = await newPerson(server)
  expect((await one.prove('/sign-up/email', user)).status).toBe(200)
  return one
}

/** A device that was let in. */
async function pairedWith(server: TestServer, one: Person): Promise<Person> {
  const fresh = await newPerson(server)
  expect((await redeem(fresh, await grantFor(one, fresh.device))).status).toBe(200)
  return fresh
}

const sessionsOf = (server: TestServer) => server.rows('session')
const refused = async (response: Response): Promise<unknown> => [response.status, await codeOf(response)]
const INVALID = [403, 'GRANT_INVALID']

onEachEngine((newServer) => {
  const open = (): Promise<TestServer> => newServer({ plugins: withPairing() })

  describe('a grant', () => {
    test('gives the new device a session of the account, with the creation time and the expiry of the session that let it in', async () => {
      const told: PairedDevice[] = []
      const server = await newServer({ plugins: withPairing({ onDevicePaired: (device) => void told.push(device) }) })
      const one = await signedUp(server)
      const createdAt = new Date(Date.now() - 300_000)
      await server.change('session', { createdAt })
      const fresh = await newPerson(server)
      const grant = await grantFor(one, fresh.device)
      const inspected = await fresh.browser.send(
        '/latchkey/pair/inspect',
        await pairCall(fresh.device, fresh.device.thumbprint, { grant }),
      )
      const { id } = await userOf(server)
      expect(await inspected.json()).toEqual({ accountId: id, principal: one.device.principal, identifiers: [] })
      expect(await sessionsOf(server)).toHaveLength(1)
      expect((await redeem(fresh, grant)).status).toBe(200)
      expect(await fresh.session()).toMatchObject({ principal: one.device.principal, provenBy: null })
      const [approver, paired] = (await sessionsOf(server)).sort((left) => (left['pairedBy'] === null ? -1 : 1))
      expect(paired).toMatchObject({
        pairedBy: approver!['id'],
        principalVia: 'delegated',
        createdAt: approver!['createdAt'],
        expiresAt: approver!['expiresAt'],
      })
      expect(new Date(paired!['createdAt'] as Date)).toEqual(createdAt)
      expect(told).toMatchObject([{ userId: id, sessionId: paired!['id'], approvedBy: approver!['id'] }])
      const acts = (await server.rows('latchkeyAudit')).map(({ act }) => String(act).split(':')[0])
      expect(acts.filter((act) => act === 'pair')).toHaveLength(1)
    })

    test('names the device that gave it, also after that one signed in again', async () => {
      const server = await open()
      const one = await signedUp(server)
      await pairedWith(server, one)
      await server.adapter.deleteMany({ model: 'session', where: [{ field: 'pairedBy', value: null }] })
      expect((await one.prove('/sign-in/email', ada)).status).toBe(200)
      const id = await idOf(one)
      expect((await devicesOf(one)).map(({ approvedBy }) => approvedBy)).toContain(id)
      expect(await sessionsOf(server)).toContainEqual(expect.objectContaining({ pairedByDevice: id }))
    })

    test('is not in the database: only its hash is', async () => {
      const server = await open()
      const one = await signedUp(server)
      const grant = await grantFor(one, await testDevice())
      expect(JSON.stringify(await server.rows('latchkeyGrant'))).not.toContain(grant)
    })

    test('works once', async () => {
      const server = await open()
      const one = await signedUp(server)
      const fresh = await newPerson(server)
      const grant = await grantFor(one, fresh.device)
      expect((await redeem(fresh, grant)).status).toBe(200)
      expect(await refused(await redeem(fresh, grant))).toEqual(INVALID)
      expect(await sessionsOf(server)).toHaveLength(2)
    })

    test('of ten requests at once, one gets a session', async () => {
      const server = await open()
      const one = await signedUp(server)
      const fresh = await newPerson(server)
      const grant = await grantFor(one, fresh.device)
      const answers = await Promise.all(Array.from({ length: 10 }, () => redeem(fresh, grant)))
      expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 9 }, () => 403)])
      expect(await sessionsOf(server)).toHaveLength(2)
    })

    test('works for one key only', async () => {
      const server = await open()
      const one = await signedUp(server)
      const [fresh, thief] = [await newPerson(server), await newPerson(server)]
      const grant = await grantFor(one, fresh.device)
      expect(await refused(await redeem(thief, grant))).toEqual(INVALID)
      const forged = await pairCall(thief.device, fresh.device.thumbprint, { grant })
      expect(await refused(await thief.browser.send('/latchkey/pair/redeem', forged))).toEqual([
        401,
        'PROOF_PAIR_MISMATCH',
      ])
      expect(await sessionsOf(server)).toHaveLength(1)
      expect((await redeem(fresh, grant)).status).toBe(200)
    })

    test('ends with a sign-out of the session that gave it', async () => {
      const server = await open()
      const one = await signedUp(server)
      const fresh = await newPerson(server)
      const grant = await grantFor(one, fresh.device)
      expect((await one.browser.send('/sign-out', post({}))).status).toBe(200)
      expect(await server.rows('latchkeyGrant')).toEqual([])
      expect(await refused(await redeem(fresh, grant))).toEqual(INVALID)
    })

    test('is worth nothing once its session, binding or user is another', async () => {
      const server = await newServer({ plugins: [...withPairing(), admin()] })
      const one = await signedUp(server)
      const fresh = await newPerson(server)
      const grant = await grantFor(one, fresh.device)
      const [{ expiresAt }] = (await sessionsOf(server)) as [{ expiresAt: Date }]
      const [{ principalEpoch }] = (await server.rows('user')) as [{ principalEpoch: string }]
      const past = new Date(Date.now() - 1000)
      for (const [table, change, back] of [
        ['session', { expiresAt: past }, { expiresAt }],
        ['user', { principalEpoch: 'another' }, { principalEpoch }],
        ['user', { banned: true }, { banned: false }],
        [
          'user',
          { emailVerified: true, principalMailboxBy: 'contested' },
          { emailVerified: false, principalMailboxBy: null },
        ],
      ] as const) {
        await server.change(table, change)
        expect(await refused(await redeem(fresh, grant)), JSON.stringify(change)).toEqual(INVALID)
        await server.change(table, back)
      }
      expect(await sessionsOf(server)).toHaveLength(1)
      expect((await redeem(fresh, grant)).status).toBe(200)
    })

    test('gives no session if the one that gave it ends meanwhile', async () => {
      const server = await open()
      const one = await signedUp(server)
      const fresh = await newPerson(server)
      const grant = await grantFor(one, fresh.device)
      // The hook runs between the two looks.
      const context = (await server.auth.$context) as unknown as {
        internalAdapter: { createSession(...given: unknown[]): Promise<unknown> }
      }
      const create = context.internalAdapter.createSession
      context.internalAdapter.createSession = async (...given) => {
        const made = await create(...given)
        await server.adapter.deleteMany({ model: 'session', where: [{ field: 'pairedBy', value: null }] })
        return made
      }
      const answer = await redeem(fresh, grant)
      expect(await refused(answer)).toEqual(INVALID)
      expect(answer.headers.getSetCookie()).toEqual([])
      expect(await sessionsOf(server)).toEqual([])
    })

    test('is withdrawn by the session that gave it, and by no other one', async () => {
      const server = await open()
      const one = await signedUp(server)
      const eve = await signedUp(server, person('eve'))
      const fresh = await newPerson(server)
      const grant = await grantFor(one, fresh.device)
      expect(await withdraw(eve, grant)).toEqual({ withdrawn: false })
      const stranger = await fresh.browser.send('/latchkey/pair/withdraw', post({ grant }))
      expect(stranger.status).toBe(401)
      for (const [more, code] of [
        [{ origin: 'https://evil.example' }, 'INVALID_ORIGIN'],
        [{ 'sec-fetch-mode': 'navigate' }, 'CROSS_SITE_FORBIDDEN'],
      ] as const) {
        const asked = post({ grant }, { ...cookieOf(one), ...more })
        const answer = await server.handler(new Request(`${AUDIENCE}/latchkey/pair/withdraw`, asked))
        expect(await refused(answer)).toEqual([403, code])
      }
      expect(await server.rows('latchkeyGrant')).toHaveLength(1)
      expect(await withdraw(one, grant)).toEqual({ withdrawn: true })
      expect(await server.rows('latchkeyGrant')).toEqual([])
      expect(await refused(await redeem(fresh, grant))).toEqual(INVALID)
      expect(await withdraw(one, grant)).toEqual({ withdrawn: false })
      expect(await sessionsOf(server)).toHaveLength(2)
    })

    test('that was used is not withdrawn: the answer says so, and the session stays', async () => {
      const server = await open()
      const one = await signedUp(server)
      const fresh = await newPerson(server)
      const grant = await grantFor(one, fresh.device)
      expect((await redeem(fresh, grant)).status).toBe(200)
      expect(await withdraw(one, grant)).toEqual({ withdrawn: false })
      expect(await sessionsOf(server)).toHaveLength(2)
    })

    test('that is being used is not withdrawn either: nothing is half done', async () => {
      const server = await open()
      const one = await signedUp(server)
      const fresh = await newPerson(server)
      const grant = await grantFor(one, fresh.device)
      const { internalAdapter } = (await server.auth.$context) as unknown as {
        internalAdapter: { createSession(...given: unknown[]): Promise<unknown> }
      }
      const create = internalAdapter.createSession
      let meanwhile = 0
      internalAdapter.createSession = async (...given) => {
        meanwhile++
        expect(await withdraw(one, grant)).toEqual({ withdrawn: false })
        return create(...given)
      }
      expect((await redeem(fresh, grant)).status).toBe(200)
      expect(meanwhile).toBe(1)
      expect(await sessionsOf(server)).toHaveLength(2)
    })

    test.each(['/latchkey/devices/revoke-others', '/revoke-other-sessions'])(
      'is withdrawn when the session that gave it ends all others, by %s',
      async (path) => {
        const server = await open()
        const one = await signedUp(server)
        const fresh = await newPerson(server)
        const grant = await grantFor(one, fresh.device)
        expect((await one.browser.send(path, post({}))).status).toBe(200)
        expect(await refused(await redeem(fresh, grant))).toEqual(INVALID)
        expect(await sessionsOf(server)).toHaveLength(1)
      },
    )

    test('is withdrawn, too, when that session ends all others by its bearer token', async () => {
      const server = await newServer({ plugins: [...withPairing(), bearer()] })
      const one = await signedUp(server)
      const fresh = await newPerson(server)
      const grant = await grantFor(one, fresh.device)
      const { token } = (await sessionsOf(server))[0]!
      one.browser.cookies.clear()
      const headers = { authorization: `Bearer ${String(token)}` }
      expect((await one.browser.send('/revoke-other-sessions', post({}, headers))).status).toBe(200)
      expect(await refused(await redeem(fresh, grant))).toEqual(INVALID)
      expect(await sessionsOf(server)).toHaveLength(1)
    })

    test.each(['/latchkey/devices/revoke-others', '/revoke-other-sessions'])(
      'that is being used then gives no session that outlasts %s',
      async (path) => {
        const server = await open()
        const one = await signedUp(server)
        const fresh = await newPerson(server)
        const grant = await grantFor(one, fresh.device)
        const { internalAdapter } = (await server.auth.$context) as unknown as {
          internalAdapter: { createSession(...given: unknown[]): Promise<unknown> }
        }
        const create = internalAdapter.createSession
        // All others are ended after the grant was used up, and before there is a session to end.
        internalAdapter.createSession = async (...given) => {
          expect((await one.browser.send(path, post({}))).status).toBe(200)
          return create(...given)
        }
        expect(await refused(await redeem(fresh, grant))).toEqual(INVALID)
        expect(await sessionsOf(server)).toHaveLength(1)
      },
    )

    test('counts as a way in while it lasts', async () => {
      const mails = mailing()
      const server = await newServer({
        plugins: [...withPairing(), magicLink({ sendMagicLink: async (mail) => mails.send(mail) })],
        emailVerification: { sendVerificationEmail: async (mail) => mails.send(mail) },
      })
      const eve = await signedUp(server)
      await grantFor(eve, await testDevice())
      await eve.browser.send('/send-verification-email', post({ email: ada.email }))
      expect((await eve.browser.send(pathOf(mails.last().url))).status).toBe(200)
      const owner = await newPerson(server)
      await owner.browser.send('/sign-in/magic-link', post({ email: ada.email }))
      expect((await owner.browser.send(pathOf(mails.last().url))).status).toBeLessThan(400)
      await server.adapter.deleteMany({ model: 'account', where: [] })
      const { id } = (await owner.session())!
      await server.adapter.deleteMany({ model: 'session', where: [{ field: 'id', operator: 'ne', value: id }] })
      const { nonce } = (await (await owner.browser.send('/latchkey/challenge', post({ purpose: 'link' }))).json()) as {
        nonce: string
      }
      const linkTo = (await owner.session())!.principal
      const proof = await owner.device.proof({ audience: AUDIENCE, purpose: 'link', nonce, linkTo })
      const answer = await owner.browser.send('/latchkey/link', post({ nonce }, { [PROOF_HEADER]: proof }))
      expect(await answer.json()).toMatchObject({ code: 'ACCOUNT_HANDED_OVER', remaining: ['device', 'grant'] })
    })
  })
})

describe('a grant', () => {
  test('expires after two minutes', async () => {
    const clock = manualClock(Date.now())
    const server = await testServer({ plugins: withPairing({}, { clock: clock.now }) })
    const one = await signedUp(server)
    const fresh = await newPerson(server)
    const grant = await grantFor(one, fresh.device)
    clock.advance(120_000)
    const now = clock.now() / 1000
    const { thumbprint } = fresh.device
    const proof = await fresh.device.proof({ audience: AUDIENCE, purpose: 'pair', pairTo: thumbprint, now })
    const call = post({ grant, thumbprint }, { [PROOF_HEADER]: proof })
    expect(await refused(await fresh.browser.send('/latchkey/pair/redeem', call))).toEqual(INVALID)
  })

  test('that was used or replaced is no way in', async () => {
    const server = await testServer({ plugins: withPairing() })
    const one = await signedUp(server)
    const { id } = await userOf(server)
    const fresh = await newPerson(server)
    await grantFor(one, fresh.device)
    const grant = await grantFor(one, fresh.device)
    expect(await hasGrant(server.adapter, id as string)).toBe(true)
    expect((await redeem(fresh, grant)).status).toBe(200)
    expect(await hasGrant(server.adapter, id as string)).toBe(false)
  })

  test('replaces the one before of the same session', async () => {
    const server = await testServer({ plugins: withPairing() })
    const one = await signedUp(server)
    const fresh = await newPerson(server)
    const first = await grantFor(one, fresh.device)
    const second = await grantFor(one, fresh.device)
    expect(await refused(await redeem(fresh, first))).toEqual(INVALID)
    expect((await redeem(fresh, second)).status).toBe(200)
    await grantFor(one, await testDevice())
    // The device that gave them learns which of them was used.
    expect(await withdraw(one, first)).toEqual({ withdrawn: true })
    expect(await withdraw(one, second)).toEqual({ withdrawn: false })
  })

  test('is given by sessions that exist only in a secondary storage, too', async () => {
    const server = await testServer({
      plugins: withPairing(),
      secondaryStorage: { ...memoryStorage(), getAndDelete: async () => null },
    })
    const one = await signedUp(server)
    const fresh = await newPerson(server)
    expect((await redeem(fresh, await grantFor(one, fresh.device))).status).toBe(200)
    expect(await fresh.session()).toMatchObject({ principal: one.device.principal })
  })

  describe.skipIf(!HAS_REDIS)('of sessions that exist only in a Redis', () => {
    const redis = sharedRedis()

    test('is used once, of ten requests at once on two servers, and gives a session there', async () => {
      const database = openSqlite()
      const at = (): Promise<TestServer> =>
        testServer({ plugins: withPairing(), secondaryStorage: redis.open('sessions') }, database)
      const servers = [await at(), await at()]
      const one = await signedUp(servers[0]!)
      const { device } = await newPerson(servers[0]!)
      const grant = await grantFor(one, device)
      const rivals = servers.map((server) => ({ browser: server.browser(), device }))
      const answers = await Promise.all(
        Array.from({ length: 10 }, async (_, index) => {
          const { browser } = rivals[index % 2]!
          return browser.send('/latchkey/pair/redeem', await pairCall(device, device.thumbprint, { grant }))
        }),
      )
      expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 9 }, () => 403)])
      const found = await Promise.all(
        rivals.map(async ({ browser }) => (await browser.send('/get-session')).json() as Promise<unknown>),
      )
      expect(found.filter(Boolean)).toMatchObject([{ session: { pairedBy: expect.any(String) } }])
    })

    test('is withdrawn or used, never both, and ends with the session that gave it', async () => {
      const server = await testServer({ plugins: withPairing(), secondaryStorage: redis.open() })
      const one = await signedUp(server)
      for (let round = 0; round < 6; round++) {
        const fresh = await newPerson(server)
        const grant = await grantFor(one, fresh.device)
        // Each is the first one in half of the rounds.
        const using = round % 2 === 0 ? redeem(fresh, grant) : undefined
        const withdrawing = withdraw(one, grant)
        const [withdrawal, use] = await Promise.all([withdrawing, using ?? redeem(fresh, grant)])
        expect([withdrawal, use.status]).toEqual(
          use.status === 200 ? [{ withdrawn: false }, 200] : [{ withdrawn: true }, 403],
        )
      }
      const last = await newPerson(server)
      const grant = await grantFor(one, last.device)
      expect((await one.browser.send('/sign-out', post({}))).status).toBe(200)
      expect(await refused(await redeem(last, grant))).toEqual(INVALID)
    })
  })

  test('is withdrawn with the user, and when a key is revoked', async () => {
    const server = await testServer({ plugins: withPairing(), user: { deleteUser: { enabled: true } } })
    const one = await signedUp(server)
    await server.change('user', { emailVerified: true, principalMailbox: ada.email })
    await grantFor(one, await testDevice())
    const { thumbprint } = one.device
    expect((await one.browser.send('/latchkey/keys/revoke', post({ thumbprint }))).status).toBe(200)
    expect(await server.rows('latchkeyGrant')).toEqual([])
  })

  test('a hook that does not end keeps no device out', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const onDevicePaired = vi.fn(() => new Promise<void>(() => {}))
    const server = await testServer({ plugins: withPairing({ onDevicePaired }) })
    const one = await signedUp(server)
    const fresh = await newPerson(server)
    const answer = redeem(fresh, await grantFor(one, fresh.device))
    await vi.waitFor(() => expect(onDevicePaired).toHaveBeenCalledOnce(), { timeout: 30_000 })
    await vi.advanceTimersByTimeAsync(5000)
    vi.useRealTimers()
    expect((await answer).status).toBe(200)
    expect(await fresh.session()).toMatchObject({ principal: one.device.principal })
  })

  test('a hook that fails is logged, and the device is in', async () => {
    const onDevicePaired = vi.fn(() => Promise.reject(new Error('no mail')))
    const server = await testServer({ plugins: withPairing({ onDevicePaired }) })
    await pairedWith(server, await signedUp(server))
    expect(onDevicePaired).toHaveBeenCalledOnce()
  })
})

describe('no grant is given', () => {
  const denied = async (one: Person): Promise<unknown> => refused(await approve(one, (await testDevice()).thumbprint))

  test('ten minutes after the sign-in, whatever freshAge is', async () => {
    for (const freshAge of [undefined, 0, 86_400]) {
      const server = await testServer({
        plugins: withPairing(),
        ...(freshAge !== undefined && { session: { freshAge } }),
      })
      const one = await signedUp(server)
      await server.change('session', { createdAt: new Date(Date.now() - 600_000) })
      expect(await denied(one)).toEqual([403, 'SESSION_NOT_FRESH'])
      await server.change('session', { createdAt: new Date(Date.now() - 540_000) })
      expect((await approve(one, (await testDevice()).thumbprint)).status).toBe(200)
    }
  })

  test('by a session that another one let in, before a sign-in of its own', async () => {
    const server = await testServer({ plugins: withPairing() })
    const fresh = await pairedWith(server, await signedUp(server))
    expect(await denied(fresh)).toEqual([403, 'SESSION_PAIRED'])
    expect((await fresh.prove('/sign-in/email', ada)).status).toBe(200)
    expect((await approve(fresh, (await testDevice()).thumbprint)).status).toBe(200)
  })

  test('without a session', async () => {
    const server = await testServer({ plugins: withPairing() })
    expect((await approve(await newPerson(server), (await testDevice()).thumbprint)).status).toBe(401)
  })

  test('by an admin who impersonates the user', async () => {
    const server = await testServer({ plugins: [...withPairing(), admin()] })
    const boss = await signedUp(server, person('boss'))
    await server.change('user', { role: 'admin' }, { email: 'boss@example.com' })
    await signedUp(server)
    const { id } = await userOf(server, ada.email)
    expect((await boss.browser.send('/admin/impersonate-user', post({ userId: id }))).status).toBe(200)
    expect(await denied(boss)).toEqual([403, 'GRANT_FORBIDDEN'])
  })

  test('by a user of the anonymous plugin', async () => {
    const server = await testServer({ plugins: [...withPairing(), anonymous()] })
    const one = await newPerson(server)
    expect((await one.browser.send('/sign-in/anonymous', post({}))).status).toBe(200)
    expect(await denied(one)).toEqual([403, 'GRANT_FORBIDDEN'])
  })

  test('by a banned user, and while the mailbox decides about the binding', async () => {
    const server = await testServer({ plugins: [...withPairing(), admin()] })
    const one = await signedUp(server)
    await server.change('user', { banned: true })
    expect(await denied(one)).toEqual([403, 'GRANT_FORBIDDEN'])
    await server.change('user', { banned: false, emailVerified: true, principalMailboxBy: 'contested' })
    expect(await denied(one)).toEqual([403, 'GRANT_FORBIDDEN'])
  })

  test('without the key that signed the sign-in: a stolen cookie is not enough', async () => {
    const server = await testServer({ plugins: withPairing() })
    const one = await signedUp(server)
    const thief = { ...one, device: await testDevice() }
    expect(await denied(thief)).toEqual([403, 'GRANT_FORBIDDEN'])
  })

  test('with a revoked key', async () => {
    const server = await testServer({ plugins: withPairing() })
    const one = await signedUp(server)
    await one.session()
    await server.change('latchkeyKey', { retiredAt: new Date() })
    expect(await denied(one)).toEqual([409, 'PROOF_KEY_REVOKED'])
  })

  test('for a proof of another purpose, for another device, or used before', async () => {
    const server = await testServer({ plugins: withPairing() })
    const one = await signedUp(server)
    const { thumbprint } = await testDevice()
    const send = (init: RequestInit): Promise<Response> => one.browser.send('/latchkey/pair/grant', init)
    expect(await refused(await send(post({ thumbprint }, await proofOf(one.device))))).toEqual([
      401,
      'PROOF_PURPOSE_MISMATCH',
    ])
    const other = await pairCall(one.device, (await testDevice()).thumbprint, { thumbprint })
    expect(await refused(await send(other))).toEqual([401, 'PROOF_PAIR_MISMATCH'])
    const own = await pairCall(one.device, one.device.thumbprint)
    expect(await refused(await send(own))).toEqual([401, 'PROOF_PAIR_MISMATCH'])
    const once = await pairCall(one.device, thumbprint)
    expect((await send(once)).status).toBe(200)
    expect(await refused(await send(once))).toEqual([401, 'PROOF_REPLAYED'])
    expect((await send(post({ thumbprint }))).status).toBe(401)
  })
})

describe('no session is given to', () => {
  test.each<[string, Record<string, string>]>([
    ['a page of another origin', { origin: 'https://evil.example' }],
    ['a request that does not say its origin', { origin: '' }],
    ['a navigation', { origin: ORIGIN, 'sec-fetch-mode': 'navigate' }],
  ])('%s', async (_, { origin, ...more }) => {
    const server = await testServer({ plugins: withPairing() })
    const one = await signedUp(server)
    const { device } = await newPerson(server)
    const grant = await grantFor(one, device)
    for (const path of ['inspect', 'redeem']) {
      const init = await pairCall(device, device.thumbprint, { grant }, { ...more, ...(origin && { origin }) })
      const answer = await server.handler(new Request(`${AUDIENCE}/latchkey/pair/${path}`, init))
      expect(await refused(answer)).toEqual([403, 'CROSS_SITE_FORBIDDEN'])
    }
    const cookie = [...one.browser.cookies].map((pair) => pair.join('=')).join('; ')
    const init = await pairCall(one.device, device.thumbprint, {}, { ...more, cookie, ...(origin && { origin }) })
    expect((await server.handler(new Request(`${AUDIENCE}/latchkey/pair/grant`, init))).status).toBe(403)
    expect(await sessionsOf(server)).toHaveLength(1)
  })

  test('a proof in the body', async () => {
    const server = await testServer({ plugins: withPairing() })
    const one = await signedUp(server)
    const { device, browser } = await newPerson(server)
    const grant = await grantFor(one, device)
    const { thumbprint } = device
    const proof = await device.proof({ audience: AUDIENCE, purpose: 'pair', pairTo: thumbprint })
    const body = { grant, thumbprint, [PROOF_HEADER]: proof, proof }
    expect((await browser.send('/latchkey/pair/redeem', post(body))).status).toBe(401)
    expect(await sessionsOf(server)).toHaveLength(1)
  })
})

describe('a session that another one let in', () => {
  test('ends no other session, revokes no key and deletes nothing, before a sign-in of its own', async () => {
    const plugins = [
      ...withPairing(),
      passkey({ rpID: 'notes.example', rpName: 'Notes', origin: ORIGIN }),
      apiKey(),
      phoneNumber({ sendOTP: async () => {} }),
      username(),
    ]
    const server = await testServer({ plugins, user: { deleteUser: { enabled: true } } })
    const one = await signedUp(server)
    await server.change('user', { emailVerified: true, principalMailbox: ada.email })
    const fresh = await pairedWith(server, one)
    const token = (await sessionsOf(server)).find(({ pairedBy }) => pairedBy === null)!['token']
    const [account] = await server.rows('account')
    for (const [path, body] of [
      ['/revoke-session', { token }],
      ['/revoke-sessions', {}],
      ['/revoke-other-sessions', {}],
      ['/delete-user', { password: ada.password }],
      ['/unlink-account', { accountId: String(account!['id']) }],
      ['/passkey/delete-passkey', { id: 'hers' }],
      ['/latchkey/keys/revoke', { thumbprint: one.device.thumbprint }],
      ['/latchkey/unlink', { alias: one.device.principal }],
      ['/api-key/delete', { keyId: 'hers' }],
      ['/api-key/update', { keyId: 'hers', enabled: false }],
      ['/update-user', { phoneNumber: null }],
      ['/update-user', { username: 'eve_was_here' }],
    ] as const)
      expect(await refused(await fresh.browser.send(path, post(body))), path).toEqual([403, 'SESSION_PAIRED'])
    expect(await sessionsOf(server)).toHaveLength(2)
    expect((await fresh.browser.send('/update-user', post({ name: 'Ada L.' }))).status).toBe(200)
    expect((await fresh.browser.send('/sign-out', post({}))).status).toBe(200)
    expect((await fresh.browser.send('/sign-in/email', post(ada))).status).toBe(200)
    const own = { phoneNumber: null, username: 'ada_l' }
    expect((await fresh.browser.send('/update-user', post(own))).status).toBe(200)
    expect((await fresh.browser.send('/revoke-other-sessions', post({}))).status).toBe(200)
    expect(await sessionsOf(server)).toHaveLength(1)
  })

  test('binds no open account to its own key, and leaves it open for the user who let it in', async () => {
    const server = await testServer({ plugins: withPairing() })
    const one = await newPerson(server)
    await one.browser.send('/sign-up/email', post(ada))
    const fresh = await pairedWith(server, one)
    expect(await refused(await bindTo(fresh.browser, fresh.device))).toEqual([409, 'PRINCIPAL_FIXED'])
    const { id } = await userOf(server)
    expect(await fresh.session()).toMatchObject({ principal: id, open: true })
    expect(await refused(await fresh.browser.send('/token'))).toEqual([409, 'ACCOUNT_OPEN'])
    expect(await refused(await link(fresh, fresh.device))).toEqual([409, 'ACCOUNT_OPEN'])
    expect(await userOf(server)).toMatchObject({ principal: null, principalOpen: true })
    expect((await bindTo(one.browser, one.device)).status).toBe(200)
    expect(await one.session()).toMatchObject({ principal: one.device.principal })
    expect(await fresh.session()).toMatchObject({ principal: one.device.principal, aliases: [id] })
    expect((await fresh.browser.send('/token')).status).toBe(200)
    expect((await link(fresh, fresh.device)).status).toBe(200)
  })

  describe('gets no way in that lasts longer, before a sign-in of its own:', () => {
    const plugins = () => [
      ...withPairing(),
      admin(),
      apiKey({ enableSessionForAPIKeys: true }),
      bearer(),
      deviceAuthorization({ verificationUri: '/device' }),
      emailOTP({ sendVerificationOTP: async () => {}, changeEmail: { enabled: true } }),
      passkey({ rpID: 'notes.example', rpName: 'Notes', origin: ORIGIN }),
      phoneNumber({ sendOTP: async () => {} }),
      twoFactor({ allowPasswordless: true, otpOptions: { sendOTP: async () => {} } }),
    ]
    const options = () => ({
      plugins: plugins(),
      user: { changeEmail: { enabled: true, updateEmailWithoutVerification: true } },
      socialProviders: { google: { clientId: 'notes', clientSecret: 'secret' } },
    })

    test('it approves no other device with a code (RFC 8628)', async () => {
      const server = await testServer(options())
      const fresh = await pairedWith(server, await signedUp(server))
      const asked = await server.browser().send('/device/code', post({ client_id: 'tv' }))
      const { user_code: userCode } = (await asked.json()) as { user_code: string }
      expect((await fresh.browser.send(`/device?user_code=${userCode}`)).status).toBe(200)
      expect(await refused(await fresh.browser.send('/device/approve', post({ userCode })))).toEqual([
        403,
        'SESSION_PAIRED',
      ])
    })

    test('it does not read the tokens of other sessions', async () => {
      const server = await testServer(options())
      const fresh = await pairedWith(server, await signedUp(server))
      expect(await refused(await fresh.browser.send('/list-sessions'))).toEqual([403, 'SESSION_PAIRED'])
    })

    test('nor with its token in place of the cookie', async () => {
      const server = await testServer(options())
      const fresh = await pairedWith(server, await signedUp(server))
      const { token } = (await sessionsOf(server)).find(({ pairedBy }) => pairedBy !== null)!
      fresh.browser.cookies.clear()
      const headers = { authorization: `Bearer ${String(token)}` }
      expect(await refused(await fresh.browser.send('/list-sessions', { headers }))).toEqual([403, 'SESSION_PAIRED'])
      const ending = await fresh.browser.send('/revoke-other-sessions', post({}, headers))
      expect(await refused(ending)).toEqual([403, 'SESSION_PAIRED'])
      expect(await sessionsOf(server)).toHaveLength(2)
    })

    test.each(['its cookies', 'its token beside the cached session'])(
      'nor after it has ended, with %s, while a cookie cache still has it',
      async (way) => {
        const server = await testServer({ ...options(), session: { cookieCache: { enabled: true, maxAge: 300 } } })
        const fresh = await pairedWith(server, await signedUp(server))
        const { token } = (await sessionsOf(server)).find(({ pairedBy }) => pairedBy !== null)!
        expect((await fresh.browser.send('/get-session')).status).toBe(200)
        const cookies = [...fresh.browser.cookies]
        expect((await fresh.browser.send('/sign-out', post({}))).status).toBe(200)
        for (const path of ['/passkey/generate-register-options', '/list-sessions']) {
          for (const [name, value] of cookies) fresh.browser.cookies.set(name, value)
          const isToken = way !== 'its cookies'
          if (isToken) fresh.browser.cookies.delete('__Secure-better-auth.session_token')
          const headers = { ...(isToken && { authorization: `Bearer ${String(token)}` }) }
          expect(await refused(await fresh.browser.send(path, { headers })), path).toEqual([401, 'UNAUTHORIZED'])
        }
      },
    )

    test('nor while the database fails at the first look at its session', async () => {
      const server = await testServer(options())
      const fresh = await pairedWith(server, await signedUp(server))
      const { internalAdapter } = (await server.auth.$context) as unknown as AuthContext
      vi.spyOn(internalAdapter, 'findSession').mockRejectedValueOnce(new Error('connection lost'))
      expect((await fresh.browser.send('/revoke-other-sessions', post({}))).status).toBe(500)
      expect(await sessionsOf(server)).toHaveLength(2)
    })

    test('nor with its cookie behind the token of another account', async () => {
      // What `apiKey` returns puts the cookie that was sent in the place of that of `bearer`.
      const server = await testServer({
        plugins: [...withPairing(), bearer(), apiKey({ enableSessionForAPIKeys: true })],
      })
      const fresh = await pairedWith(server, await signedUp(server))
      const eve = await newPerson(server)
      const token = (await eve.prove('/sign-up/email', person('eve'))).headers.get('set-auth-token')
      const { key } = (await (await eve.browser.send('/api-key/create', post({}))).json()) as { key: string }
      const headers = { authorization: `Bearer ${token}`, 'x-api-key': key }
      const ending = await fresh.browser.send('/revoke-other-sessions', post({}, headers))
      expect(await refused(ending)).toEqual([403, 'SESSION_PAIRED'])
      expect(await sessionsOf(server)).toHaveLength(3)
    })

    test.each<[string, object?]>([
      ['/passkey/generate-register-options'],
      ['/passkey/verify-registration', { response: {} }],
      ['/link-social', { provider: 'google' }],
      ['/change-email', { newEmail: 'eve@example.com' }],
      ['/email-otp/request-email-change', { newEmail: 'eve@example.com' }],
      ['/email-otp/change-email', { newEmail: 'eve@example.com', otp: '123456' }],
      ['/phone-number/verify', { phoneNumber: '+15550100', code: '123456', updatePhoneNumber: true }],
      ['/two-factor/enable', { method: 'otp' }],
      ['/two-factor/disable', {}],
      ['/two-factor/get-totp-uri', {}],
      ['/two-factor/generate-backup-codes', {}],
      ['/api-key/create', {}],
      ['/admin/set-user-password', { userId: 'her own', newPassword: 'another horse battery' }],
      ['/admin/list-user-sessions', { userId: 'her own' }],
    ])('%s', async (path, body) => {
      const server = await testServer(options())
      const one = await signedUp(server)
      await server.change('user', { role: 'admin' })
      const fresh = await pairedWith(server, one)
      const init = body && post(body)
      expect(await refused(await fresh.browser.send(path, init))).toEqual([403, 'SESSION_PAIRED'])
      expect((await fresh.prove('/sign-in/email', ada)).status).toBe(200)
      expect(await (await fresh.browser.send(path, init)).text()).not.toContain('SESSION_PAIRED')
    })

    test('what does so for others goes on: a number that signs in, an API key in place of a session', async () => {
      const server = await testServer(options())
      const one = await signedUp(server)
      const fresh = await pairedWith(server, one)
      const number = await fresh.browser.send('/phone-number/verify', post({ phoneNumber: '+15550100', code: '1' }))
      expect(await codeOf(number)).not.toBe('SESSION_PAIRED')
      const { key } = (await (await one.browser.send('/api-key/create', post({}))).json()) as { key: string }
      const listed = await server.handler(
        new Request(`${AUDIENCE}/passkey/generate-register-options`, { headers: { 'x-api-key': key } }),
      )
      expect(listed.status).toBe(200)
    })
  })

  test('that has ended and is not cached either holds up no sign-up with a passkey', async () => {
    const registration = { requireSession: false, resolveUser: async () => ({ id: 'nobody yet', name: 'Bob' }) }
    const server = await testServer({ plugins: [...withPairing(), passkey({ registration })] })
    const fresh = await pairedWith(server, await signedUp(server))
    await server.adapter.deleteMany({ model: 'session', where: [] })
    expect(fresh.browser.cookies.has('__Secure-better-auth.session_token')).toBe(true)
    expect((await fresh.browser.send('/passkey/generate-register-options')).status).toBe(200)
  })

  test('is replaced by a sign-in of its own, even if a hook of the app has read it by then', async () => {
    const readsSession = createAuthMiddleware(async (ctx) => void (await getSessionFromCtx(ctx)))
    const server = await testServer({ plugins: withPairing(), hooks: { before: readsSession } })
    const one = await signedUp(server)
    const fresh = await pairedWith(server, one)
    expect((await fresh.prove('/sign-in/email', ada)).status).toBe(200)
    expect(await fresh.session()).toMatchObject({ provenBy: fresh.device.principal })
    const { principal } = fresh.device
    expect(await sessionsOf(server)).toContainEqual(
      expect.objectContaining({ pairedBy: null, pairedByDevice: null, principalVia: `credential:${principal}` }),
    )
    expect((await fresh.browser.send('/revoke-other-sessions', post({}))).status).toBe(200)
  })

  test('goes on after the one that let it in has ended', async () => {
    const server = await testServer({ plugins: withPairing() })
    const one = await signedUp(server)
    const fresh = await pairedWith(server, one)
    await one.browser.send('/sign-out', post({}))
    expect(await fresh.session()).toMatchObject({ principal: one.device.principal })
  })

  describe.each<[string, () => Parameters<typeof testServer>[0]]>([
    ['the database', () => ({})],
    ['a secondary storage', () => ({ secondaryStorage: { ...memoryStorage(), getAndDelete: async () => null } })],
    [
      'both',
      () => ({
        secondaryStorage: { ...memoryStorage(), getAndDelete: async () => null },
        session: { storeSessionInDatabase: true },
      }),
    ],
    ['the database, with a cookie cache', () => ({ session: { cookieCache: { enabled: true, maxAge: 300 } } })],
  ])('that Better Auth renews, of %s,', (_, options) => {
    const DAY = 86_400_000
    afterEach(() => void vi.useRealTimers())

    const expiryOf = async ({ browser }: Person): Promise<number | null> => {
      const answer = await browser.send('/get-session?disableCookieCache=true')
      const found = (await answer.json()) as { session: { expiresAt: string } } | null
      return found && Date.parse(found.session.expiresAt)
    }

    async function later(): Promise<Record<'one' | 'fresh', Person> & { end: number }> {
      vi.useFakeTimers({ toFake: ['Date'] })
      const server = await testServer({ plugins: withPairing(), ...options() })
      const one = await signedUp(server)
      const fresh = await pairedWith(server, one)
      const end = (await expiryOf(fresh))!
      vi.setSystemTime(Date.now() + 2 * DAY)
      return { one, fresh, end }
    }

    test('lasts no longer than the one that let it in, and as long as that one, which is renewed too', async () => {
      const { one, fresh, end } = await later()
      await fresh.session()
      expect(await expiryOf(fresh)).toBe(end)
      const renewed = await expiryOf(one)
      expect(renewed).toBeGreaterThan(end)
      expect(await expiryOf(fresh)).toBe(renewed)
    })

    test('is not made longer once that one has ended', async () => {
      const { one, fresh, end } = await later()
      expect((await one.browser.send('/sign-out', post({}))).status).toBe(200)
      expect(await expiryOf(fresh)).toBe(end)
      expect(await fresh.session()).not.toBeNull()
      vi.setSystemTime(end + 1)
      expect(await expiryOf(fresh)).toBeNull()
    })
  })

  test('says nothing about who owns the mailbox: it neither confirms nor resets a binding', async () => {
    const server = await testServer({ plugins: withPairing() })
    const one = await signedUp(server)
    const fresh = await pairedWith(server, one)
    await server.change('user', { emailVerified: true, principalMailboxBy: 'contested' })
    expect(await fresh.session()).toMatchObject({ principal: one.device.principal })
    expect(await userOf(server)).toMatchObject({ principalMailbox: null, principalMailboxBy: 'contested' })
  })
})
