import type { SessionAnswer } from '../../adapters/better-auth/index.ts'
import { pathOf } from '../../adapters/better-auth/testing/requests.testing.ts'
import { type Dump, dumpOf } from './dump.ts'
import { codeFor, signedMessage } from './server.ts'
import { type Account, MOVED, accountsIn } from './subject.ts'
import { ask } from './ask.ts'
import { type Name, type Named, PEOPLE, type World, mailOf, nameOf, ownerOfPrincipal } from './world.ts'

/** What must hold after each act, whatever was done. */
export async function expectInvariants(world: World): Promise<void> {
  const dump = await dumpOf(world)
  const accounts = accountsIn(dump)
  expectOneAccountEach(world, accounts)
  for (const account of accounts) noteEves(world, account)
  for (const account of accounts) await expectOwnOnly(world, dump, account)
}

/** A principal belongs to at most one account, and to none after it was retired. */
export function expectOneAccountEach(
  world: Pick<World, 'retired' | 'broken'> & Named,
  accounts: readonly Account[],
): void {
  const holders = new Map<string, string>()
  for (const { id, principals } of accounts) {
    for (const principal of principals) {
      if (world.retired.has(principal))
        world.broken.push(`${nameOf(world, principal)} was retired, and is in use again`)
      const other = holders.get(principal)
      if (other !== undefined)
        world.broken.push(`${nameOf(world, principal)} belongs to two accounts, ${other} and ${id}`)
      holders.set(principal, id)
    }
  }
}

/** Only its owner can be in an account that has an honest person's principal. */
async function expectOwnOnly(world: World, dump: Dump, account: Account): Promise<void> {
  if (account.isLost) return
  const owners = new Set(account.principals.map((principal) => ownerOfPrincipal(world, principal)))
  for (const owner of owners) {
    if (owner === undefined || owner === 'eve') continue
    for (const other of PEOPLE.filter((name) => name !== owner)) await expectNoWayIn(world, dump, account, owner, other)
  }
}

async function expectNoWayIn(world: World, dump: Dump, account: Account, owner: Name, other: Name): Promise<void> {
  for (const way of waysIn(world, dump, account, other)) {
    const session = await way.enter()
    const found = [session?.principal, ...(session?.aliases ?? [])].filter(
      (principal) => principal !== undefined && ownerOfPrincipal(world, principal) === owner,
    )
    if (found.length > 0)
      world.broken.push(`${other} has ${found.map((each) => nameOf(world, each!)).join()} by ${way.name}`)
    else world.log.push(`      ${other} has ${way.name}, which gives nothing of ${owner}'s`)
  }
}

export interface Way {
  readonly name: string
  enter(): Promise<SessionAnswer['session']>
}

/** How a person could be in an account, as far as the rows show. */
export function waysIn(world: World, dump: Dump, { id, user }: Account, name: Name): Way[] {
  const { password, mailboxes, phone, wallet } = world.people[name]
  const of = (table: string) => (dump[table] ?? []).filter((row) => row['userId'] === id)
  const sessions = of('session').filter(
    (row) => !row['impersonatedBy'] && world.sessions.get(String(row['token']))?.holders.has(name) === true,
  )
  const accounts = of('account')
  const email = String(user['email'])
  const ways: (Way | false)[] = [
    ...sessions.map(({ token }) => ({
      name: 'a session',
      enter: () => subjectBy(world, { authorization: `Bearer ${String(token)}` }),
    })),
    accounts.some((row) => row['providerId'] === 'credential' && row['password'] === password) && {
      name: 'the password',
      enter: () => afterwards(world, '/sign-in/email', { email, password }),
    },
    accounts.some((row) => row['providerId'] === 'local' && row['accountId'] === name) && {
      name: 'the provider',
      enter: () => byProvider(world, name),
    },
    accounts.some((row) => row['providerId'] === 'siwe' && String(row['accountId']).startsWith(wallet)) && {
      name: 'the wallet',
      enter: () => byWallet(world, name),
    },
    mailboxes.includes(email) && { name: 'the mailbox', enter: () => byMailbox(world, email) },
    user['phoneNumber'] === phone && { name: 'the phone', enter: () => byPhone(world, phone) },
    ...(of('apikey').length + (dump['apikey'] ?? []).filter((row) => row['referenceId'] === id).length > 0
      ? (world.apiKeys.get(name) ?? []).map((key) => ({
          name: 'an API key',
          enter: () => subjectBy(world, { 'x-api-key': key }),
        }))
      : []),
  ]
  return ways.filter((way) => way !== false)
}

async function subjectBy(
  world: World,
  headers: Record<string, string>,
  cookies = new Map<string, string>(),
): Promise<SessionAnswer['session']> {
  const { body, status } = await ask(world, cookies, '/latchkey/session', { headers })
  return status === 200 ? (body as SessionAnswer).session : null
}

async function afterwards(world: World, path: string, body: object): Promise<SessionAnswer['session']> {
  const cookies = new Map<string, string>()
  await ask(world, cookies, path, { body })
  return subjectBy(world, {}, cookies)
}

async function byProvider(world: World, name: Name): Promise<SessionAnswer['session']> {
  const cookies = new Map<string, string>()
  const started = await ask(world, cookies, '/sign-in/social', { body: { provider: 'local', callbackURL: '/' } })
  const state = new URL((started.body as { url: string }).url).searchParams.get('state')
  const profile = { sub: name, email: world.people[name].mailboxes[0], emailVerified: true }
  await ask(world, cookies, `/callback/local?code=${codeFor(profile)}&state=${state}`)
  return subjectBy(world, {}, cookies)
}

async function byMailbox(world: World, email: string): Promise<SessionAnswer['session']> {
  const cookies = new Map<string, string>()
  await ask(world, cookies, '/sign-in/magic-link', { body: { email } })
  await ask(world, cookies, pathOf(mailOf(world, email, ({ kind }) => kind === 'magic')!.url!))
  return subjectBy(world, {}, cookies)
}

async function byWallet(world: World, name: Name): Promise<SessionAnswer['session']> {
  const cookies = new Map<string, string>()
  const { body } = await ask(world, cookies, '/siwe/nonce', { body: {} })
  await ask(world, cookies, '/siwe/verify', {
    body: signedMessage(world.people[name], (body as { nonce: string }).nonce),
  })
  return subjectBy(world, {}, cookies)
}

async function byPhone(world: World, phoneNumber: string): Promise<SessionAnswer['session']> {
  const cookies = new Map<string, string>()
  await ask(world, cookies, '/phone-number/send-otp', { body: { phoneNumber } })
  const code = mailOf(world, phoneNumber, ({ kind }) => kind === 'phone')!.code
  await ask(world, cookies, '/phone-number/verify', { body: { phoneNumber, code } })
  return subjectBy(world, {}, cookies)
}

/**
 * Notes the accounts that are Eve's by an identifier that she had proven before an honest person's mailbox came to
 * them: her phone number, or another mailbox from which the account was moved. They stay hers; nothing is linked to
 * them.
 */
function noteEves(world: World, { id, user, isLost }: Account): void {
  const isHerPhone = Boolean(user['phoneNumberVerified']) && user['phoneNumber'] === world.people.eve.phone
  if ((isHerPhone && !isLost) || MOVED.includes(user['principalMailboxBy'])) world.eves.add(id)
}
