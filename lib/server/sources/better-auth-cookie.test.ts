import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { betterAuthCookie } from './better-auth-cookie.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const options = { baseURL: 'https://notes.example/api/auth', origins: ['https://notes.example'] }
const cookie = new Headers({ cookie: 'better-auth.session_token=x' })

const never = (): Promise<never> => new Promise(() => {})

test.each<[string, (request: Request) => Promise<Response>]>([
  ['answer', never],
  ['end its answer', async () => new Response(new ReadableStream())],
])('a Better Auth elsewhere that does not %s within five seconds is an error', async (_, answer) => {
  const sent: Request[] = []
  const source = betterAuthCookie({
    ...options,
    fetch(request) {
      sent.push(request)
      return answer(request)
    },
  })
  const read = source.read(cookie, { isCrossSite: false })
  const outcome = vi.fn()
  void Promise.resolve(read).then(outcome, outcome)
  await vi.advanceTimersByTimeAsync(4999)
  expect(outcome).not.toHaveBeenCalled()
  expect(sent[0]!.signal.aborted).toBe(false)
  await vi.advanceTimersByTimeAsync(1)
  expect(outcome).toHaveBeenCalledWith(expect.objectContaining({ message: expect.stringContaining('5000 ms') }))
  expect(sent[0]!.signal.aborted).toBe(true)
})

test('an answer in time leaves no timer', async () => {
  const session = { principal: 'ada', aliases: ['adopted'] }
  const source = betterAuthCookie({ ...options, fetch: async () => Response.json({ session }) })
  expect(await source.read(cookie, { isCrossSite: false })).toEqual(session)
  expect(vi.getTimerCount()).toBe(0)
})
