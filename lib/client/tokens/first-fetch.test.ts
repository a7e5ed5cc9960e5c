import { afterEach, describe, expect, test, vi } from 'vitest'
import { memoryStore } from '../../keystore/memory.ts'
import { createEarlyAuth } from '../client.testing.ts'
import { createAuthWith } from '../create-auth.ts'
import { describeFetch } from './auth-fetch.testing.ts'

describe('before the later chunk has loaded', () => {
  describeFetch((browser, options) => browser.load(options, createEarlyAuth))
})

test("the caller's signal ends the wait for the later chunk", async () => {
  const auth = createAuthWith(() => new Promise(() => {}))({ keystore: memoryStore() })
  await auth.ready
  const caller = new AbortController()
  const { signal } = caller
  const answer = auth.fetch('https://app.example/api/notes', { method: 'POST', body: '{}', signal })
  const ended = vi.fn()
  answer.catch(ended)
  await new Promise(setImmediate)
  caller.abort(new Error('left'))
  await new Promise(setImmediate)
  expect(ended).toHaveBeenCalledExactlyOnceWith(new Error('left'))
})

describe('while the later chunk cannot be loaded', () => {
  afterEach(() => vi.unstubAllGlobals())

  test('a 401 to a request without a token is handed to the caller', async () => {
    vi.stubGlobal('location', new URL('https://app.example'))
    vi.stubGlobal('fetch', async () => new Response(null, { status: 401 }))
    const create = createAuthWith(() => Promise.reject(new TypeError('Failed to fetch')))
    const auth = create({ keystore: memoryStore(), initialMode: 'anonymous' })
    expect((await auth.fetch('https://app.example/api/notes')).status).toBe(401)
    auth.close()
  })
})
