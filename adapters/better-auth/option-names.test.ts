import { expect, test } from 'vitest'
import { type LatchkeyPluginOptions, createBetterAuthResolver, latchkey } from './index.ts'

const exchange = { audiences: ['https://sync.example'] }
const backupsWithoutAccount = { perAddressAndDay: 1, total: 1, days: 1 }

test.each<[option: string, options: (further: object) => LatchkeyPluginOptions]>([
  ['latchkey.requireNonces', (further) => further],
  ['exchange.localfirst', (further) => ({ exchange: { ...exchange, ...further } })],
  ['pairing.onPaired', (further) => ({ pairing: further })],
  ['pairing.limit.perIp', (further) => ({ pairing: { limit: further } })],
  ['backupsWithoutAccount.day', (further) => ({ backupsWithoutAccount: { ...backupsWithoutAccount, ...further } })],
])('%s: a misspelled option of the plugin is refused with its name', (option, options) => {
  expect(() => latchkey(options({}))).not.toThrow()
  expect(() => latchkey(options({ [option.split('.').at(-1)!]: true }))).toThrow(
    expect.objectContaining({ name: 'TypeError', message: expect.stringMatching(`^${option}: unknown option`) }),
  )
})

test('a misspelled option of the resolver is refused before the first request', () => {
  const auth = {} as Parameters<typeof createBetterAuthResolver>[0]
  expect(() => createBetterAuthResolver(auth, { localfirst: 'deny' } as object)).toThrow(
    'localfirst: unknown option, expected one of backend',
  )
})
