import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestDevice, testDevice } from '../../../lib/testing.ts'
import { type GrantAnswer, PROOF_HEADER, type WithdrawAnswer } from '../index.ts'
import { PLACES } from '../testing/process.testing.ts'
import {
  type Arena,
  type Call,
  type Outcome,
  PROCESSES,
  RACE_TIMEOUT_MS,
  count,
  openArena,
  rounds,
  stalling,
} from '../testing/race.testing.ts'
import { type Person, cookieOf, newPerson } from '../testing/requests.testing.ts'
import { AUDIENCE, ORIGIN, person } from '../testing/server.testing.ts'

interface Paired {
  readonly one: Person
  readonly fresh: TestDevice
  readonly grant: string
  readonly userId: string
}

describe.each(Object.entries(PLACES))('several processes on %s', { timeout: RACE_TIMEOUT_MS }, (where, open) => {
  let arena: Arena

  beforeAll(async () => {
    arena = await openArena(await open())
  })

  afterAll(() => arena.close())

  const proofFor = (device: TestDevice, pairTo: string): Promise<string> =>
    device.proof({ audience: AUDIENCE, purpose: 'pair', pairTo })

  /** An account that lets a device in. */
  async function granted(name: string): Promise<Paired> {
    const one = await newPerson(arena.server)
    expect((await one.prove('/sign-up/email', person(name))).status).toBe(200)
    const fresh = await testDevice()
    const { thumbprint } = fresh
    const headers = { ...cookieOf(one), [PROOF_HEADER]: await proofFor(one.device, thumbprint) }
    const [outcome] = await arena.race([{ path: '/latchkey/pair/grant', headers, body: { thumbprint } }])
    const { accountId: userId } = (await one.session())!
    return { one, fresh, grant: (outcome!.answer as GrantAnswer).grant, userId }
  }

  /** Each has a proof of its own: that it was sent before refuses none. */
  async function redeemCall({ fresh, grant }: Paired): Promise<Call> {
    const { thumbprint } = fresh
    const headers = { origin: ORIGIN, [PROOF_HEADER]: await proofFor(fresh, thumbprint) }
    return { path: '/latchkey/pair/redeem', headers, body: { grant, thumbprint } }
  }

  const withdrawCall = ({ one, grant }: Paired): Call => ({
    path: '/latchkey/pair/withdraw',
    headers: cookieOf(one),
    body: { grant },
  })

  /** @param outcomes - of the withdrawal, then of the use */
  async function expectOneWinner(paired: Paired, [withdrawal, use]: readonly Outcome[]): Promise<void> {
    const isWithdrawn = (withdrawal!.answer as WithdrawAnswer).withdrawn
    expect([withdrawal!.code, use!.code]).toEqual(['done', isWithdrawn ? 'GRANT_INVALID' : 'done'])
    expect(await sessionsOf(paired)).toHaveLength(isWithdrawn ? 1 : 2)
  }

  const sessionsOf = ({ userId }: Paired) =>
    arena.server.adapter.findMany<Record<string, unknown>>({
      model: 'session',
      where: [{ field: 'userId', value: userId }],
    })

  test('use one grant at one moment: one of them makes a session', async () => {
    await rounds('one grant, used in each', where, async (round, tally) => {
      const paired = await granted(`grant-${round}`)
      const calls = await Promise.all(Array.from({ length: PROCESSES * 2 }, () => redeemCall(paired)))
      const outcomes = await arena.race(calls)
      count(tally, outcomes)
      const codes = outcomes.map(({ code }) => code)
      expect(codes.toSorted()).toEqual([...codes.slice(1).map(() => 'GRANT_INVALID'), 'done'])
      expect(await sessionsOf(paired)).toHaveLength(2)
    })
  })

  test('use a grant and withdraw it at one moment: one of both succeeds', async () => {
    await rounds('one grant, used and withdrawn', where, async (round, tally) => {
      const paired = await granted(`withdrawn-${round}`)
      const outcomes = await arena.race([withdrawCall(paired), await redeemCall(paired)])
      count(tally, outcomes)
      await expectOneWinner(paired, outcomes)
    })
  })

  test.each(where === 'Postgres' ? [0, 1] : [])(
    'use a grant and withdraw it, where call %d is stopped before each of its statements: one of both succeeds',
    async (stalled) => {
      for (let [stop, steps] = [0, 1]; stop <= steps; stop++) {
        const paired = await granted(`stalled-${stalled}-${stop}`)
        const calls = [await redeemCall(paired), withdrawCall(paired)]
        const { outcomes, steps: counted } = await arena.interleave(
          stalled === 0 ? calls : calls.toReversed(),
          stalling(stop),
        )
        steps = counted[0]!
        await expectOneWinner(paired, stalled === 0 ? outcomes.toReversed() : outcomes)
      }
    },
  )

  const ENDS = [
    ['the session that gave it ends all others', '/latchkey/devices/revoke-others'],
    ["it does so by Better Auth's own route", '/revoke-other-sessions'],
  ] as const
  test.each(where === 'Postgres' ? ENDS : [])(
    'use a grant while %s: whichever statement comes first, no session of it is left',
    async (_, path) => {
      for (let [stop, steps] = [0, 1]; stop <= steps; stop++) {
        const paired = await granted(`ends-${path.length}-${stop}`)
        const calls = [await redeemCall(paired), { path, headers: cookieOf(paired.one), body: {} }]
        const { outcomes, steps: counted } = await arena.interleave(calls, stalling(stop))
        steps = counted[0]!
        expect(outcomes[1]!.code).toBe('done')
        expect(['done', 'GRANT_INVALID']).toContain(outcomes[0]!.code)
        expect((await sessionsOf(paired)).map(({ pairedBy }) => pairedBy)).toEqual([null])
      }
    },
  )
})
