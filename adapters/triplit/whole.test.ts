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
  const session = connectTriplit(auth, client, { audience: SYNC })
  opened.push(() => session.end())
  await session.ready
  const principal = (): string => auth.getState().session!.principal
  const write = (text: string): Promise<unknown> => client.insert('notes', { text, owner: principal() })
  const notes = async (): Promise<string[]> =>
    (await client.fetch({ collectionName: 'notes' }, { policy: 'local-only' })).map(({ text }) => text).sort()
  return { browser, auth, client, session, principal, write, notes }
}

test("a device, its account and an adopted device sync the whole way, with the claims of the server's hook (checklist 22: project id, token type external, user id)", async () => {
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
