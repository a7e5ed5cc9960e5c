import { afterAll, beforeAll, beforeEach, describe, test, vi } from 'vitest'
import type { Auth } from '../../lib/index.ts'
import { type SessionTimer, ownedTransport } from '../../lib/session.ts'
import { type TransportRig, transportAcceptance } from '../../lib/testing.ts'
import { ownerIn } from './owner.ts'
import { createTransport } from './transport.ts'
import { SYNC, type TestIssuer, type TestTriplit, startTriplit, testClient, testIssuer } from './triplit.testing.ts'

const PRINCIPAL = 'ada'
let issuer: TestIssuer
let stranger: TestIssuer
let triplit: TestTriplit

beforeAll(async () => {
  issuer = await testIssuer()
  stranger = await testIssuer()
  triplit = await startTriplit(issuer.pem)
})
afterAll(() => triplit.close())
// The server logs every refusal there.
beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => {}))

const TIMER: SessionTimer = {
  set: (callback, milliseconds) => setTimeout(callback, milliseconds),
  clear: (handle) => clearTimeout(handle as NodeJS.Timeout),
}

async function openRig(): Promise<TransportRig> {
  const session = { principal: PRINCIPAL, principals: [PRINCIPAL], authMode: 'local-first', claims: {} } as const
  const auth = { ready: Promise.resolve(), getState: () => ({ session }), subscribe: () => () => {} } as unknown as Auth
  const client = testClient(triplit.url)
  const sign = (by: TestIssuer, sub = PRINCIPAL): Promise<string> => {
    const iat = Math.floor(Date.now() / 1000)
    return by.sign({ aud: SYNC, sub, aliases: [], jti: crypto.randomUUID(), iat, exp: iat + 900 })
  }
  const before = triplit.connections()
  return {
    transport: ownedTransport(auth, createTransport(client, TIMER), ownerIn(client)),
    principal: PRINCIPAL,
    token: () => sign(issuer),
    refusedToken: () => sign(stranger),
    other: { principal: 'bob', token: () => sign(issuer, 'bob') },
    connections: () => triplit.connections() - before,
    cut() {
      triplit.online = false
      triplit.online = true
    },
    // A socket of this case must not be counted in the next one.
    close: () =>
      vi.waitFor(() => triplit.connections() === 0 || Promise.reject(new Error('open')), {
        timeout: 30_000,
        interval: 5,
      }),
  }
}

describe('the contract of a session transport', () => {
  test.each(transportAcceptance(openRig))('$name', ({ run }) => run())
})
