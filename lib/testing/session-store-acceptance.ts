import type { AccountSessionRow, AccountSessionStore } from '../server/bindings/session-store.ts'
import { expectEqual } from './binding-store-acceptance.ts'
import type { AcceptanceCase } from './store-acceptance.ts'

/**
 * Acceptance tests that every {@link AccountSessionStore} must pass. They need no test runner: call `run` of each case.
 *
 * @param open - opens an empty store with this clock (milliseconds since 1970), a new one on each call
 */
export function sessionStoreAcceptance(open: (clock: () => number) => Promise<AccountSessionStore>): AcceptanceCase[] {
  return Object.entries(CASES).map(([name, check]) => ({
    name,
    async run() {
      let now = 1_800_000_000_000
      const store = await open(() => now)
      await check(store, (milliseconds) => void (now += milliseconds))
    },
  }))
}

type Case = (store: AccountSessionStore, wait: (milliseconds: number) => void) => Promise<void>

const ISSUER = 'https://id.example'
const START = 1_800_000_000_000

const seen = (session: string, name = 'Firefox on Linux', platform: string | null = 'Linux') => ({
  session,
  name,
  platform,
})

const see = (store: AccountSessionStore, subject: string, given: ReturnType<typeof seen>): Promise<AccountSessionRow> =>
  store.seeSession(ISSUER, subject, given)

const namesOf = async (store: AccountSessionStore, subject: string): Promise<string[]> =>
  (await store.sessionsOf(ISSUER, subject)).map(({ session }) => session).toSorted()

const CASES: Readonly<Record<string, Case>> = {
  async 'a session is stored when it is seen, and only for its account'(store) {
    expectEqual(await store.findSession(ISSUER, 'ada', 'one'), null)
    const made = { ...seen('one'), createdAt: START, lastSeenAt: START, revokedAt: null }
    expectEqual(await see(store, 'ada', seen('one')), made)
    expectEqual(await store.findSession(ISSUER, 'ada', 'one'), made)
    expectEqual(await store.sessionsOf(ISSUER, 'ada'), [made])
    expectEqual(await store.findSession(ISSUER, 'eve', 'one'), null)
    expectEqual(await store.findSession('https://other.example', 'ada', 'one'), null)
    expectEqual([await namesOf(store, 'eve'), await store.sessionsOf('https://other.example', 'ada')], [[], []])
  },

  async 'accounts have sessions of the same name apart'(store) {
    await see(store, 'ada', seen('one', 'of Ada', null))
    await see(store, 'eve', seen('one', 'of Eve'))
    await store.revokeSession(ISSUER, 'eve', 'one')
    const found = await store.findSession(ISSUER, 'ada', 'one')
    expectEqual([found?.name, found?.platform, found?.revokedAt], ['of Ada', null, null])
  },

  async 'a session that is seen again has a new time, and nothing else'(store, wait) {
    await see(store, 'ada', seen('one'))
    await store.nameSession(ISSUER, 'ada', 'one', 'my laptop')
    wait(60_000)
    const again = await see(store, 'ada', seen('one', 'Chrome on Android', 'Android'))
    expectEqual(again, {
      ...seen('one', 'my laptop'),
      createdAt: START,
      lastSeenAt: START + 60_000,
      revokedAt: null,
    })
  },

  async 'a name is set for a session that exists'(store) {
    await see(store, 'ada', seen('one'))
    await see(store, 'ada', seen('two'))
    expectEqual(await store.nameSession(ISSUER, 'ada', 'one', 'Größe 💥'), true)
    expectEqual((await store.findSession(ISSUER, 'ada', 'one'))?.name, 'Größe 💥')
    expectEqual((await store.findSession(ISSUER, 'ada', 'two'))?.name, seen('two').name)
    expectEqual(await store.nameSession(ISSUER, 'eve', 'one', 'x'), false)
    expectEqual(await store.nameSession(ISSUER, 'ada', 'three', 'x'), false)
    expectEqual(await namesOf(store, 'ada'), ['one', 'two'])
  },

  async 'a revoked session stays revoked, and is revoked once'(store, wait) {
    await see(store, 'ada', seen('one'))
    await see(store, 'ada', seen('two'))
    wait(1000)
    const answers = await Promise.all([1, 2, 3].map(() => store.revokeSession(ISSUER, 'ada', 'one')))
    expectEqual(answers.filter(Boolean).length, 1)
    wait(1000)
    expectEqual((await see(store, 'ada', seen('one'))).revokedAt, START + 1000)
    expectEqual(await store.revokeSession(ISSUER, 'ada', 'one'), false)
    expectEqual((await store.findSession(ISSUER, 'ada', 'two'))?.revokedAt, null)
    expectEqual(await namesOf(store, 'ada'), ['one', 'two'])
  },

  async 'only a session of the account itself can be revoked'(store) {
    await see(store, 'ada', seen('one'))
    expectEqual(await store.revokeSession(ISSUER, 'eve', 'one'), false)
    expectEqual(await store.revokeSession('https://other.example', 'ada', 'one'), false)
    expectEqual(await store.revokeSession(ISSUER, 'ada', 'unknown'), false)
    expectEqual((await store.findSession(ISSUER, 'ada', 'one'))?.revokedAt, null)
  },

  async 'a session that five callers see at once is stored once'(store) {
    const rows = await Promise.all([1, 2, 3, 4, 5].map(() => see(store, 'ada', seen('one'))))
    expectEqual(
      rows.map(({ createdAt, revokedAt }) => [createdAt, revokedAt]),
      Array(5).fill([START, null]),
    )
    expectEqual(await namesOf(store, 'ada'), ['one'])
  },

  async 'a session that is seen and revoked at once is revoked'(store) {
    await see(store, 'ada', seen('one'))
    await Promise.all([
      see(store, 'ada', seen('one')),
      store.revokeSession(ISSUER, 'ada', 'one'),
      see(store, 'ada', seen('one')),
    ])
    expectEqual((await store.findSession(ISSUER, 'ada', 'one'))?.revokedAt, START)
  },
}
