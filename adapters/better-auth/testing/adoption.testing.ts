import { createEmailVerificationToken } from 'better-auth/api'
import fc from 'fast-check'
import { type TestDevice, testDevice } from '../../../lib/testing.ts'
import { PROOF_HEADER } from '../index.ts'
import { link, nonceFor, unlink } from './link.testing.ts'
import type { Call } from './race.testing.ts'
import { type Person, cookieOf, newPerson, post, proofOf } from './requests.testing.ts'
import { AUDIENCE, BASE_OPTIONS, type TestServer, person } from './server.testing.ts'

/**
 * What an account is before the race: bound to a principal, and perhaps its mailbox proven; older than the plugin; or
 * never used.
 */
type AccountKind = 'bound' | 'proven' | 'old' | 'open'

/** A device's principal before the race; `left` and `released`: reservations without a user, live or expired. */
type DeviceState = 'new' | 'alias' | 'held' | 'lapsed' | 'left' | 'released'

/** What one request of a race does. */
interface Act {
  readonly kind: 'link' | 'unlink' | 'bind' | 'sign-up' | 'reset' | 'remove' | 'look'
  readonly account: number
  readonly device: number
}

/** Who is there, and what they all do at one moment. */
export interface Scenario {
  readonly accounts: readonly AccountKind[]
  readonly devices: readonly { readonly state: DeviceState; readonly of: number }[]
  readonly acts: readonly Act[]
  /**
   * Numbers that say whose statement comes next, if the database lets tests decide it; otherwise all run at once.
   */
  readonly order: readonly number[] | null
}

/** Scenarios of so many requests, the same for the same seed. */
export function scenarios(seed: number, amount: number, requests: number): Scenario[] {
  const kind = fc.constantFrom<AccountKind[]>('bound', 'bound', 'proven', 'old', 'old', 'open')
  const state = fc.constantFrom<DeviceState[]>(
    'new',
    'new',
    'alias',
    'alias',
    'held',
    'held',
    'lapsed',
    'left',
    'released',
  )
  const act = fc.constantFrom<Act['kind'][]>(
    'link',
    'link',
    'link',
    'link',
    'unlink',
    'unlink',
    'unlink',
    'bind',
    'bind',
    'sign-up',
    'reset',
    'remove',
    'look',
  )
  const scenario = fc.record({
    accounts: fc.array(kind, { minLength: 2, maxLength: 3, size: 'max' }),
    devices: fc.array(fc.record({ state, of: fc.nat(2) }), { minLength: 1, maxLength: 2, size: 'max' }),
    acts: fc.array(fc.record({ kind: act, account: fc.nat(2), device: fc.nat(2) }), {
      minLength: requests,
      maxLength: requests,
      size: 'max',
    }),
    order: fc.option(fc.array(fc.nat(999), { minLength: 40, maxLength: 40 }), { freq: 2 }),
  })
  return fc.sample(scenario, { seed, numRuns: amount })
}

/** An account of a scenario. */
export interface Account {
  readonly kind: AccountKind
  readonly id: string
  readonly email: string
  readonly one: Person
  /** Null while the account is unused. */
  readonly principal: string | null
}

/** An act with its parties. */
export interface Deed {
  readonly kind: Act['kind']
  readonly account: Account
  readonly device: TestDevice
  /** Of the user that a sign-up makes. */
  readonly email: string
}

/** A scenario on a real server. */
export interface World {
  readonly accounts: readonly Account[]
  /** Those of the scenario, and those that made accounts. */
  readonly devices: readonly TestDevice[]
  readonly deeds: readonly Deed[]
}

/** Brings the parties of a scenario to where it begins. */
export async function prepare(
  server: TestServer,
  { accounts: kinds, devices: states, acts }: Scenario,
  name: string,
): Promise<World> {
  const accounts = await inTurn(kinds, (kind, index) => newAccount(server, kind, `${name}-${index}`))
  const own = await inTurn(states, ({ state, of }) => newDevice(server, state, pick(accounts, of)))
  const devices = [...own, ...accounts.filter(({ kind }) => isBound(kind)).map(({ one }) => one.device)]
  const linked = states.flatMap(({ state, of }, index) =>
    state === 'alias' || state === 'held' ? [{ account: pick(accounts, of), device: own[index]! }] : [],
  )
  const deeds = acts.map(({ kind, account, device }, index) => {
    // Most undos are of what is there to be undone.
    const parties =
      kind === 'unlink' && linked.length > 0
        ? pick(linked, device)
        : { account: pick(accounts, account), device: pick(devices, device) }
    return { kind, ...parties, email: person(`${name}-new-${index}`).email }
  })
  return { accounts, devices, deeds }
}

async function newAccount(server: TestServer, kind: AccountKind, name: string): Promise<Account> {
  const [one, credentials] = [await newPerson(server), person(name)]
  const { email } = credentials
  const answer = await (isBound(kind)
    ? one.prove('/sign-up/email', credentials)
    : one.browser.send('/sign-up/email', post(credentials)))
  const { user } = (await answer.json()) as { user: { id: string } }
  if (kind === 'proven') await one.follow(await verificationOf(email))
  return { kind, id: user.id, email, one, principal: kind === 'open' ? null : (await one.session())!.principal }
}

function isBound(kind: AccountKind): boolean {
  return kind === 'bound' || kind === 'proven'
}

async function verificationOf(email: string): Promise<string> {
  return `/verify-email?token=${await createEmailVerificationToken(BASE_OPTIONS.secret, email)}`
}

async function newDevice(server: TestServer, state: DeviceState, { kind, one }: Account): Promise<TestDevice> {
  const device = await testDevice()
  const { principal, thumbprint } = device
  if (state === 'left' || state === 'released') {
    const until = state === 'left' ? new Date(Date.now() + 600_000) : null
    await server.adapter.create({
      model: 'latchkeyPrincipal',
      data: {
        principal,
        thumbprint,
        kind: 'reserved',
        epoch: crypto.randomUUID(),
        userId: null,
        issuer: null,
        subject: null,
        until,
      },
    })
  }
  if (kind === 'open' || !(state === 'alias' || state === 'held' || state === 'lapsed')) return device
  await link(one, device)
  if (state !== 'alias') await unlink(one, principal)
  if (state === 'lapsed')
    await server.change('latchkeyPrincipal', { until: new Date(Date.now() - 1000) }, { principal })
  return device
}

/** The request of a deed. */
export async function callOf({ kind, account, device, email }: Deed): Promise<Call> {
  const { browser } = account.one
  const headers = cookieOf(account.one)
  const calls: Record<Act['kind'], () => Promise<Call>> = {
    link: async () => linkCall(account, device, headers),
    unlink: async () => ({
      path: '/latchkey/unlink',
      body: { nonce: await nonceFor(browser, 'unlink'), alias: device.principal },
      headers,
    }),
    bind: async () => {
      const nonce = await nonceFor(browser, 'bind')
      return {
        path: '/latchkey/bind',
        body: { nonce },
        headers: { ...headers, [PROOF_HEADER]: await device.proof({ audience: AUDIENCE, purpose: 'bind', nonce }) },
      }
    },
    'sign-up': async () => ({
      path: '/sign-up/email',
      body: { ...person('new'), email },
      headers: await proofOf(device),
    }),
    reset: async () => ({ path: await verificationOf(account.email) }),
    remove: async () => ({ path: '/delete-user', body: { password: person('any').password }, headers }),
    look: async () => ({ path: '/latchkey/session', headers }),
  }
  return calls[kind]()
}

async function linkCall(
  { one: { browser }, id, principal }: Account,
  device: TestDevice,
  headers: Record<string, string>,
): Promise<Call> {
  const nonce = await nonceFor(browser, 'link')
  const proof = await device.proof({ audience: AUDIENCE, purpose: 'link', nonce, linkTo: principal ?? id })
  return { path: '/latchkey/link', body: { nonce }, headers: { ...headers, [PROOF_HEADER]: proof } }
}

function pick<Item>(items: readonly Item[], index: number): Item {
  return items[index % items.length]!
}

async function inTurn<Item, Made>(
  items: readonly Item[],
  make: (item: Item, index: number) => Promise<Made>,
): Promise<Made[]> {
  const made: Made[] = []
  for (const [index, item] of items.entries()) made.push(await make(item, index))
  return made
}
