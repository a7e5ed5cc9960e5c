import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testDevice } from '../../lib/testing.ts'
import { openSqlite } from './engines.testing.ts'
import { AUDIENCE, ORIGIN, type TestServer, testServer } from './server.testing.ts'

const ROUNDS = 50
const folder = mkdtempSync(join(tmpdir(), 'latchkey-race-'))
const file = join(folder, 'auth.sqlite')
let server: TestServer
let workers: ChildProcess[] = []

beforeAll(async () => {
  server = await testServer({}, openSqlite(file))
  workers = [1, 2].map(() => fork(new URL('race.worker.mjs', import.meta.url), [file, ORIGIN]))
  await Promise.all(workers.map((worker) => once(worker, 'message')))
}, 30_000)

afterAll(() => {
  for (const worker of workers) worker.kill()
  rmSync(folder, { recursive: true })
})

async function signUp(worker: ChildProcess, message: object): Promise<number> {
  const answered = once(worker, 'message') as Promise<[{ status: number }]>
  worker.send(message)
  return (await answered)[0].status
}

test(`two processes race for one principal, ${ROUNDS} rounds: one user has it, and there is no orphan`, async () => {
  const wins = [0, 0]
  for (let round = 0; round < ROUNDS; round++) {
    const device = await testDevice()
    const proofs = await Promise.all(workers.map(() => device.proof({ audience: AUDIENCE, purpose: 'upgrade' })))
    // Both messages leave in the same turn: this is the barrier.
    const statuses = await Promise.all(workers.map((worker, index) => signUp(worker, { email: `${round}-${index}@example.com`, proof: proofs[index] })))
    const users = (await server.rows('user')).filter(({ email }) => String(email).startsWith(`${round}-`))
    expect(users.map(({ principal }) => principal)).toEqual([device.principal])
    expect(statuses.filter((status) => status === 200)).toHaveLength(1)
    expect((await server.rows('latchkeyPrincipal')).filter(({ principal }) => principal === device.principal)).toHaveLength(1)
    wins[statuses.indexOf(200)]!++
  }
  console.warn(`rounds won by each process: ${wins.join(' and ')}`)
}, 120_000)
