import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { createAuth, memoryStore } from '../../lib/index.ts'
import type { ConnectedSession } from '../../lib/session.ts'
import { MINUTE, SECOND, testTime } from '../../lib/session/session.testing.ts'
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

test('a changed token is used, an unchanged one changes nothing, another user starts a new session, null ends the session (checklist 23: on a real server)', async () => {
  const guest = createAuth({ initialMode: 'anonymous', keystore: memoryStore(), audience: 'https://notes.example' })
  const client = testClient(triplit.url)
  const time = testTime(Date.now())
  let provided: string | null = await tokenFor('ada')
  let asked = 0
  session = connectTriplit(guest, client, {
    refresh: { handler: () => (asked++, provided) },
    beforeRestart: (_, connected) => connected.clear(),
    clock: time.clock,
    timer: time.timer,
  })
  const texts = async () =>
    (await client.fetch({ collectionName: 'notes' }, { policy: 'local-only' })).map(({ text }) => text)
  /** The provider returns this at the next refresh. Not much later: the server answers in real time. */
  const provide = async (token: string | null): Promise<void> => {
    provided = token
    const [before, limit] = [asked, time.elapsed() + 15 * MINUTE]
    while (asked === before && time.elapsed() < limit) await time.advance(SECOND)
  }

  await settle(session, 'connected')
  await client.insert('notes', { owner: 'ada', text: "Ada's" })
  await until(async () => expect(await triplit.rows()).toMatchObject([{ owner: 'ada', text: "Ada's" }]))

  const first = provided
  await provide(first)
  expect([sockets(), client.token]).toEqual([1, first])
  const second = await tokenFor('ada', 'two')
  await provide(second)
  await until(() => expect(client.token).toBe(second))
  expect([sockets(), session.getState()]).toEqual([1, { status: 'connected', principal: 'ada' }])

  await provide(await tokenFor('bob'))
  await until(() => expect(session.getState()).toEqual({ status: 'connected', principal: 'bob' }))
  expect(await texts()).toEqual([])
  await client.insert('notes', { owner: 'bob', text: "Bob's" })
  await until(async () => expect(await triplit.rows()).toMatchObject([{ owner: 'ada' }, { owner: 'bob' }]))

  await provide(null)
  expect(session.getState()).toEqual({ status: 'ended', principal: null })
  await until(() => expect([client.token, client.connectionStatus]).toEqual([undefined, 'UNINITIALIZED']))
  expect(await texts()).toEqual(["Bob's"])
})
