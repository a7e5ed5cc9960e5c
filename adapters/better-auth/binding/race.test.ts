import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestDevice, testDevice } from '../../../lib/testing.ts'
import { type ChallengeAnswer, PROOF_HEADER } from '../index.ts'
import { elsewhere, nonceFor } from '../testing/link.testing.ts'
import { PLACES } from '../testing/process.testing.ts'
import {
  type Arena,
  type Call,
  PROCESSES,
  RACE_TIMEOUT_MS,
  type Tally,
  count,
  openArena,
  rounds as runRounds,
} from '../testing/race.testing.ts'
import { type Person, cookieOf, newPerson, post, proofOf } from '../testing/requests.testing.ts'
import { AUDIENCE, type TestServer, person } from '../testing/server.testing.ts'

describe.each(Object.entries(PLACES))('several processes on %s', { timeout: RACE_TIMEOUT_MS }, (where, open) => {
  let arena: Arena
  let server: TestServer

  beforeAll(async () => {
    arena = await openArena(await open())
    server = arena.server
  })

  afterAll(() => arena.close())

  /** One call by each process. */
  async function race(calls: readonly Call[], tally: Tally): Promise<string[]> {
    const outcomes = await arena.race(calls)
    count(tally, outcomes)
    return outcomes.map(({ code }) => code)
  }

  const rounds = (name: string, round: (index: number, tally: Tally) => Promise<void>): Promise<void> =>
    runRounds(name, where, round)

  /** As Better Auth says that a SQLite file was locked by another process: nothing was created. */
  const LOCKED = 'FAILED_TO_CREATE_USER'

  /** One process gets through, the others are refused, and nothing else happens. */
  function expectOneWinner(codes: string[], ...refusals: string[]): void {
    expect(codes.filter((code) => code === 'done')).toHaveLength(1)
    expect(codes.filter((code) => code !== 'done' && !refusals.includes(code))).toEqual([])
  }

  const holdersOf = (principal: string) =>
    server.adapter.findMany<Record<string, unknown>>({
      model: 'user',
      where: [{ field: 'principal', value: principal }],
    })
  const rowsOf = (principal: string) =>
    server.adapter.findMany<Record<string, unknown>>({
      model: 'latchkeyPrincipal',
      where: [{ field: 'principal', value: principal }],
    })
  const usersOf = (prefix: string) =>
    server.adapter.findMany<Record<string, unknown>>({
      model: 'user',
      where: [{ field: 'email', operator: 'starts_with', value: prefix }],
    })

  function each<Value>(make: (index: number) => Promise<Value>): Promise<Value[]> {
    return Promise.all(Array.from({ length: PROCESSES }, (_, index) => make(index)))
  }

  async function bindCall(one: Person): Promise<Call> {
    const { browser, device } = one
    const { nonce } = (await (
      await browser.send('/latchkey/challenge', post({ purpose: 'bind' }))
    ).json()) as ChallengeAnswer
    const proof = await device.proof({ audience: AUDIENCE, purpose: 'bind', nonce })
    return { path: '/latchkey/bind', body: { nonce }, headers: { ...cookieOf(one), [PROOF_HEADER]: proof } }
  }

  async function linkCall(one: Person, device: TestDevice): Promise<Call> {
    const [nonce, linkTo] = [await nonceFor(one.browser, 'link'), (await one.session())!.principal]
    const proof = await device.proof({ audience: AUDIENCE, purpose: 'link', nonce, linkTo })
    return { path: '/latchkey/link', body: { nonce }, headers: { ...cookieOf(one), [PROOF_HEADER]: proof } }
  }

  test('one principal, linked in each to another account: at most one of them has it, the one that was told so', async () => {
    await rounds('one principal, links to several accounts', async (round, tally) => {
      const device = await testDevice()
      const people = await each(async (index) => {
        const one = await newPerson(server)
        await one.prove('/sign-up/email', person(`link-${round}-${index}`))
        return one
      })
      const codes = await race(await Promise.all(people.map((one) => linkCall(one, device))), tally)
      expect(codes.filter((code) => code !== 'done' && code !== 'PRINCIPAL_TAKEN')).toEqual([])
      const looks = await Promise.all(people.map((one) => one.session()))
      expect(looks.map((look) => look!.aliases.includes(device.principal))).toEqual(
        codes.map((code) => code === 'done'),
      )
      expect(codes.filter((code) => code === 'done').length).toBeLessThanOrEqual(1)
    })
  })

  test('several devices, and one account whose principal is its id: it has them all', async () => {
    await rounds('several devices, links to one account', async (round, tally) => {
      const credentials = person(`all-${round}`)
      await server.browser().send('/sign-up/email', post(credentials))
      const people = await each(() => elsewhere(server, credentials))
      const codes = await race(await Promise.all(people.map((one) => linkCall(one, one.device))), tally)
      expect(codes).toEqual(people.map(() => 'done'))
      expect((await people[0]!.session())!.aliases.toSorted()).toEqual(
        people.map(({ device }) => device.principal).toSorted(),
      )
    })
  })

  test('one principal, and a sign-up in each: one user has it, and there is no orphan', async () => {
    await rounds('one principal, sign-ups', async (round, tally) => {
      const device = await testDevice()
      const calls = await each(async (index) => ({
        path: '/sign-up/email',
        body: person(`sign-up-${round}-${index}`),
        headers: await proofOf(device),
      }))
      expectOneWinner(await race(calls, tally), 'PRINCIPAL_TAKEN', LOCKED)
      const users = await usersOf(`sign-up-${round}-`)
      expect(users.map(({ principal }) => principal)).toEqual([device.principal])
      expect(await rowsOf(device.principal)).toHaveLength(1)
    })
  })

  test('one proof, and a sign-up in each: it works once', async () => {
    await rounds('one proof, sign-ups', async (round, tally) => {
      const device = await testDevice()
      const headers = await proofOf(device)
      const codes = await race(
        await each(async (index) => ({ path: '/sign-up/email', body: person(`replay-${round}-${index}`), headers })),
        tally,
      )
      // The proof is used up before the account is created: where the file was locked then, it has created none.
      if (codes.includes(LOCKED)) expect(codes.toSorted()).toEqual([LOCKED, ...codes.slice(1).fill('PROOF_REPLAYED')])
      else expectOneWinner(codes, 'PROOF_REPLAYED')
      expect(await usersOf(`replay-${round}-`)).toHaveLength(codes.filter((code) => code === 'done').length)
    })
  })

  test('one principal, and an open account in each: one of them has it', async () => {
    await rounds('one principal, binds of open accounts', async (round, tally) => {
      const device = await testDevice()
      const people = await each(async (index) => {
        const one = await newPerson(server, device)
        await one.browser.send('/sign-up/email', post(person(`open-${round}-${index}`)))
        return one
      })
      const codes = await race(await Promise.all(people.map(bindCall)), tally)
      expect(await holdersOf(device.principal)).toHaveLength(1)
      expect(await rowsOf(device.principal)).toHaveLength(1)
      expectOneWinner(codes, 'PRINCIPAL_TAKEN')
      const looks = await Promise.all(people.map((one) => one.session()))
      expect(looks.filter((look) => look!.principal === device.principal)).toHaveLength(1)
    })
  })

  test('several principals, and one open account: it has one of them, and keeps it', async () => {
    await rounds('several principals, binds of one account', async (round, tally) => {
      const credentials = person(`several-${round}`)
      await server.browser().send('/sign-up/email', post(credentials))
      const people = await each(async () => {
        const one = await newPerson(server)
        await one.browser.send('/sign-in/email', post(credentials))
        return one
      })
      expectOneWinner(await race(await Promise.all(people.map(bindCall)), tally), 'PRINCIPAL_FIXED')
      const [first, ...others] = await Promise.all(people.map((one) => one.session()))
      for (const look of others) expect(look!.principal).toBe(first!.principal)
      expect(people.map((one) => one.device.principal)).toContain(first!.principal)
      expect(await holdersOf(first!.principal)).toHaveLength(1)
    })
  })
})
