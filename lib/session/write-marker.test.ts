import { expect, test, vi } from 'vitest'
import type { SessionAuth } from './options.ts'
import { rest, testIdentity, testTime } from './session.testing.ts'
import { createWriteMarker } from './write-marker.ts'

function testAuth(markWritten = vi.fn(async () => {})) {
  let principal: string | null = 'ada'
  const auth = { getState: () => ({ session: principal === null ? null : { principal } }), markWritten }
  return { auth: auth as unknown as SessionAuth, markWritten, become: (next: string | null) => (principal = next) }
}

test('the first write of each principal is marked', () => {
  const { auth, markWritten, become } = testAuth()
  const mark = createWriteMarker(auth)
  for (const who of ['ada', 'ada', null, 'bob', 'bob']) {
    become(who)
    mark()
  }
  expect(markWritten).toHaveBeenCalledTimes(2)
})

test('a mark that failed is tried again on the next write', async () => {
  const { auth, markWritten } = testAuth()
  markWritten.mockRejectedValueOnce(new Error('blocked'))
  const mark = createWriteMarker(auth)
  mark()
  await rest()
  mark()
  mark()
  expect(markWritten).toHaveBeenCalledTimes(2)
})

test('an auth without markWritten is left alone', () => {
  const { auth } = testAuth()
  expect(() => createWriteMarker({ getState: auth.getState })()).not.toThrow()
})

test('a sign-in to another account asks what becomes of the data, without the help of the app', async () => {
  const outcomeOf = async (writes: number): Promise<string> => {
    const { auth, account, server } = await testIdentity(testTime())
    server.accounts.set('eve', { accountId: 'eve', principal: 'eve', aliases: [], recoverable: true, claims: {} })
    const mark = createWriteMarker(auth)
    for (let write = 0; write < writes; write++) mark()
    await rest()
    return (await auth.upgrade(() => account.signIn('eve'))).outcome
  }
  expect([await outcomeOf(0), await outcomeOf(1)]).toEqual(['switched', 'conflict'])
})
