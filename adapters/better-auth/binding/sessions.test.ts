import type { AuthContext } from 'better-auth'
import { admin, twoFactor } from 'better-auth/plugins'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createBetterAuthResolver, latchkey, latchkeyJwt } from '../index.ts'
import { type TestDatabase, newPostgres, openPostgres } from '../testing/database.testing.ts'
import {
  USER_AGENTS,
  devicesOf,
  exchangedToken,
  idOf,
  revoke,
  sessionOf,
  signedIn,
  tokenOf,
} from '../testing/devices.testing.ts'
import { onEachEngine } from '../testing/engines.testing.ts'
import { cookieOf, post, userOf } from '../testing/requests.testing.ts'
import { ORIGIN, type TestServer, person, testServer } from '../testing/server.testing.ts'

const ada = person('ada')
const START = Date.UTC(2026, 0, 1)
/** As documented: how long a server may use what it knows about a session. */
const CACHED_MS = 5000

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: START })
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const plugins = () => [latchkey({ exchange: { audiences: [ORIGIN] } }), latchkeyJwt()]

/** What a server says to a token. */
function outcomes({ auth }: TestServer): (token: string) => Promise<string> {
  const resolver = createBetterAuthResolver(auth)
  return async (token) => {
    const found = await resolver.resolve({ authorization: `Bearer ${token}` })
    return found.ok ? found.session.authMode : `${found.error} ${found.reason}`
  }
}

const REFUSED = 'disabled SESSION_REVOKED'

/** Both kinds of token name the session: that of the `jwt` plugin, and that of the exchange. */
async function tokensOf(one: Awaited<ReturnType<typeof signedIn>>): Promise<readonly [string, string]> {
  return [await tokenOf(one.browser), await exchangedToken(one.browser)]
}

describe('three servers on one Postgres', () => {
  const opened: TestDatabase[] = []
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((database) => database.close()))
  })

  async function threeServers(): Promise<TestServer[]> {
    const place = await newPostgres()
    const servers: TestServer[] = []
    for (let index = 0; index < 3; index++) {
      const database = await openPostgres(true, place)
      opened.push(database)
      servers.push(await testServer({ plugins: plugins() }, database))
    }
    return servers
  }

  test('refuse a revoked device within the five seconds of their caches, and every other device continues (R5)', async () => {
    const servers = await threeServers()
    const [first] = servers as [TestServer]
    const laptop = await signedIn(first, ada, USER_AGENTS.laptop)
    const phone = await signedIn(first, ada)
    const [lost, kept] = [await tokensOf(laptop), await tokensOf(phone)]
    const asked = servers.map(outcomes)
    const all = async (token: string) => Promise.all(asked.map((ask) => ask(token)))
    for (const token of [...lost, ...kept]) expect(await all(token)).toEqual(['external', 'external', 'external'])

    await revoke(phone, { id: await idOf(laptop) })
    // The server that revoked it knows at once; the others while their answers are five seconds old.
    for (const token of lost) expect(await all(token)).toEqual([REFUSED, 'external', 'external'])
    vi.setSystemTime(START + CACHED_MS - 1)
    for (const token of lost) expect(await all(token)).toEqual([REFUSED, 'external', 'external'])
    vi.setSystemTime(START + CACHED_MS)
    for (const token of lost) expect(await all(token)).toEqual([REFUSED, REFUSED, REFUSED])
    for (const token of kept) expect(await all(token)).toEqual(['external', 'external', 'external'])
    for (const token of await tokensOf(phone)) expect(await all(token)).toEqual(['external', 'external', 'external'])
  })

  test('the server that a device was revoked at issues it no token, and neither do the others', async () => {
    const servers = await threeServers()
    const [first] = servers as [TestServer]
    const laptop = await signedIn(first, ada, USER_AGENTS.laptop)
    const phone = await signedIn(first, ada)
    await revoke(phone, { id: await idOf(laptop) })
    for (const server of servers) {
      const other = server.browser()
      expect((await other.send('/token', { headers: cookieOf(laptop) })).status).toBe(401)
      expect((await other.send('/token', { headers: cookieOf(phone) })).status).toBe(200)
    }
  })
})

onEachEngine((newServer) => {
  describe('the tokens of a session are refused in this process at once', () => {
    test.each<
      [string, (server: TestServer, lost: string, own: Awaited<ReturnType<typeof signedIn>>) => Promise<Response>]
    >([
      ['/revoke-session', (_, token, { browser }) => browser.send('/revoke-session', post({ token }))],
      ['/revoke-other-sessions', (_, __, { browser }) => browser.send('/revoke-other-sessions', post({}))],
      [
        '/change-password',
        (_, __, { browser }) =>
          browser.send(
            '/change-password',
            post({ currentPassword: ada.password, newPassword: 'another horse', revokeOtherSessions: true }),
          ),
      ],
    ])('after %s of Better Auth', async (_, act) => {
      const server = await newServer({ plugins: plugins() })
      const laptop = await signedIn(server, ada, USER_AGENTS.laptop)
      const phone = await signedIn(server, ada)
      const [tokens, ask] = [await tokensOf(laptop), outcomes(server)]
      for (const token of tokens) expect(await ask(token)).toBe('external')
      expect((await act(server, (await sessionOf(laptop))!.token, phone)).status).toBe(200)
      for (const token of tokens) expect(await ask(token)).toBe(REFUSED)
      expect(await ask(await tokenOf(phone.browser))).toBe('external')
    })

    test('after a sign-out, a deletion of the user, and an end in the database within five seconds', async () => {
      const server = await newServer({ plugins: plugins(), user: { deleteUser: { enabled: true } } })
      const laptop = await signedIn(server, ada, USER_AGENTS.laptop)
      const [phone, tablet] = [await signedIn(server, ada), await signedIn(server, ada)]
      const ask = outcomes(server)
      const tokens = [
        await tokenOf(laptop.browser),
        await tokenOf(phone.browser),
        await tokenOf(tablet.browser),
      ] as const
      const all = () => Promise.all(tokens.map(ask))
      expect(await all()).toEqual(['external', 'external', 'external'])
      await laptop.browser.send('/sign-out', post({}))
      expect(await all()).toEqual([REFUSED, 'external', 'external'])
      const { token } = (await sessionOf(phone))!
      await server.adapter.deleteMany({ model: 'session', where: [{ field: 'token', value: token }] })
      expect(await all()).toEqual([REFUSED, 'external', 'external'])
      vi.setSystemTime(START + CACHED_MS)
      expect(await all()).toEqual([REFUSED, REFUSED, 'external'])
      await tablet.browser.send('/delete-user', post({ password: ada.password }))
      expect(await server.rows('user')).toEqual([])
      expect(await all()).toEqual([REFUSED, REFUSED, REFUSED])
    })

    test('after a second factor was switched on, which replaces it', async () => {
      const server = await newServer({ plugins: [...plugins(), twoFactor({ skipVerificationOnEnable: true })] })
      const phone = await signedIn(server, ada)
      const [token, ask] = [await tokenOf(phone.browser), outcomes(server)]
      expect(await ask(token)).toBe('external')
      const answer = await phone.browser.send('/two-factor/enable', post({ password: ada.password }))
      expect(answer.status).toBe(200)
      expect(await ask(token)).toBe(REFUSED)
      expect(await ask(await tokenOf(phone.browser))).toBe('external')
    })

    test('after a ban, and after an admin stops impersonating', async () => {
      const server = await newServer({ plugins: [...plugins(), admin()] })
      const laptop = await signedIn(server, ada)
      const boss = await signedIn(server, person('boss'))
      await server.change('user', { role: 'admin' }, { email: 'boss@example.com' })
      const { id } = await userOf(server, ada.email)
      const ask = outcomes(server)
      await laptop.session()
      const own = await tokenOf(laptop.browser)
      await boss.browser.send('/admin/impersonate-user', post({ userId: id }))
      const impersonated = await tokenOf(boss.browser)
      expect([await ask(own), await ask(impersonated)]).toEqual(['external', 'external'])
      await boss.browser.send('/admin/stop-impersonating', post({}))
      expect([await ask(own), await ask(impersonated)]).toEqual(['external', REFUSED])
      await boss.browser.send('/admin/ban-user', post({ userId: id }))
      expect(await ask(own)).toBe(REFUSED)
    })
  })

  test('a session that has expired is refused with its tokens', async () => {
    const server = await newServer({ plugins: plugins(), session: { expiresIn: 60 } })
    const laptop = await signedIn(server, ada)
    const [token, ask] = [await tokenOf(laptop.browser), outcomes(server)]
    expect(await ask(token)).toBe('external')
    vi.setSystemTime(START + 61_000)
    expect(await ask(token)).toBe(REFUSED)
  })

  test('requests share a read: one statement finds the session for all of them within five seconds', async () => {
    const server = await newServer({ plugins: plugins() })
    const laptop = await signedIn(server, ada)
    const [tokens, ask] = [await tokensOf(laptop), outcomes(server)]
    // The signing keys are read once.
    for (const token of tokens) await ask(token)
    const { length } = server.statements
    for (let request = 0; request < 100; request++) for (const token of tokens) await ask(token)
    expect(server.statements.slice(length)).toEqual([])
    vi.setSystemTime(START + CACHED_MS)
    for (let request = 0; request < 100; request++) for (const token of tokens) await ask(token)
    expect(server.statements.slice(length)).toHaveLength(1)
    expect(server.statements.at(-1)).toMatch(/^\s*select .*from "session" where .*"sid" = /i)
  })

  test('the first token of a session costs one write more, also for a session that existed before', async () => {
    const server = await newServer({ plugins: plugins() })
    const laptop = await signedIn(server, ada)
    await tokenOf(laptop.browser)
    const writes = (from: number) => server.statements.slice(from).filter((text) => /^\s*update "session"/i.test(text))
    const { length } = server.statements
    await tokensOf(laptop)
    expect(writes(length)).toEqual([])
    await server.change('session', { sid: null })
    const before = server.statements.length
    const tokens = await tokensOf(laptop)
    expect(writes(before)).toHaveLength(1)
    for (const token of tokens) expect(await outcomes(server)(token)).toBe('external')
  })
})

describe('a revocation is not reported as done', () => {
  test.each(['revoke', 'revoke-others'])('where a hook of the app keeps the session: %s', async (act) => {
    const keep = { session: { delete: { before: async () => false } } }
    const server = await testServer({ plugins: plugins(), databaseHooks: keep })
    const laptop = await signedIn(server, ada, USER_AGENTS.laptop)
    const phone = await signedIn(server, ada)
    const body = act === 'revoke' ? { id: await idOf(laptop) } : {}
    vi.spyOn(console, 'error').mockImplementation(() => {})
    expect((await phone.browser.send(`/latchkey/devices/${act}`, post(body))).status).toBe(500)
    expect(await sessionOf(laptop)).not.toBeNull()
  })

  test('before a session that Better Auth once failed to read is deleted, and counts once', async () => {
    const server = await testServer({ plugins: plugins() })
    const laptop = await signedIn(server, ada, USER_AGENTS.laptop)
    const phone = await signedIn(server, ada)
    const id = await idOf(laptop)
    const { internalAdapter } = (await server.auth.$context) as unknown as AuthContext
    vi.spyOn(internalAdapter, 'deleteSession').mockResolvedValueOnce(undefined)
    expect(await revoke(phone, { id })).toMatchObject({ sessions: 1 })
    expect(await sessionOf(laptop)).toBeNull()
  })
})

describe('sessions that exist only in the secondary storage', () => {
  /** As Redis would be: expiry does not matter here. */
  function storage() {
    const kept = new Map<string, string>()
    return {
      get: async (key: string) => kept.get(key) ?? null,
      set: async (key: string, value: string) => void kept.set(key, value),
      delete: async (key: string) => void kept.delete(key),
      getAndDelete: async (key: string) => {
        const found = kept.get(key) ?? null
        kept.delete(key)
        return found
      },
      increment: async (key: string) => {
        kept.set(key, String(Number(kept.get(key) ?? 0) + 1))
        return Number(kept.get(key))
      },
    }
  }

  test('are listed, named and revoked like others, and their tokens are refused', async () => {
    const server = await testServer({ plugins: plugins(), secondaryStorage: storage() })
    const laptop = await signedIn(server, ada, USER_AGENTS.laptop)
    const phone = await signedIn(server, ada)
    const ask = outcomes(server)
    const [lost, kept] = [await tokensOf(laptop), await tokensOf(phone)]
    for (const token of [...lost, ...kept]) expect(await ask(token)).toBe('external')
    const id = await idOf(laptop)
    await phone.browser.send('/latchkey/devices/rename', post({ id, name: 'Lost' }))
    expect((await devicesOf(phone)).find(({ isCurrent }) => !isCurrent)).toMatchObject({ id, name: 'Lost' })
    expect(await revoke(phone, { id })).toMatchObject({ sessions: 1 })
    vi.setSystemTime(START + CACHED_MS)
    for (const token of lost) expect(await ask(token)).toBe(REFUSED)
    for (const token of kept) expect(await ask(token)).toBe('external')
  })

  test('are all ended, or the request fails: one whose state cannot be read is not left out', async () => {
    const secondaryStorage = storage()
    const server = await testServer({ plugins: plugins(), secondaryStorage })
    const laptop = await signedIn(server, ada, USER_AGENTS.laptop)
    const phone = await signedIn(server, ada)
    vi.spyOn(console, 'error').mockImplementation(() => {})
    const { get } = secondaryStorage
    let isListed = false
    const read = vi.spyOn(secondaryStorage, 'get').mockImplementation(async (key) => {
      isListed ||= key.startsWith('active-sessions-')
      if (!isListed || !key.startsWith('revoked-sessions-before-')) return get(key)
      read.mockImplementation(get)
      throw new Error('connection lost')
    })
    expect((await phone.browser.send('/latchkey/devices/revoke-others', post({}))).status).toBe(500)
    expect(await revoke(phone, {}, 'revoke-others')).toMatchObject({ sessions: 1 })
    expect(await laptop.session()).toBeNull()
    expect(await phone.session()).not.toBeNull()
  })

  test('and is also in the database, is found there', async () => {
    const session = { storeSessionInDatabase: true, preserveSessionInDatabase: true }
    const server = await testServer({ plugins: plugins(), secondaryStorage: storage(), session })
    const laptop = await signedIn(server, ada, USER_AGENTS.laptop)
    const phone = await signedIn(server, ada)
    const ask = outcomes(server)
    const token = await tokenOf(laptop.browser)
    expect(await ask(token)).toBe('external')
    await revoke(phone, { id: await idOf(laptop) })
    expect(await ask(token)).toBe(REFUSED)
    expect(await devicesOf(phone)).toHaveLength(1)
  })
})

test("with Better Auth's cookie cache only its own routes keep answering a revoked session", async () => {
  const session = { cookieCache: { enabled: true, maxAge: 300 } }
  const server = await testServer({ plugins: plugins(), session })
  const laptop = await signedIn(server, ada, USER_AGENTS.laptop)
  const phone = await signedIn(server, ada)
  const token = await tokenOf(laptop.browser)
  await revoke(phone, { id: await idOf(laptop) })
  expect(await (await laptop.browser.send('/get-session')).json()).not.toBeNull()
  expect(await outcomes(server)(token)).toBe(REFUSED)
  expect((await laptop.browser.send('/token')).status).toBe(401)
  expect(await laptop.session()).toBeNull()
  expect((await laptop.browser.send('/latchkey/devices')).status).toBe(401)
})
