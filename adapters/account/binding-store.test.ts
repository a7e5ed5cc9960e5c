import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type DeviceBinding, type SqlBindingStore, postgresBindingStore } from '../../lib/server.ts'
import { adoptingStoreAcceptance, bindingStoreAcceptance, sessionStoreAcceptance } from '../../lib/testing.ts'
import { type BindingDatabase, DATABASES, type Wire } from './binding-database.testing.ts'

const ISSUER = 'https://id.example'
const of = (subject: string, name: string): DeviceBinding => ({
  issuer: ISSUER,
  subject,
  principal: name,
  thumbprint: `thumbprint-${name}`,
})

interface Act {
  readonly run: (store: SqlBindingStore) => Promise<unknown>
  /** What the account has if the act succeeds. */
  readonly claims?: DeviceBinding
}

const binding = (made: DeviceBinding): Act => ({ run: (store) => store.insert(made), claims: made })
const link = (made: DeviceBinding): Act => ({ run: (store) => store.link(made), claims: made })

/** What a server does; before it, Ada has `own` and the alias `old`, and Eve has `eves`. */
const ACTS: Record<string, Act> = {
  'a binding': binding(of('new', 'free')),
  'another binding of the account': binding(of('new', 'other')),
  'a binding of the principal elsewhere': binding(of('newer', 'free')),
  'a link': link(of('ada', 'free')),
  'a link of the principal elsewhere': link(of('eve', 'free')),
  'an undo': { run: (store) => store.unlink(ISSUER, 'ada', 'old') },
  'a link of the alias again': link(of('ada', 'old')),
  'a link of the alias elsewhere': link(of('eve', 'old')),
}

describe.each(DATABASES.map((each) => [each.name, each] as const))('a binding store in %s', (_, { open }) => {
  let database: BindingDatabase
  beforeAll(async () => {
    database = await open()
    await (await database.server()).migrate()
  })
  afterAll(() => database.close())
  beforeEach(empty)

  async function empty(): Promise<void> {
    await database.query('delete from latchkey_binding')
    await database.query('delete from latchkey_used')
    await database.query('delete from latchkey_session')
  }

  async function openEmpty(clock?: () => number): Promise<SqlBindingStore> {
    await empty()
    return database.server(clock)
  }

  async function openFilled(): Promise<void> {
    const store = await openEmpty()
    await store.insert(of('ada', 'own'))
    await store.link(of('ada', 'old'))
    await store.insert(of('eve', 'eves'))
  }

  /** Whatever happened: what one account has, no other one has. */
  async function expectWhole(): Promise<string> {
    const store = await database.server()
    const accounts = ['ada', 'eve', 'new', 'newer']
    const kept = await Promise.all(
      accounts.map(async (subject) => [
        (await store.find(ISSUER, subject))?.principal,
        ...(await store.aliasesOf(ISSUER, subject)),
      ]),
    )
    const all = kept.flat().filter((principal) => principal !== undefined)
    expect(new Set(all).size).toBe(all.length)
    for (const principal of all) {
      const holder = await store.holderOf(principal)
      expect(kept[accounts.indexOf(holder!.subject)]).toContain(principal)
    }
    expect(kept[0]![0]).toBe('own')
    return JSON.stringify(kept)
  }

  describe('passes the acceptance suites', () => {
    const suites = [bindingStoreAcceptance, adoptingStoreAcceptance, sessionStoreAcceptance]
    for (const { name, run } of suites.flatMap((suite) => suite(openEmpty))) test(name, run)
  })

  test('creates its tables, again without an effect, and on servers that start at the same time', async () => {
    await database.query('drop table latchkey_binding')
    await database.query('drop table latchkey_used')
    await database.query('drop table latchkey_session')
    const servers = await Promise.all([1, 2, 3, 4].map(() => database.server()))
    await Promise.all(servers.map((server) => server.migrate()))
    await servers[0]!.insert(of('ada', 'own'))
    await servers[1]!.migrate()
    expect(await servers[1]!.find(ISSUER, 'ada')).toEqual(of('ada', 'own'))
  })

  test('keeps what it has when the process ends', async () => {
    await openFilled()
    const later = await database.server()
    expect(await later.find(ISSUER, 'ada')).toEqual(of('ada', 'own'))
    expect(await later.aliasesOf(ISSUER, 'ada')).toEqual(['old'])
  })

  test('takes text of any kind as text', async () => {
    const store = await openEmpty()
    const odd = { ...of(`'; drop table latchkey_binding; --`, '$1 ? "x" 💥'), issuer: `o'reilly\\` }
    expect(await store.insert(odd)).toEqual(odd)
    expect(await store.holderOf(odd.principal)).toEqual({ ...odd, kind: 'canonical' })
    const long = of('s'.repeat(10_000), 'long')
    expect(await store.insert(long)).toEqual(long)
  })

  test('keeps accounts apart whose names differ only in case or in spaces', async () => {
    const store = await openEmpty()
    for (const subject of ['ada', 'Ada', 'ada ', ' ada']) await store.insert(of(subject, `of ${subject}`))
    for (const subject of ['ada', 'Ada', 'ada ', ' ada'])
      expect(await store.find(ISSUER, subject)).toMatchObject({ principal: `of ${subject}` })
  })

  test('the database itself refuses a second owner, a second principal and a seventeenth alias', async () => {
    await openFilled()
    const row = (principal: string, slot: number | null, heldUntil: number | null = null) =>
      database.query(`insert into latchkey_binding (principal, account, issuer, subject, slot, held_until)
        select '${principal}', account, issuer, subject, ${slot}, ${heldUntil}
        from latchkey_binding where principal = 'own'`)
    for (const [principal, slot] of [
      ['eves', 2],
      ['free', 0],
      ['free', 1],
      ['free', 17],
      ['free', null],
    ] as const)
      await expect(row(principal, slot)).rejects.toThrow()
    await row('free', 16)
  })

  test('an undo by another account removes nothing', async () => {
    await openFilled()
    const store = await database.server()
    expect(await store.unlink(ISSUER, 'eve', 'old')).toBe(false)
    expect(await store.aliasesOf(ISSUER, 'ada')).toEqual(['old'])
  })

  test('a former alias is taken by no other account, and with no other key', async () => {
    await openFilled()
    const store = await database.server()
    await store.unlink(ISSUER, 'ada', 'old')
    expect(await store.insert(of('new', 'old'))).toBeNull()
    const later = await database.server(() => Date.now() + 31 * 86_400_000)
    expect(await later.insert({ ...of('new', 'old'), thumbprint: 'another key' })).toBeNull()
    expect(await later.insert(of('new', 'old'))).toEqual(of('new', 'old'))
  })

  test('forgets used names some minutes after their time, and not before', async () => {
    let now = 1_800_000_000_000
    const store = await openEmpty(() => now)
    const names = async () => (await database.query('select name from latchkey_used')).length
    expect(await store.useOnce('first', new Date(now + 1000))).toBe(true)
    now += 60_000
    await store.useOnce('second', new Date(now + 1000))
    expect(await store.useOnce('first', new Date(now + 1000))).toBe(false)
    now += 300_000
    await store.useOnce('third', new Date(now + 1000))
    expect(await names()).toBe(2)
    // A clock that was set back stops nothing.
    now -= 10_000_000
    await store.useOnce('fourth', new Date(now - 1_000_000))
    expect(await names()).toBe(2)
  })

  describe('a server that dies before or after a statement leaves nothing half done', () => {
    test.each(Object.keys(ACTS))('%s', async (name) => {
      const act = ACTS[name]!.run
      const outcomes = [await stateAfter(async () => {}), await stateAfter(act)]
      for (const side of ['before', 'after'] as const) {
        let isDone = false
        for (let dieAt = 1; !isDone; dieAt++) {
          expect(outcomes).toContain(
            await stateAfter(
              async () => (isDone = await survives(act, await database.server(undefined, dying(side, dieAt)))),
            ),
          )
          // The next attempt completes it.
          await act(await database.server())
          expect(await expectWhole()).toBe(outcomes[1])
        }
      }
    })

    async function stateAfter(act: (store: SqlBindingStore) => Promise<unknown>): Promise<string> {
      await openFilled()
      await act(await database.server())
      return expectWhole()
    }

    const survives = (act: Act['run'], store: SqlBindingStore): Promise<boolean> =>
      act(store).then(
        () => true,
        (error: unknown) => {
          if ((error as Error).message !== 'dead') throw error
          return false
        },
      )
  })

  describe('a server that stalls before a statement, while another one acts', () => {
    const pairs = Object.keys(ACTS).flatMap((one) => Object.keys(ACTS).map((two) => [one, two] as const))
    test.each(pairs)('%s; meanwhile %s', async (one, two) => {
      for (let stallAt = 1, isStalled = true; isStalled; stallAt++) {
        await openFilled()
        const other = await database.server()
        const results: [string, unknown][] = []
        let statements = 0
        const before = async () => {
          if (++statements === stallAt) results.push([two, await ACTS[two]!.run(other)])
        }
        results.push([one, await ACTS[one]!.run(await database.server(undefined, { before }))])
        isStalled = results.length === 2
        await expectWhole()
        for (const [name, result] of results) await expectKept(ACTS[name]!, result, other)
      }
    })

    /** What a server was told that its account has, the account has; only an undo can take it away. */
    async function expectKept({ claims }: Act, result: unknown, store: SqlBindingStore): Promise<void> {
      const isClaimed = result === 'linked' || (result as DeviceBinding | null)?.principal === claims?.principal
      if (claims && isClaimed) expect(await store.holderOf(claims.principal)).toMatchObject({ subject: claims.subject })
    }
  })

  test('of many servers at once, one has the principal, and each account one', async () => {
    for (let round = 0; round < 5; round++) {
      await openFilled()
      const acts = Object.values(ACTS)
      const servers = await Promise.all(acts.map(() => database.server()))
      await Promise.all(acts.flatMap((act, at) => [act.run(servers[at]!), act.run(servers[(at + 1) % acts.length]!)]))
      await expectWhole()
    }
  })

  test('a name that several servers use at once is used by one', async () => {
    await empty()
    const servers = await Promise.all([1, 2, 3, 4].map(() => database.server()))
    const uses = await Promise.all(servers.map((server) => server.useOnce('name', new Date(Date.now() + 60_000))))
    expect(uses.filter(Boolean)).toHaveLength(1)
  })
})

/** Ends the server at the n-th statement: before it is sent, or after it is done but before its rows arrive. */
function dying(side: keyof Wire, dieAt: number): Wire {
  let statements = 0
  return {
    [side]() {
      if (++statements >= dieAt) throw new Error('dead')
    },
  }
}

describe('a statement that the database refuses because of a concurrent one', () => {
  /** A driver that refuses the first statements. */
  function refusing(times: number, error: object): { store: SqlBindingStore; sent: () => number } {
    let sent = 0
    const query = async () => {
      if (++sent <= times) throw Object.assign(new Error('refused'), error)
      return { rows: [{ name: 'name' }] }
    }
    return { store: postgresBindingStore({ query }, () => 0), sent: () => sent }
  }
  const until = new Date(60_000)

  test.each([
    { code: '40001' },
    { code: '40P01' },
    { code: 'SQLITE_BUSY' },
    { errcode: 517 },
    { cause: { code: '40001' } },
  ])('%j is repeated, and counted once', async (error) => {
    const { store, sent } = refusing(3, error)
    expect(await store.useOnce('name', until)).toBe(true)
    expect(sent()).toBe(4)
  })

  test('is not repeated endlessly', async () => {
    const { store, sent } = refusing(1000, { code: '40001' })
    await expect(store.useOnce('name', until)).rejects.toThrow('refused')
    expect(sent()).toBe(8)
  })

  test('is not repeated for any other reason', async () => {
    for (const error of [{ code: '08006' }, { code: '57P01' }, { code: 'SQLITE_FULL' }, {}]) {
      const { store, sent } = refusing(1, error)
      await expect(store.useOnce('name', until)).rejects.toThrow('refused')
      expect(sent()).toBe(1)
    }
  })
})
