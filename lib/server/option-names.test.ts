import { expect, test } from 'vitest'
import { createExternalBinder, createSessionResolver, memoryBindingStore } from '../server.ts'
import { createBinderHandler } from './bindings/binder-handler.ts'

const issuer = { issuer: 'https://id.example', jwksUrl: 'https://id.example/jwks', audience: 'notes' }
const localFirst = { audience: 'notes', afterUpgrade: 'allow' as const }
const bound = {
  issuers: [issuer],
  store: memoryBindingStore(),
  audience: 'https://notes.example/auth',
  secret: 's'.repeat(32),
}

test.each<[option: string, create: (further: object) => unknown]>([
  ['anonymus', (further) => createSessionResolver({ localFirst, ...further })],
  ['localFirst.lookUp', (further) => createSessionResolver({ localFirst: { ...localFirst, ...further } })],
  ['external.audiance', (further) => createSessionResolver({ external: { ...issuer, ...further } })],
  [
    'external.sources.algorithm',
    (further) =>
      createSessionResolver({
        external: { issuer: issuer.issuer, sources: [{ jwksUrl: issuer.jwksUrl, ...further }] },
      }),
  ],
  [
    'cookieSession.origin',
    (further) =>
      createSessionResolver({
        cookieSession: { read: async () => null, origins: ['https://notes.example'], ...further },
      }),
  ],
  ['backend.header', (further) => createSessionResolver({ backend: { secret: 's'.repeat(32), ...further } })],
  ['freshage', (further) => createExternalBinder({ ...bound, ...further })],
  ['tokenheader', (further) => createBinderHandler({ binder: createExternalBinder(bound), ...further })],
])('%s: a misspelled option is refused with its name, also if it is undefined', (option, create) => {
  const name = option.split('.').at(-1)!
  expect(() => create({})).not.toThrow()
  for (const value of ['x', undefined])
    expect(() => create({ [name]: value })).toThrow(
      expect.objectContaining({ name: 'TypeError', message: expect.stringMatching(`^${option}: unknown option`) }),
    )
})
