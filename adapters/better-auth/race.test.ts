import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestDevice, testDevice } from '../../lib/testing.ts'
import { type ChallengeAnswer, PROOF_HEADER } from './index.ts'
import { elsewhere, link, nonceFor, unlink } from './link.testing.ts'
import { type MeetingPlace, PLACES, startProcess } from './process.testing.ts'
import { type Person, newPerson, post, proofOf } from './requests.testing.ts'
import { AUDIENCE, ORIGIN, type TestServer, person, testServer } from './server.testing.ts'

/** `npm run test:stress` asks for more. */
const PROCESSES = Number(process.env['LATCHKEY_PROCESSES'] ?? 2)
const ROUNDS = Number(process.env['LATCHKEY_ROUNDS'] ?? 20)

/** A guard against hanging, not a limit on speed. */
const PATIENCE = 120_000 + PROCESSES * ROUNDS * 1000

interface Call {
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: object
}

/** What a link and an unlink of one alias may be told while others do the same. */
const REFUSALS: readonly (readonly string[])[] = [['PRINCIPAL_TAKEN', 'PROOF_LINK_MISMATCH'], ['ALIAS_UNKNOWN']]

interface Tally {
  /** How often which code was answered; `done` where there was none. */
  readonly codes: Record<string, number>
  overlapping: number
}

/** What one process says of one call. */
interface Outcome {
  readonly code: string
  readonly begun: number
  readonly ended: number
}

describe.each(Object.entries(PLACES))('several processes on %s', { timeout: PATIENCE }, (where, open) => {
  let server: TestServer
  let opened: MeetingPlace
  let workers: ChildProcess[] = []

  beforeAll(async () => {
    opened = await open()
    server = await testServer({}, opened.database)
    workers = await each(() => startProcess(opened.place))
  })

  afterAll(async () => {
    for (const worker of workers) worker.kill()
    await opened.close()
  })

  /** One call by each process. Each has the call in its hands before any is told to go: this is the barrier. */
  async function race(calls: readonly Call[], tally: Tally): Promise<string[]> {
    await all((index) => ({ arm: calls[index] }))
    const outcomes = (await all(() => ({ go: true }))) as Outcome[]
    for (const { code } of outcomes) tally.codes[code] = (tally.codes[code] ?? 0) + 1
    // Whether all of them were at work at one moment.
    if (Math.max(...outcomes.map(({ begun }) => begun)) < Math.min(...outcomes.map(({ ended }) => ended))) tally.overlapping++
    return outcomes.map(({ code }) => code)
  }

  async function all(message: (index: number) => object): Promise<unknown[]> {
    const answers = workers.map((worker) => once(worker, 'message'))
    workers.forEach((worker, index) => worker.send(message(index)))
    return (await Promise.all(answers)).map(([answer]) => answer as unknown)
  }

  /** The rounds of one race, and what came of them in numbers. */
  async function rounds(name: string, round: (index: number, tally: Tally) => Promise<void>): Promise<void> {
    const tally: Tally = { codes: {}, overlapping: 0 }
    for (let index = 0; index < ROUNDS; index++) await round(index, tally)
    const answers = Object.entries(tally.codes).map(([code, times]) => `${times} × ${code}`)
    console.warn(`${name}: ${PROCESSES} processes × ${ROUNDS} rounds on ${where}: ${answers.join(', ')}; all at work at once in ${tally.overlapping} rounds`)
  }

  /** One process gets through, the others are refused, and nothing else happens. */
  function expectOneWinner(codes: string[], ...refusals: string[]): void {
    expect(codes.filter((code) => code === 'done')).toHaveLength(1)
    expect(codes.filter((code) => code !== 'done' && !refusals.includes(code))).toEqual([])
  }

  const holdersOf = (principal: string) => server.adapter.findMany<Record<string, unknown>>({ model: 'user', where: [{ field: 'principal', value: principal }] })
  const rowsOf = (principal: string) => server.adapter.findMany<Record<string, unknown>>({ model: 'latchkeyPrincipal', where: [{ field: 'principal', value: principal }] })
  const usersOf = (prefix: string) => server.adapter.findMany<Record<string, unknown>>({ model: 'user', where: [{ field: 'email', operator: 'starts_with', value: prefix }] })

  function each<Value>(make: (index: number) => Promise<Value>): Promise<Value[]> {
    return Promise.all(Array.from({ length: PROCESSES }, (_, index) => make(index)))
  }

  async function bindCall({ browser, device }: Person): Promise<Call> {
    const { nonce } = (await (await browser.send('/latchkey/challenge', post({ purpose: 'bind' }))).json()) as ChallengeAnswer
    const proof = await device.proof({ audience: AUDIENCE, purpose: 'bind', nonce })
    const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ')
    return { path: '/latchkey/bind', body: { nonce }, headers: { cookie, origin: ORIGIN, [PROOF_HEADER]: proof } }
  }

  async function linkCall({ browser, session }: Person, device: TestDevice): Promise<Call> {
    const [nonce, linkTo] = [await nonceFor(browser, 'link'), (await session())!.principal]
    const proof = await device.proof({ audience: AUDIENCE, purpose: 'link', nonce, linkTo })
    const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ')
    return { path: '/latchkey/link', body: { nonce }, headers: { cookie, origin: ORIGIN, [PROOF_HEADER]: proof } }
  }

  async function unlinkCall({ browser }: Person, { principal: alias }: TestDevice): Promise<Call> {
    const nonce = await nonceFor(browser, 'unlink')
    const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ')
    return { path: '/latchkey/unlink', body: { nonce, alias }, headers: { cookie, origin: ORIGIN } }
  }

  const actsOf = (act: string, { principal }: TestDevice) => server.adapter.count({ model: 'latchkeyAudit', where: [{ field: 'act', operator: 'starts_with', value: `${act}:${principal}:` }] })

  test('one principal, linked in each to another account: at most one of them has it, and whoever was told so', async () => {
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
      expect(looks.map((look) => look!.aliases.includes(device.principal))).toEqual(codes.map((code) => code === 'done'))
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
      expect((await people[0]!.session())!.aliases.toSorted()).toEqual(people.map(({ device }) => device.principal).toSorted())
    })
  })

  test('an adoption and its undo: the alias is the account\'s or held for it, and the record says the same', async () => {
    await rounds('links and unlinks of one alias', async (round, tally) => {
      const device = await testDevice()
      const owner = await newPerson(server)
      await owner.prove('/sign-up/email', person(`undo-${round}`))
      const canonical = (await owner.session())!.principal
      const people = await each(() => elsewhere(server, person(`undo-${round}`)))
      expect((await link(owner, device)).status).toBe(200)
      // Every other round begins with an adoption that was undone.
      if (round % 2 === 0) expect((await unlink(owner, device.principal)).status).toBe(200)
      const codes = await race(await Promise.all(people.map((one, index) => (index % 2 === 0 ? linkCall(one, device) : unlinkCall(one, device)))), tally)
      expect(codes.filter((code, index) => ![...REFUSALS[index % 2]!, 'done'].includes(code))).toEqual([])
      const looks = await Promise.all([owner, ...people].map((one) => one.session()))
      const isLinked = looks[0]!.aliases.includes(device.principal)
      for (const { principal, aliases } of looks as NonNullable<(typeof looks)[number]>[]) expect([principal, aliases]).toEqual([canonical, isLinked ? [device.principal] : []])
      expect(await rowsOf(device.principal)).toMatchObject([{ kind: isLinked ? 'alias' : 'held', userId: looks[0]!.accountId, thumbprint: device.thumbprint }])
      expect((await actsOf('link', device)) - (await actsOf('unlink', device))).toBe(isLinked ? 1 : 0)
      const stranger = await newPerson(server, device)
      expect((await stranger.prove('/sign-up/email', person(`undo-stranger-${round}`))).status).toBe(409)
    })
  })

  test('one principal, and a sign-up in each: one user has it, and there is no orphan', async () => {
    await rounds('one principal, sign-ups', async (round, tally) => {
      const device = await testDevice()
      const calls = await each(async (index) => ({ path: '/sign-up/email', body: person(`sign-up-${round}-${index}`), headers: await proofOf(device) }))
      // A file that is locked is the second refusal: Better Auth says no more of it.
      expectOneWinner(await race(calls, tally), 'PRINCIPAL_TAKEN', 'FAILED_TO_CREATE_USER')
      const users = await usersOf(`sign-up-${round}-`)
      expect(users.map(({ principal }) => principal)).toEqual([device.principal])
      expect(await rowsOf(device.principal)).toHaveLength(1)
    })
  })

  test('one proof, and a sign-up in each: it works once', async () => {
    await rounds('one proof, sign-ups', async (round, tally) => {
      const device = await testDevice()
      const headers = await proofOf(device)
      expectOneWinner(await race(await each(async (index) => ({ path: '/sign-up/email', body: person(`replay-${round}-${index}`), headers })), tally), 'PROOF_REPLAYED')
      expect(await usersOf(`replay-${round}-`)).toHaveLength(1)
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
