import { type AuthContext, betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { describe, expect, test } from 'vitest'
import { manualClock, testDevice } from '../../lib/testing.ts'
import { latchkey } from './index.ts'
import { PROOF_HEADER, createProofGate } from './proofs.ts'
import { AUDIENCE, ORIGIN, person, testServer } from './server.testing.ts'

function signUp(name: string, proof: string): Request {
  return new Request(`${AUDIENCE}/sign-up/email`, { method: 'POST', body: JSON.stringify(person(name)), headers: { 'content-type': 'application/json', [PROOF_HEADER]: proof } })
}

async function gateOf() {
  const clock = manualClock()
  const server = await testServer()
  const context = (await server.auth.$context) as unknown as AuthContext
  const gate = createProofGate(AUDIENCE, clock.now)
  const device = await testDevice()
  const proof = () => device.proof({ audience: AUDIENCE, purpose: 'upgrade', now: clock.now() / 1000 })
  const headers = async () => new Headers({ [PROOF_HEADER]: await proof() })
  return { clock, server, context, gate, device, headers }
}

describe('a used proof', () => {
  test('is remembered as long as it would hold, and not longer', async () => {
    const { clock, server, context, gate, headers } = await gateOf()
    await gate.admit(context, await headers())
    clock.advance(59_000)
    await gate.admit(context, await headers())
    expect(server.rows('latchkeyProof')).toHaveLength(2)
    clock.advance(60_000)
    await gate.admit(context, await headers())
    expect(server.rows('latchkeyProof')).toHaveLength(2)
    clock.advance(3_600_000)
    await gate.admit(context, await headers())
    expect(server.rows('latchkeyProof')).toHaveLength(1)
  })

  test('is refused for its whole life, sweeps included', async () => {
    const { clock, context, gate, headers } = await gateOf()
    const used = await headers()
    await gate.admit(context, used)
    for (let second = 0; second < 59; second++) {
      clock.advance(1000)
      await expect(gate.admit(context, new Headers(used))).rejects.toMatchObject({ body: { code: 'PROOF_REPLAYED' } })
    }
  })

  test('belongs to the request that carried it alone', async () => {
    const { context, gate, device, headers } = await gateOf()
    const used = await headers()
    await gate.admit(context, used)
    expect(gate.deviceOf(used)).toMatchObject({ principal: device.principal })
    expect(gate.deviceOf(new Headers(used))).toBeUndefined()
    expect(gate.deviceOf(undefined)).toBeUndefined()
  })

  test('is refused where the database fails, and that is not called a replay', async () => {
    const { server, context, gate, headers } = await gateOf()
    server.database.exec(`create trigger full before insert on latchkeyProof begin select raise(fail, 'disk full'); end`)
    const refused = await headers()
    await expect(gate.admit(context, refused)).rejects.toThrow('disk full')
    expect(gate.deviceOf(refused)).toBeUndefined()
  })
})

describe('on a database that does not keep columns unique', () => {
  function memoryServer() {
    const tables: Record<string, Record<string, unknown>[]> = { user: [], session: [], account: [], verification: [], latchkeyPrincipal: [], latchkeyKey: [], latchkeyProof: [], latchkeyAudit: [] }
    const auth = betterAuth({
      baseURL: ORIGIN,
      secret: 'a secret of at least thirty-two characters',
      database: memoryAdapter(tables),
      emailAndPassword: { enabled: true },
      rateLimit: { enabled: false },
      logger: { disabled: true },
      plugins: [latchkey()],
    })
    return { auth, tables }
  }

  test('a proof works once all the same', async () => {
    const { auth, tables } = memoryServer()
    const proof = await (await testDevice()).proof({ audience: AUDIENCE, purpose: 'upgrade' })
    expect((await auth.handler(signUp('ada', proof))).status).toBe(200)
    const again = await auth.handler(signUp('eve', proof))
    expect([again.status, ((await again.json()) as { code: string }).code]).toEqual([401, 'PROOF_REPLAYED'])
    expect(tables['user']).toHaveLength(1)
  })

  test('a principal belongs to one account all the same', async () => {
    const { auth, tables } = memoryServer()
    const device = await testDevice()
    const proof = () => device.proof({ audience: AUDIENCE, purpose: 'upgrade' })
    expect((await auth.handler(signUp('ada', await proof()))).status).toBe(200)
    expect((await auth.handler(signUp('eve', await proof()))).status).toBe(409)
    expect(tables['user']).toHaveLength(1)
  })
})
