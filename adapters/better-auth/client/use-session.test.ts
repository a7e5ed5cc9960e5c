import { readFileSync } from 'node:fs'
import { emailOTP } from 'better-auth/plugins'
import { describe, expect, test } from 'vitest'
import { adviceFor } from '../../../lib/devtools/advice.ts'
import { type NewServer, onEachEngine } from '../testing/engines.testing.ts'
import { load, settled } from '../testing/pages.testing.ts'
import { ORIGIN, type TestBrowser, type TestServer, person } from '../testing/server.testing.ts'

const ada = person('ada')
const bob = person('bob')

/** Returns the user that a component with `useSession()` shows: that hook renders this store of the client. */
async function shown({ client: { useSession } }: TestBrowser): Promise<string | null> {
  await useSession.get().refetch()
  // After a sign-in the store asks by itself, which replaces this request.
  await expect.poll(() => useSession.get()).toMatchObject({ isPending: false, isRefetching: false })
  return useSession.get().data?.user.email ?? null
}

/** From now on, no request of this browser gets a response. */
function goOffline(browser: TestBrowser): void {
  const fail = (): Promise<Response> => Promise.reject(new TypeError('fetch failed'))
  Object.defineProperty(browser, 'intercept', { configurable: true, get: () => fail, set() {} })
}

/** A first visit. */
async function visit(server: TestServer) {
  const browser = server.browser()
  const auth = await load(browser)
  return { browser, auth, session: auth.getState().session! }
}

/** A device with an account of its own. */
async function signedUp(server: TestServer, credentials = ada) {
  const given = await visit(server)
  expect(await given.auth.upgrade(() => given.browser.client.signUp.email(credentials))).toMatchObject({
    outcome: 'upgraded',
  })
  return { ...given, session: given.auth.getState().session! }
}

/** The rows of the page's first table, by their situation: what both say in it. */
const ROWS: Readonly<Record<string, (newServer: NewServer) => Promise<void>>> = {
  'first visit, no account': async (newServer) => {
    const { browser, auth } = await visit(await newServer())
    expect(await shown(browser)).toBeNull()
    expect(auth.getState()).toMatchObject({ authMode: 'local-first', phase: 'ready', session: expect.any(Object) })
  },

  'signed up or in inside `auth.upgrade`': async (newServer) => {
    const server = await newServer()
    const first = await signedUp(server)
    const second = await visit(server)
    await second.auth.upgrade(() => second.browser.client.signIn.email(ada))
    for (const { browser, auth } of [first, second]) {
      expect(await shown(browser)).toBe(ada.email)
      expect(auth.getState()).toMatchObject({ authMode: 'external', phase: 'ready', session: first.session })
    }
  },

  '`auth.upgrade` ended with `conflict`, or `taken` with `result.conflict`': async (newServer) => {
    const server = await newServer()
    await signedUp(server)
    const signIn = ({ auth, browser }: Awaited<ReturnType<typeof visit>>) =>
      auth.upgrade(() => browser.client.signIn.email(ada))
    const full = await visit(server)
    await full.auth.markWritten()
    expect(await signIn(full)).toMatchObject({ outcome: 'conflict' })
    const owned = await signedUp(server, bob)
    expect(await signIn(owned)).toMatchObject({ outcome: 'taken', conflict: { isTaken: true } })
    for (const { browser, auth, session } of [full, owned]) {
      expect(await shown(browser)).toBe(ada.email)
      expect(auth.getState()).toMatchObject({ phase: 'conflict', session })
    }
  },

  'an e-mail or a code is outstanding': async (newServer) => {
    const send = async (): Promise<void> => {}
    const server = await newServer({
      emailAndPassword: { enabled: true, requireEmailVerification: true },
      emailVerification: { sendVerificationEmail: send, sendOnSignUp: true },
      plugins: [emailOTP({ sendVerificationOTP: send })],
    })
    const mailed = await visit(server)
    await mailed.auth.upgrade(() => mailed.browser.client.signUp.email(ada))
    const coded = await visit(server)
    const body = { email: bob.email, type: 'sign-in' }
    await coded.auth.upgrade(() =>
      coded.browser.client.$fetch('/email-otp/send-verification-otp', { method: 'POST', body }),
    )
    for (const { browser, auth, session } of [mailed, coded]) {
      expect(await shown(browser)).toBeNull()
      expect(auth.getState()).toMatchObject({ phase: 'pending', session, upgrade: { pending: expect.any(Object) } })
      expect(auth.getState().upgrade).not.toHaveProperty('account')
    }
  },

  'a session that waits for confirmation': async (newServer) => {
    const { browser, auth, session } = await visit(await newServer())
    await browser.client.signUp.email(ada)
    expect(await shown(browser)).toBe(ada.email)
    await settled(auth, { phase: 'pending', authMode: 'local-first', session, upgrade: { account: {} } })
  },

  'the session has ended elsewhere': async (newServer) => {
    const server = await newServer()
    const { browser, auth, session } = await signedUp(server)
    expect(await shown(browser)).toBe(ada.email)
    const elsewhere = server.browser()
    await elsewhere.client.signIn.email(ada)
    expect((await elsewhere.client.revokeOtherSessions()).error).toBeNull()
    expect(await shown(browser)).toBeNull()
    auth.close()
    await settled(await load(browser), { authMode: 'external', error: 'missing', session })
  },

  offline: async (newServer) => {
    const server = await newServer()
    const open = await signedUp(server)
    expect(await shown(open.browser)).toBe(ada.email)
    const reloaded = await signedUp(server, bob)
    for (const { browser, auth } of [open, reloaded]) {
      const before = auth.getState()
      goOffline(browser)
      // The page that is open had an answer; a page that is loaded now never had one.
      expect(await shown(browser)).toBe(browser === open.browser ? ada.email : null)
      await expect(auth.getToken({ fresh: true })).rejects.toMatchObject({ code: 'OFFLINE' })
      expect(auth.getState()).toEqual(before)
      auth.close()
      const { authMode, phase, session } = before
      expect((await browser.load()).getState()).toMatchObject({ authMode, phase, session })
    }
  },
}

onEachEngine((newServer) => {
  describe('what useSession and getState say (checklist 36: useSession)', () => {
    test.each(Object.entries(ROWS))('%s', async (_, row) => row(newServer))
  })

  describe('a sign-up outside upgrade', () => {
    async function outside() {
      const given = await visit(await newServer())
      expect((await given.browser.client.signUp.email(ada)).error).toBeNull()
      await settled(given.auth, { phase: 'pending', upgrade: { account: {} } })
      return given
    }

    test('is explained by the developer panel, and none of the situations that are meant', async () => {
      const { auth } = await outside()
      expect(adviceFor(auth.getState(), {}, ORIGIN)).toMatchObject([
        {
          title: 'An account is signed in outside auth.upgrade()',
          page: 'use-session.md#calls-that-bypass-latchkey',
        },
      ])
      const server = await newServer()
      const { auth: upgraded } = await signedUp(server)
      const { auth: asked, browser } = await visit(server)
      await asked.markWritten()
      expect(await asked.upgrade(() => browser.client.signIn.email(ada))).toMatchObject({ outcome: 'conflict' })
      for (const meant of [upgraded, asked]) expect(adviceFor(meant.getState(), {}, ORIGIN)).toEqual([])
    })

    test("gives the account this device's principal if it is accepted before the account was used", async () => {
      const { browser, auth, session } = await outside()
      expect(await shown(browser)).toBe(ada.email)
      await auth.markWritten()
      expect(await auth.acceptAccount()).toMatchObject({
        outcome: 'upgraded',
        session: { principal: session.principal, authMode: 'external' },
      })
    })

    test('leads to a conflict if the account was used before, and the device has data', async () => {
      const { browser, auth, session } = await outside()
      expect((await browser.client.$fetch('/token')).error).toBeNull()
      await auth.markWritten()
      expect(await auth.acceptAccount()).toMatchObject({ outcome: 'conflict' })
      expect(auth.getState()).toMatchObject({ phase: 'conflict', session })
    })
  })
})

test('the page has these situations, and no others', () => {
  const page = readFileSync(new URL('../../../docs/use-session.md', import.meta.url), 'utf8').split('## Guards')[0]!
  const situations = [...page.matchAll(/^\| (.+?) \|/gm)].map(([, words]) => words!)
  expect(situations).toEqual(['situation', '---', ...Object.keys(ROWS)])
})
