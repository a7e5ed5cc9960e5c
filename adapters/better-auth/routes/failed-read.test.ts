import type { AuthContext } from 'better-auth'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { latchkey, latchkeyJwt } from '../index.ts'
import { newPerson, post } from '../testing/requests.testing.ts'
import { person, testServer } from '../testing/server.testing.ts'

// Better Auth's `getSessionFromCtx` takes a failed read of the database for no session.

const API = 'https://api.example'

afterEach(() => vi.restoreAllMocks())

/** @param failures - how many reads of a session fail */
async function signedIn(failures: number) {
  const server = await testServer({ plugins: [latchkey({ exchange: { audiences: [API] } }), latchkeyJwt()] })
  const one = await newPerson(server)
  await one.prove('/sign-up/email', person('ada'))
  const { internalAdapter } = (await server.auth.$context) as unknown as AuthContext
  vi.spyOn(console, 'error').mockImplementation(() => {})
  const { findSession } = internalAdapter
  let left = failures
  vi.spyOn(internalAdapter, 'findSession').mockImplementation(async (token) => {
    if (left-- > 0) throw new Error('connection lost')
    return findSession(token)
  })
  return { server, one }
}

const REQUESTS: [string, object | undefined][] = [
  ['/latchkey/session', undefined],
  ['/latchkey/session?peek=1', undefined],
  ['/latchkey/challenge', { purpose: 'bind' }],
  ['/latchkey/devices', undefined],
  ['/latchkey/keys', undefined],
]

describe('a failed read of the session is not an answer that there is none', () => {
  test.each(REQUESTS)('%s: the next read answers', async (path, body) => {
    const { one } = await signedIn(1)
    const answer = await one.browser.send(path, body && post(body))
    expect(answer.status).toBe(200)
    expect(await answer.json()).not.toMatchObject({ session: null })
  })

  test.each(REQUESTS)('%s: without an answer, the status is that of a failure', async (path, body) => {
    const { one } = await signedIn(Infinity)
    expect((await one.browser.send(path, body && post(body))).status).toBe(500)
  })

  test('/latchkey/token: the session gives one, or the status is that of a failure', async () => {
    const subject = { subject_token_type: 'urn:latchkey:params:oauth:token-type:session' }
    const grant = 'urn:ietf:params:oauth:grant-type:token-exchange'
    const body = post({ grant_type: grant, audience: API, ...subject })
    const statuses = [1, Infinity].map(async (failures) => {
      const { one } = await signedIn(failures)
      return (await one.browser.send('/latchkey/token', body)).status
    })
    expect(await Promise.all(statuses)).toEqual([200, 500])
  })
})

test('a client asks nobody to sign in again while the database fails', async () => {
  const server = await testServer()
  const browser = server.browser()
  const auth = await browser.load()
  await auth.upgrade(() => browser.client.signUp.email(person('ada')))
  const { internalAdapter } = (await server.auth.$context) as unknown as AuthContext
  vi.spyOn(console, 'error').mockImplementation(() => {})
  auth.close()
  const asked = new Promise<void>((resolve) => {
    vi.spyOn(internalAdapter, 'findSession').mockImplementation(async () => {
      resolve()
      throw new Error('connection lost')
    })
  })
  const again = await browser.load()
  await asked
  await expect(again.getToken({ fresh: true })).rejects.not.toMatchObject({ code: 'SESSION_MISSING' })
  expect(again.getState()).toMatchObject({ authMode: 'external' })
  expect(again.getState().error).not.toBe('missing')
})
