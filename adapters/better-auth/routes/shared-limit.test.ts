import type { BetterAuthOptions } from 'better-auth'
import { expect, test, vi } from 'vitest'
import { latchkey, latchkeyJwt } from '../index.ts'
import { newPerson, post } from '../testing/requests.testing.ts'
import { testServer } from '../testing/server.testing.ts'

// Outside production, Better Auth takes every client without an address for this machine. It looks once, when loaded.
vi.hoisted(() => {
  process.env['NODE_ENV'] = 'production'
  delete process.env['TEST']
})

async function warningsOf(more: Partial<BetterAuthOptions>, headers: Record<string, string> = {}): Promise<string[]> {
  const warnings: string[] = []
  const server = await testServer({
    plugins: [latchkey({ exchange: { audiences: ['https://api.example'] } }), latchkeyJwt()],
    rateLimit: { enabled: true },
    logger: { log: (level, message) => void (level === 'warn' && warnings.push(message)) },
    ...more,
  })
  const { browser } = await newPerson(server)
  for (let count = 0; count < 2; count++) await browser.send('/latchkey/token', post({}, headers))
  return warnings.filter((warning) => /latchkey/i.test(warning))
}

test('clients without an address that can be read share the limits of the exchange, and the log says so once', async () => {
  for (const headers of [{}, { 'x-forwarded-for': '192.0.2.1, 192.0.2.2' }, { 'x-forwarded-for': 'unknown' }])
    expect(await warningsOf({}, headers as Record<string, string>)).toEqual([
      expect.stringContaining('all clients without one share'),
    ])
})

test('a server that tracks no addresses has no limit for each client, and the log says so at the start', async () => {
  const advanced = { disableOriginCheck: false, ipAddress: { disableIpTracking: true } }
  expect(await warningsOf({ advanced })).toEqual([expect.stringContaining('disableIpTracking')])
})

test.each<[string, Partial<BetterAuthOptions>, Record<string, string>]>([
  ['clients have addresses', {}, { 'x-forwarded-for': '192.0.2.1' }],
  ['the app switched limits off', { rateLimit: { enabled: false } }, {}],
  ['there is no exchange', { plugins: [latchkey(), latchkeyJwt()] }, {}],
])('nothing is logged where %s', async (_, more, headers) => {
  expect(await warningsOf(more, headers)).toEqual([])
})
