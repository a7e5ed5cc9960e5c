import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { createAuth, memoryStore } from '../../lib/index.ts'
import type { ConnectedSession } from '../../lib/session.ts'
import { connectTriplit } from './index.ts'
import {
  SYNC,
  type TestIssuer,
  type TestTriplit,
  settle,
  startTriplit,
  testClient,
  testIssuer,
  until,
} from './triplit.testing.ts'

// An app with a provider's own tokens and no Latchkey identity, as in the guide for Clerk.

let issuer: TestIssuer
let triplit: TestTriplit
let session: ConnectedSession
let provided: string | null = null

beforeAll(async () => {
  issuer = await testIssuer()
  triplit = await startTriplit(issuer.pem)
})
beforeEach(() => {
  // The server writes every refusal there.
  vi.spyOn(console, 'error').mockImplementation(() => {})
})
afterEach(() => session.end())
afterAll(() => triplit.close())

const sockets = () => triplit.requests.filter((request) => request === 'GET /').length
const tokenFor = (sub: string, jti = 'one') => {
  const iat = Math.floor(Date.now() / 1000)
  return issuer.sign({ aud: SYNC, sub, aliases: [], principals_tag: `only ${sub}`, iat, exp: iat + 900, jti })
}

/** What the app does whenever the provider reports a change. */
async function follow(token: string | null): Promise<void> {
  provided = token
  if (token === null) await session.end()
  else await session.start(token)
}

test('a changed token is taken, an unchanged one changes nothing, a null one ends, another user starts anew (checklist 23: on a real server)', async () => {
  const guest = createAuth({ initialMode: 'anonymous', keystore: memoryStore(), audience: 'https://notes.example' })
  const client = testClient(triplit.url)
  session = connectTriplit(guest, client, {
    autoStart: false,
    refresh: { handler: () => provided },
    beforeRestart: (_, connected) => connected.clear(),
  })
  const texts = async () =>
    (await client.fetch({ collectionName: 'notes' }, { policy: 'local-only' })).map(({ text }) => text)

  const first = await tokenFor('ada')
  await follow(first)
  await settle(session, 'connected')
  await client.insert('notes', { owner: 'ada', text: "Ada's" })
  await until(async () => expect(await triplit.rows()).toMatchObject([{ owner: 'ada', text: "Ada's" }]))

  await follow(first)
  const second = await tokenFor('ada', 'two')
  await follow(second)
  await until(() => expect(client.token).toBe(second))
  expect([sockets(), session.getState()]).toEqual([1, { status: 'connected', principal: 'ada' }])

  await follow(null)
  expect(session.getState()).toEqual({ status: 'ended', principal: null })
  await until(() => expect([client.token, client.connectionStatus]).toEqual([undefined, 'UNINITIALIZED']))
  expect(await texts()).toEqual(["Ada's"])

  await follow(await tokenFor('bob'))
  await settle(session, 'connected')
  expect(session.getState().principal).toBe('bob')
  expect(await texts()).toEqual([])
})
