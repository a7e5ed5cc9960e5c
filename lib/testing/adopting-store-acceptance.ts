import {
  ALIAS_HOLD_MS,
  ALIAS_LIMIT,
  type AdoptingBindingStore,
  type DeviceBinding,
} from '../server/bindings/binding-store.ts'
import { expectEqual } from './binding-store-acceptance.ts'
import type { AcceptanceCase } from './store-acceptance.ts'

/**
 * Acceptance tests that every {@link AdoptingBindingStore} must pass, besides `bindingStoreAcceptance`. They need no
 * test runner: call `run` of each case.
 *
 * @param open - opens an empty store with this clock (milliseconds since 1970), a new one on each call
 */
export function adoptingStoreAcceptance(
  open: (clock: () => number) => Promise<AdoptingBindingStore>,
): AcceptanceCase[] {
  return Object.entries(CASES).map(([name, check]) => ({
    name,
    async run() {
      let now = Date.now()
      const store = await open(() => now)
      await check(store, (milliseconds) => void (now += milliseconds))
    },
  }))
}

type Case = (store: AdoptingBindingStore, wait: (milliseconds: number) => void) => Promise<void>

const ISSUER = 'https://id.example'

function device(): Pick<DeviceBinding, 'principal' | 'thumbprint'> {
  const name = crypto.randomUUID()
  return { principal: name, thumbprint: `thumbprint-${name}` }
}

const of = (subject: string, key = device()): DeviceBinding => ({ issuer: ISSUER, subject, ...key })

const aliasesOf = (store: AdoptingBindingStore, subject: string): Promise<readonly string[]> =>
  store.aliasesOf(ISSUER, subject)

const unlink = (store: AdoptingBindingStore, { issuer, subject, principal }: DeviceBinding): Promise<boolean> =>
  store.unlink(issuer, subject, principal)

const CASES: Readonly<Record<string, Case>> = {
  async 'a linked principal is an alias of its account, and of no other'(store) {
    await store.insert(of('ada'))
    await store.insert(of('eve'))
    const [one, two] = [of('ada'), of('ada')]
    expectEqual(await aliasesOf(store, 'ada'), [])
    expectEqual([await store.link(one), await store.link(two)], ['linked', 'linked'])
    expectEqual((await aliasesOf(store, 'ada')).toSorted(), [one.principal, two.principal].toSorted())
    expectEqual(await aliasesOf(store, 'eve'), [])
    expectEqual(await store.aliasesOf('https://other.example', 'ada'), [])
  },

  async 'an alias leaves the principal of the account as it is'(store) {
    const made = of('ada')
    await store.insert(made)
    await store.link(of('ada'))
    expectEqual(await store.find(ISSUER, 'ada'), made)
  },

  async 'a repeated link changes nothing'(store) {
    await store.insert(of('ada'))
    const made = of('ada')
    expectEqual([await store.link(made), await store.link(made)], ['linked', 'linked'])
    expectEqual(await aliasesOf(store, 'ada'), [made.principal])
  },

  async "another account's principal cannot be linked"(store) {
    const theirs = of('ada')
    await store.insert(theirs)
    await store.insert(of('eve'))
    expectEqual(await store.link({ ...theirs, subject: 'eve' }), 'taken')
    expectEqual(await aliasesOf(store, 'eve'), [])
    expectEqual(await store.find(ISSUER, 'ada'), theirs)
  },

  async "another account's alias can be neither linked nor bound"(store) {
    const theirs = of('ada')
    await store.insert(of('ada'))
    await store.link(theirs)
    await store.insert(of('eve'))
    expectEqual(await store.link({ ...theirs, subject: 'eve' }), 'taken')
    expectEqual(await store.insert({ ...theirs, subject: 'new' }), null)
    expectEqual(await store.find(ISSUER, 'new'), null)
    expectEqual(await aliasesOf(store, 'ada'), [theirs.principal])
  },

  async 'the principal of a row belongs to its key'(store, wait) {
    const made = of('ada')
    await store.insert(of('ada'))
    await store.link(made)
    const forged = { ...made, thumbprint: 'another key' }
    expectEqual(await store.link(forged), 'taken')
    await unlink(store, made)
    expectEqual(await store.link(forged), 'taken')
    expectEqual(await store.insert({ ...forged, subject: 'new' }), null)
    wait(ALIAS_HOLD_MS)
    expectEqual(await store.link(forged), 'taken')
    expectEqual(await store.insert({ ...forged, subject: 'new' }), null)
    expectEqual(await aliasesOf(store, 'ada'), [])
  },

  async 'an account has at most 16 aliases, and a removed one makes room'(store) {
    await store.insert(of('ada'))
    const made = Array.from({ length: ALIAS_LIMIT }, () => of('ada'))
    for (const each of made) expectEqual(await store.link(each), 'linked')
    const late = of('ada')
    expectEqual(await store.link(late), 'full')
    expectEqual(await store.link(made[3]!), 'linked')
    expectEqual(await unlink(store, made[7]!), true)
    expectEqual(await store.link(late), 'linked')
    expectEqual((await aliasesOf(store, 'ada')).length, ALIAS_LIMIT)
  },

  async 'of 20 concurrent links of one account, 16 succeed'(store) {
    await store.insert(of('ada'))
    const results = await Promise.all(Array.from({ length: 20 }, () => store.link(of('ada'))))
    expectEqual(results.toSorted(), [...Array(4).fill('full'), ...Array(ALIAS_LIMIT).fill('linked')])
    expectEqual((await aliasesOf(store, 'ada')).length, ALIAS_LIMIT)
  },

  async 'of five concurrent accounts that link one principal, one gets it'(store) {
    const [key, names] = [device(), ['a', 'b', 'c', 'd', 'e']]
    for (const name of names) await store.insert(of(name))
    const results = await Promise.all(names.map((name) => store.link(of(name, key))))
    const kept = await Promise.all(names.map((name) => aliasesOf(store, name)))
    expectEqual(results.filter((result) => result === 'linked').length, 1)
    expectEqual(
      kept,
      results.map((result) => (result === 'linked' ? [key.principal] : [])),
    )
  },

  async 'of a concurrent link and bind of one principal, one succeeds'(store) {
    const key = device()
    await store.insert(of('ada'))
    const [linked, bound] = await Promise.all([store.link(of('ada', key)), store.insert(of('eve', key))])
    expectEqual([linked === 'linked', bound !== null].filter(Boolean).length, 1)
    expectEqual((await aliasesOf(store, 'ada')).length === 1, linked === 'linked')
    expectEqual(await store.find(ISSUER, 'eve'), bound)
  },

  async 'a removed alias is kept for its account for 30 days'(store, wait) {
    const made = of('ada')
    await store.insert(of('ada'))
    await store.insert(of('eve'))
    await store.link(made)
    expectEqual([await unlink(store, made), await unlink(store, made)], [true, true])
    expectEqual(await aliasesOf(store, 'ada'), [])
    wait(ALIAS_HOLD_MS - 1)
    expectEqual(await store.link({ ...made, subject: 'eve' }), 'taken')
    expectEqual(await store.insert({ ...made, subject: 'new' }), null)
    expectEqual(await store.link(made), 'linked')
    expectEqual(await unlink(store, made), true)
    wait(ALIAS_HOLD_MS)
    expectEqual(await unlink(store, made), false)
    expectEqual(await store.link({ ...made, subject: 'eve' }), 'linked')
    expectEqual(await store.link(made), 'taken')
    expectEqual([await aliasesOf(store, 'ada'), await aliasesOf(store, 'eve')], [[], [made.principal]])
  },

  async 'after 30 days a removed alias can be bound'(store, wait) {
    const made = of('ada')
    await store.insert(of('ada'))
    await store.link(made)
    await unlink(store, made)
    wait(ALIAS_HOLD_MS)
    const bound = { ...made, subject: 'new' }
    expectEqual(await store.insert(bound), bound)
    expectEqual(await store.link(made), 'taken')
  },

  async 'only an alias of the account itself can be removed'(store) {
    const [own, alias] = [of('ada'), of('ada')]
    await store.insert(own)
    await store.link(alias)
    await store.insert(of('eve'))
    expectEqual(await store.unlink(ISSUER, 'eve', alias.principal), false)
    expectEqual(await store.unlink('https://other.example', 'ada', alias.principal), false)
    expectEqual(await unlink(store, own), false)
    expectEqual(await store.unlink(ISSUER, 'ada', 'unknown'), false)
    expectEqual([await store.find(ISSUER, 'ada'), await aliasesOf(store, 'ada')], [own, [alias.principal]])
  },

  async 'tells who has a principal, or had it last'(store) {
    const [own, alias] = [of('ada'), of('ada')]
    await store.insert(own)
    await store.link(alias)
    expectEqual(await store.holderOf('unknown'), null)
    expectEqual(await store.holderOf(own.principal), { ...own, kind: 'canonical' })
    expectEqual(await store.holderOf(alias.principal), { ...alias, kind: 'alias' })
    await unlink(store, alias)
    expectEqual(await store.holderOf(alias.principal), { ...alias, kind: 'former' })
  },
}
