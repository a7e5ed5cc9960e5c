import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createAuth, memoryStore } from '../../lib/index.ts'
import type { ConnectedSession } from '../../lib/session.ts'
import { type TriplitOptions, connectTriplit } from './index.ts'
import { SYNC, type TestIssuer, type TestTriplit, startTriplit, testClient, testIssuer } from './triplit.testing.ts'

// A client without a server that accepts its token: only what happens on the device counts.

let issuer: TestIssuer
let triplit: TestTriplit
let session: ConnectedSession

beforeAll(async () => {
  issuer = await testIssuer()
  triplit = await startTriplit(issuer.pem)
})
afterEach(() => session.end())
afterAll(() => triplit.close())

async function opened(handler: () => Promise<string | null> = async () => null, options: TriplitOptions = {}) {
  const auth = createAuth({ initialMode: 'anonymous', keystore: memoryStore(), audience: 'https://notes.example' })
  const client = testClient(triplit.url)
  session = connectTriplit(auth, client, { refresh: { handler }, ...options })
  const notes = () => client.fetch({ collectionName: 'notes' }, { policy: 'local-only' })
  return { auth, client, notes }
}

const note = (owner: string) => ({ id: 'one', owner, text: 'a note' })
const denied = (operation: string) => ({ code: 'ANONYMOUS_WRITE_DENIED', resource: 'notes', operation })

test('a client without an identity writes nothing locally, not even in a transaction (checklist 3: on a sync engine)', async () => {
  const { client, notes } = await opened()
  await expect(client.insert('notes', note('nobody'))).rejects.toMatchObject(denied('insert'))
  await expect(client.update('notes', 'one', { text: 'changed' })).rejects.toMatchObject(denied('update'))
  await expect(client.delete('notes', 'one')).rejects.toMatchObject(denied('delete'))
  const inside = client.transact(async (transaction) => {
    expect(await transaction.fetch({ collectionName: 'notes' })).toEqual([])
    await transaction.insert('notes', note('nobody'))
  })
  await expect(inside).rejects.toMatchObject(denied('insert'))
  expect(await notes()).toEqual([])
})

test('a client with an identity writes, also offline and in a transaction', async () => {
  const { auth, client, notes } = await opened()
  const { principal } = await auth.ensureIdentity()
  await client.insert('notes', note(principal))
  await client.transact(async (transaction) => {
    await transaction.insert('notes', { ...note(principal), id: 'two' })
    await transaction.update('notes', 'two', { text: 'changed' })
    await transaction.delete('notes', 'one')
  })
  expect(await notes()).toMatchObject([{ id: 'two', text: 'changed' }])
  await auth.signOut()
  await expect(client.insert('notes', note(principal))).rejects.toMatchObject(denied('insert'))
})

test("a client with a provider's token writes, and the app reassigns rows when the user changes", async () => {
  const iat = Math.floor(Date.now() / 1000)
  const token = (sub: string) =>
    issuer.sign({ aud: SYNC, sub, aliases: [], principals_tag: 'tag', iat, exp: iat + 900 })
  let user = 'ada'
  const { client, notes } = await opened(() => token(user), {
    beforeRestart: ({ to }) => client.update('notes', 'one', { owner: to }),
  })
  await expect.poll(() => session.getState().principal).toBe('ada')
  await client.insert('notes', note('ada'))
  expect(await notes()).toMatchObject([{ owner: 'ada' }])
  user = 'bob'
  await session.end()
  await session.start()
  await expect.poll(() => session.getState().principal).toBe('bob')
  expect(await notes()).toMatchObject([{ owner: 'bob' }])
})
