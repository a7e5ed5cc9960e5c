import { expect, test, vi } from 'vitest'
import type { Incoming } from './http.ts'
import { type OperatorParts, operatorRoutes } from './operator-routes.ts'

const SECRET = 'b3BlcmF0b3Igc2VjcmV0IG9mIHRoZSB0ZXN0'

test.each([
  ['/operator/accounts', [], '?email=a%00%40example.com', 'email'],
  ['/operator/accounts/:id', ['a\u0000'], '', 'id'],
  ['/operator/accounts/:id/unlink', ['a'], '', 'alias'],
  ['/operator/accounts/:id/retire', ['a\u0000'], '', 'id'],
  ['/operator/principals/:principal', ['a\u001b'], '', 'id'],
  ['/operator/principals/:principal/retire', ['a\ud800'], '', 'id'],
])(
  '%s: an id with a control character is refused, and the database is not asked',
  async (name, parameters, query, error) => {
    const called = vi.fn(async () => null)
    const operator = new Proxy({}, { get: () => called })
    const parts = { operator, adminSecret: SECRET, counts: () => ({}), log: { info() {}, warn() {} } }
    const route = operatorRoutes(parts as unknown as OperatorParts).find((each) => each.name === name)!
    const request = new Request('https://id.example', { method: 'POST', body: '{"alias":"a\\u0000"}' })
    const message = { headersDistinct: { authorization: [`Bearer ${SECRET}`] } }
    const url = new URL(`https://id.example/${query}`)
    const answer = await route.answer({ message, url, parameters, request } as unknown as Incoming)
    expect([answer.status, await answer.json()]).toEqual([400, { error }])
    expect(called).not.toHaveBeenCalled()
  },
)
