import type Sqlite from 'better-sqlite3'
import type { AuthContext } from 'better-auth'
import { describe, expect, test } from 'vitest'
import { manualClock, testDevice } from '../../../lib/testing.ts'
import { openSqlite } from '../testing/database.testing.ts'
import { createReplayStore } from '../binding/replay-store.ts'
import { PROOF_HEADER, createOneTimeProofs } from './proofs.ts'
import { AUDIENCE, testServer } from '../testing/server.testing.ts'

const UPGRADE = { purpose: 'upgrade' } as const

async function testProofs() {
  const clock = manualClock()
  const opened = openSqlite()
  const server = await testServer({}, opened)
  const context = (await server.auth.$context) as unknown as AuthContext
  const proofs = createOneTimeProofs({ audience: AUDIENCE, clock: clock.now })
  const device = await testDevice()
  const proof = () => device.proof({ audience: AUDIENCE, purpose: 'upgrade', now: clock.now() / 1000 })
  const headers = async () => new Headers({ [PROOF_HEADER]: await proof() })
  return { clock, server, opened, context, proofs, headers }
}

describe('a used proof', () => {
  test('is remembered for five minutes after it expires, and then forgotten', async () => {
    const { clock, server, context, proofs, headers } = await testProofs()
    await proofs.admit(context, await headers(), UPGRADE)
    clock.advance(359_000)
    await proofs.admit(context, await headers(), UPGRADE)
    expect(await server.rows('latchkeyProof')).toHaveLength(2)
    clock.advance(61_000)
    await proofs.admit(context, await headers(), UPGRADE)
    expect(await server.rows('latchkeyProof')).toHaveLength(2)
    clock.advance(3_600_000)
    await proofs.admit(context, await headers(), UPGRADE)
    expect(await server.rows('latchkeyProof')).toHaveLength(1)
  })

  test('is refused by a second server whose clock is four minutes behind, although the first one deletes expired proofs', async () => {
    const { clock, context, proofs, headers } = await testProofs()
    const used = await headers()
    const behind = createOneTimeProofs({ audience: AUDIENCE, clock: () => clock.now() - 240_000 })
    await proofs.admit(context, used, UPGRADE)
    clock.advance(240_000)
    await proofs.admit(context, await headers(), UPGRADE)
    await expect(behind.admit(context, new Headers(used), UPGRADE)).rejects.toMatchObject({
      body: { code: 'PROOF_REPLAYED' },
    })
  })

  test('is refused for its whole life, sweeps included', async () => {
    const { clock, context, proofs, headers } = await testProofs()
    const used = await headers()
    await proofs.admit(context, used, UPGRADE)
    for (let second = 0; second < 59; second++) {
      clock.advance(1000)
      await expect(proofs.admit(context, new Headers(used), UPGRADE)).rejects.toMatchObject({
        body: { code: 'PROOF_REPLAYED' },
      })
    }
  })

  test('is refused if the database fails, and the error is not that of a replay', async () => {
    const { opened, server, context, proofs, headers } = await testProofs()
    ;(opened.database as Sqlite.Database).exec(
      `create trigger full before insert on latchkeyProof begin select raise(fail, 'disk full'); end`,
    )
    const refused = await headers()
    await expect(proofs.admit(context, refused, UPGRADE)).rejects.toThrow('disk full')
    expect(await server.rows('latchkeyProof')).toEqual([])
  })
})

describe('with a storage that counts', () => {
  test('a proof is recorded there and not in the table, for as long as it could be replayed', async () => {
    const { clock, server, context, headers } = await testProofs()
    const counts = new Map<string, number>()
    const seconds: number[] = []
    const storage = {
      increment(key: string, ttl: number) {
        seconds.push(ttl)
        counts.set(key, (counts.get(key) ?? 0) + 1)
        return counts.get(key)!
      },
    }
    const proofs = createOneTimeProofs({
      audience: AUDIENCE,
      clock: clock.now,
      replayStore: createReplayStore(clock.now, storage),
    })
    const used = await headers()
    await proofs.admit(context, used, UPGRADE)
    await expect(proofs.admit(context, new Headers(used), UPGRADE)).rejects.toMatchObject({
      body: { code: 'PROOF_REPLAYED' },
    })
    expect([...counts.keys()]).toEqual([expect.stringMatching(/^latchkey:once:[\w-]{22}$/)])
    // A minute of its own, and five for clocks that are apart.
    expect(seconds).toEqual([360, 360])
    expect(await server.rows('latchkeyProof')).toEqual([])
  })

  test('whatever is not certainly the first use is refused, and a failure is not reported as a replay', async () => {
    const { clock, context, headers } = await testProofs()
    const gateWith = (increment: () => number) =>
      createOneTimeProofs({
        audience: AUDIENCE,
        clock: clock.now,
        replayStore: createReplayStore(clock.now, { increment }),
      })
    for (const answer of [0, 2, Number.NaN, '1', null, undefined]) {
      await expect(gateWith(() => answer as number).admit(context, await headers(), UPGRADE)).rejects.toMatchObject({
        body: { code: 'PROOF_REPLAYED' },
      })
    }
    const fault = new Error('connection lost')
    await expect(
      gateWith(() => {
        throw fault
      }).admit(context, await headers(), UPGRADE),
    ).rejects.toBe(fault)
  })
})
