import { decodeJwt } from 'jose'
import { afterEach, expect, test, vi } from 'vitest'
import type { AccountProvider } from '../../lib/index.ts'
import { betterAuthAccount } from '../better-auth/client/index.ts'
import { latchkey, latchkeyJwt } from '../better-auth/index.ts'
import { post } from '../better-auth/testing/requests.testing.ts'
import { ORIGIN, type TestBrowser, type TestServer, person, testServer } from '../better-auth/testing/server.testing.ts'
import { connectTriplit } from './index.ts'
import { checkExternalJwtSecret, readExternalJwtSecret } from './server.ts'
import { SYNC, type TestTriplit, settle, startTriplit, testClient, until } from './triplit.testing.ts'

const TYPE = 'urn:latchkey:params:oauth:token-type:'
const ada = person('ada')
const opened: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close()
})

/** Better Auth with the exchange, and a Triplit server that knows its key. */
async function bothServers(): Promise<{ server: TestServer; triplit: TestTriplit }> {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  const server = await testServer({
    plugins: [
      latchkey({
        exchange: {
          audiences: [SYNC],
          algorithm: 'RS256',
          claims: ({ principal }) => ({
            'x-triplit-token-type': 'external',
            'x-triplit-project-id': 'notes',
            'x-triplit-user-id': principal,
          }),
        },
      }),
      latchkeyJwt({ jwks: { keyPairConfig: { alg: 'RS256' } } }),
    ],
  })
  const jwks = await (await server.browser().send('/jwks')).text()
  const triplit = await startTriplit(checkExternalJwtSecret(readExternalJwtSecret(jwks).repair!))
  opened.push(() => triplit.close())
  return { server, triplit }
}

/** The exchange by hand, as RFC 8693 has it. */
function exchanging(account: AccountProvider, browser: TestBrowser): AccountProvider {
  return {
    ...account,
    async exchange(audience, prove) {
      const subject = prove
        ? { subject_token_type: `${TYPE}proof`, subject_token: await prove() }
        : { subject_token_type: `${TYPE}session` }
      const response = await browser.send(
        '/latchkey/token',
        post({ grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', audience, ...subject }),
      )
      const body = (await response.json()) as { access_token?: string }
      expect(body).toHaveProperty('access_token')
      return body.access_token!
    },
  }
}

async function device({ server, triplit }: { server: TestServer; triplit: TestTriplit }) {
  const browser = server.browser()
  const auth = await browser.load({
    account: exchanging(betterAuthAccount(browser.client), browser),
    audiences: { [SYNC]: { audience: SYNC, via: 'exchange' } },
    harden: 'never',
  })
  const client = testClient(triplit.url)
  const session = connectTriplit(auth, client, {
    audience: SYNC,
    beforeRestart: (_, connected) => connected.clear(),
  })
  opened.push(() => session.end())
  await session.ready
  const principal = (): string => auth.getState().session!.principal
  const write = (text: string): Promise<unknown> => client.insert('notes', { text, owner: principal() })
  const notes = async (): Promise<string[]> =>
    (await client.fetch({ collectionName: 'notes' }, { policy: 'local-only' })).map(({ text }) => text).sort()
  const watch = (): void => void client.subscribeBackground({ collectionName: 'notes' })
  /** What a page does in time: the next token says what changed elsewhere. */
  const renew = async (): Promise<void> => session.update(await auth.getToken({ audience: SYNC, fresh: true }))
  return { browser, auth, client, session, principal, write, notes, watch, renew }
}

/** An account on two devices, and a further device that can adopt. */
async function threeDevices() {
  const servers = await bothServers()
  const [one, two, three] = [await device(servers), await device(servers), await device(servers)]
  const alias = two.principal()
  await one.auth.upgrade(() => one.browser.client.signUp.email(ada))
  await three.auth.upgrade(() => three.browser.client.signIn.email(ada))
  for (const { session } of [one, two, three]) await settle(session, 'connected')
  await one.write('of the account')
  await two.write('of the alias')
  await until(async () => expect(await servers.triplit.rows()).toHaveLength(2))
  const watch = async (texts: string[]): Promise<void> => {
    for (const each of [one, three]) {
      await each.renew()
      each.watch()
      await until(async () => expect(await each.notes()).toEqual(texts))
    }
  }
  const adopt = async (): Promise<void> => {
    await two.auth.upgrade(() => two.browser.client.signIn.email(ada))
    expect(await two.auth.resolveConflict('adopt')).toMatchObject({ outcome: 'adopted' })
  }
  return { servers, one, two, three, alias, watch, adopt }
}

// The server answers queries that it takes for equal from one live view, and all lists are equal to it.
test('a list that is open on two devices before an adoption has the rows of the alias with the next token', async () => {
  const { one, three, watch, adopt } = await threeDevices()
  await watch(['of the account'])
  await adopt()
  await one.renew()
  await until(async () => expect(await one.notes()).toEqual(['of the account', 'of the alias']))
  expect(await three.notes()).toEqual(['of the account'])
})

test('a list that is open on two devices before an undo has nothing of what the freed identity writes afterwards (checklist 35: undo)', async () => {
  const { servers, one, two, three, alias, watch, adopt } = await threeDevices()
  await adopt()
  await watch(['of the account', 'of the alias'])
  await two.auth.unlinkAlias(alias)
  // The third device keeps its token, and with it the view of before.
  await one.renew()
  await settle(one.session, 'connected')
  await two.auth.signOut()
  await two.auth.ensureIdentity({ resume: alias })
  await settle(two.session, 'connected')
  await two.write('private')
  await until(async () => expect(await servers.triplit.rows()).toHaveLength(3))
  await three.write('later')
  await until(async () => expect(await one.notes()).toContain('later'))
  expect(await one.notes()).not.toContain('private')
})

test("a device, its account and an adopted device sync from end to end, with the claims of the server's hook (checklist 22: project id, token type external, user id)", async () => {
  const servers = await bothServers()
  const texts = async (): Promise<string[]> => (await servers.triplit.rows()).map(({ text }) => text).sort()
  const one = await device(servers)
  await one.write('before any account')
  await settle(one.session, 'connected')
  await until(async () => expect(await texts()).toEqual(['before any account']))
  const canonical = one.principal()
  expect(decodeJwt(one.client.token!)).toMatchObject({
    iss: ORIGIN,
    sub: canonical,
    aud: SYNC,
    auth_mode: 'local-first',
    aliases: [],
    'x-triplit-token-type': 'external',
    'x-triplit-project-id': 'notes',
    'x-triplit-user-id': canonical,
  })

  servers.triplit.online = false
  await one.write('in the outbox at the upgrade')
  expect(await one.auth.upgrade(() => one.browser.client.signUp.email(ada))).toMatchObject({ outcome: 'upgraded' })
  servers.triplit.online = true
  await until(async () => expect(await texts()).toEqual(['before any account', 'in the outbox at the upgrade']))
  await until(() => expect(decodeJwt(one.client.token!)).toMatchObject({ sub: canonical, auth_mode: 'external' }))

  const two = await device(servers)
  await settle(two.session, 'connected')
  const alias = two.principal()
  await two.write('on the second device')
  await two.auth.markWritten()
  expect(await two.auth.upgrade(() => two.browser.client.signIn.email(ada))).toMatchObject({ outcome: 'conflict' })
  expect(await two.auth.resolveConflict('adopt')).toMatchObject({
    outcome: 'adopted',
    session: { principals: [canonical, alias] },
  })
  two.client.subscribeBackground({ collectionName: 'notes' })
  await until(async () =>
    expect(await two.notes()).toEqual(['before any account', 'in the outbox at the upgrade', 'on the second device']),
  )
  expect(decodeJwt(two.client.token!)).toMatchObject({ sub: canonical, aliases: [alias] })

  await two.auth.signOut()
  await until(() => expect(two.client.token).toBeUndefined())
  await two.session.clear()
  expect(await two.notes()).toEqual([])
  expect(await texts()).toHaveLength(3)
})
