import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestDatabase, openSqlite } from './database.testing.ts'
import { type ChallengeAnswer, PROOF_HEADER } from './index.ts'
import { elsewhere, link, nonceFor, unlink } from './link.testing.ts'
import { type Person, newPerson, post, proofOf } from './requests.testing.ts'
import { AUDIENCE, ORIGIN, type TestServer, person, testServer } from './server.testing.ts'

interface Call {
  readonly path: string
  readonly headers?: Record<string, string>
  readonly body?: object
}

const folder = mkdtempSync(join(tmpdir(), 'latchkey-crash-'))
const file = join(folder, 'auth.sqlite')
let database: TestDatabase
let server: TestServer
let worker: ChildProcess | undefined

beforeAll(async () => {
  database = openSqlite(file)
  server = await testServer({ emailVerification: { autoSignInAfterVerification: true } }, database)
})

afterAll(async () => {
  worker?.kill('SIGKILL')
  await database.close()
  rmSync(folder, { recursive: true })
})

/** @returns the answers, or null: the server died */
async function run(requests: readonly Call[], dieAt: number): Promise<{ answers: number[]; statements: number } | null> {
  if (!worker) {
    worker = fork(new URL('server.worker.mjs', import.meta.url), [file, ORIGIN])
    await once(worker, 'message')
  }
  const running = worker
  const ended = once(running, 'exit').then(() => null)
  const answered = once(running, 'message').then(([answer]) => answer as { answers: number[]; statements: number }).catch(() => null)
  running.send({ requests, dieAt })
  const outcome = await Promise.race([answered, ended])
  if (!outcome) worker = undefined
  return outcome
}

/** Repeats a flow with a server that dies before its first statement, its second, and so on, until it gets through. */
async function everyDeath(prepare: (round: number) => Promise<{ one: Person; calls: Call[]; check: () => Promise<void> }>): Promise<number> {
  for (let dieAt = 1; ; dieAt++) {
    const { calls, check } = await prepare(dieAt)
    const outcome = await run(calls, dieAt)
    await check()
    if (outcome) return dieAt - 1
  }
}

function cookieOf({ browser }: Person): Record<string, string> {
  return { cookie: [...browser.cookies].map((pair) => pair.join('=')).join('; '), origin: ORIGIN }
}

/** What must hold whatever died: lock and users agree, and the device can go on. */
async function expectWhole(one: Person, email: string): Promise<void> {
  const { principal } = one.device
  const holders = (await server.rows('user')).filter((user) => user['principal'] === principal)
  const rows = (await server.rows('latchkeyPrincipal')).filter((row) => row['principal'] === principal)
  expect(holders.length).toBeLessThanOrEqual(1)
  expect(rows.length).toBeLessThanOrEqual(1)
  for (const user of holders) expect(rows).toMatchObject([{ epoch: user['principalEpoch'], thumbprint: one.device.thumbprint }])
  if (rows[0]?.['kind'] === 'canonical') expect(holders).toMatchObject([{ id: rows[0]['userId'], email }])
}

test('a sign-up: the user has its binding or there is none, and the device can try again', async () => {
  const deaths = await everyDeath(async (round) => {
    const one = await newPerson(server)
    const credentials = person(`sign-up-${round}`)
    const calls = [{ path: '/sign-up/email', body: credentials, headers: await proofOf(one.device) }]
    const check = async () => {
      await expectWhole(one, credentials.email)
      for (const user of (await server.rows('user')).filter(({ email }) => email === credentials.email)) expect(user['principal']).toBe(one.device.principal)
      const again = await one.prove('/sign-up/email', credentials)
      if (again.status !== 200) await one.prove('/sign-in/email', credentials)
      expect(await one.session()).toMatchObject({ principal: one.device.principal })
      await expectWhole(one, credentials.email)
    }
    return { one, calls, check }
  })
  console.warn(`a server died before each of ${deaths} statements of a sign-up`)
  expect(deaths).toBeGreaterThan(5)
}, 300_000)

test('the first look at an account: whoever looks next completes the binding', async () => {
  const deaths = await everyDeath(async (round) => {
    const one = await newPerson(server)
    const credentials = person(`look-${round}`)
    await one.prove('/sign-up/email', credentials)
    const check = async () => {
      await expectWhole(one, credentials.email)
      expect(await one.session()).toMatchObject({ principal: one.device.principal })
      expect((await server.rows('latchkeyKey')).filter((key) => key['principal'] === one.device.principal)).toHaveLength(1)
      expect((await server.rows('latchkeyAudit')).filter((act) => act['principal'] === one.device.principal)).toHaveLength(1)
    }
    return { one, calls: [{ path: '/latchkey/session', headers: cookieOf(one) }], check }
  })
  console.warn(`a server died before each of ${deaths} statements of a first look`)
  expect(deaths).toBeGreaterThan(5)
}, 300_000)

test('a bind: the account is bound or still open, and the device can try again', async () => {
  const deaths = await everyDeath(async (round) => {
    const one = await newPerson(server)
    const credentials = person(`bind-${round}`)
    await one.browser.send('/sign-up/email', post(credentials))
    const bind = async (): Promise<Call> => {
      const { nonce } = (await (await one.browser.send('/latchkey/challenge', post({ purpose: 'bind' }))).json()) as ChallengeAnswer
      const proof = await one.device.proof({ audience: AUDIENCE, purpose: 'bind', nonce })
      return { path: '/latchkey/bind', body: { nonce }, headers: { ...cookieOf(one), [PROOF_HEADER]: proof } }
    }
    const check = async () => {
      await expectWhole(one, credentials.email)
      const { body, headers } = await bind()
      const pinned = (await server.rows('user')).some(({ email, principal, principalOpen }) => email === credentials.email && principal === null && principalOpen === false)
      expect(pinned).toBe(false)
      expect((await one.browser.send('/latchkey/bind', post(body!, { [PROOF_HEADER]: headers![PROOF_HEADER]! }))).status).toBe(200)
      expect(await one.session()).toMatchObject({ principal: one.device.principal })
      await expectWhole(one, credentials.email)
    }
    return { one, calls: [await bind()], check }
  })
  console.warn(`a server died before each of ${deaths} statements of a bind`)
  expect(deaths).toBeGreaterThan(10)
}, 300_000)

/** Somebody whose account has the principal of one device, and a second device. */
async function withSecondDevice(credentials: ReturnType<typeof person>): Promise<{ one: Person; two: Person }> {
  const one = await newPerson(server)
  await one.prove('/sign-up/email', credentials)
  await one.session()
  return { one, two: await elsewhere(server, credentials) }
}

/** The second principal is the account's or nobody's, and the lock says the same. */
async function expectAliasWhole({ one, two }: { one: Person; two: Person }): Promise<boolean> {
  const { principal, aliases, accountId } = (await one.session())!
  const { principal: alias, thumbprint } = two.device
  expect(principal).toBe(one.device.principal)
  const rows = (await server.rows('latchkeyPrincipal')).filter((row) => row['principal'] === alias)
  const isLinked = aliases.includes(alias)
  expect(rows.filter(({ kind, userId }) => kind === 'alias' && userId === accountId)).toHaveLength(isLinked ? 1 : 0)
  const acts = (await server.rows('latchkeyAudit')).filter((act) => act['principal'] === alias)
  const keys = (await server.rows('latchkeyKey')).filter((key) => key['thumbprint'] === thumbprint)
  if (isLinked) expect([acts.length > 0, keys.length]).toEqual([true, 1])
  return isLinked
}

test('a link: it is there with its record or not at all, and the device can try again', async () => {
  const deaths = await everyDeath(async (round) => {
    const credentials = person(`link-${round}`)
    const { one, two } = await withSecondDevice(credentials)
    const nonce = await nonceFor(two.browser, 'link')
    const proof = await two.device.proof({ audience: AUDIENCE, purpose: 'link', nonce, linkTo: one.device.principal })
    const check = async () => {
      await expectWhole(one, credentials.email)
      await expectAliasWhole({ one, two })
      expect((await link(two, two.device)).status).toBe(200)
      expect(await expectAliasWhole({ one, two })).toBe(true)
    }
    return { one, calls: [{ path: '/latchkey/link', body: { nonce }, headers: { ...cookieOf(two), [PROOF_HEADER]: proof } }], check }
  })
  console.warn(`a server died before each of ${deaths} statements of a link`)
  expect(deaths).toBeGreaterThan(10)
}, 300_000)

test('a first link to an account whose principal is its id', async () => {
  const deaths = await everyDeath(async (round) => {
    const credentials = person(`pinned-${round}`)
    await server.browser().send('/sign-up/email', post(credentials))
    const two = await elsewhere(server, credentials)
    const { accountId } = (await two.session())!
    const nonce = await nonceFor(two.browser, 'link')
    const proof = await two.device.proof({ audience: AUDIENCE, purpose: 'link', nonce, linkTo: accountId })
    const check = async () => {
      expect(await two.session()).toMatchObject({ principal: accountId })
      expect((await link(two, two.device)).status).toBe(200)
      expect(await two.session()).toMatchObject({ principal: accountId, aliases: [two.device.principal] })
    }
    return { one: two, calls: [{ path: '/latchkey/link', body: { nonce }, headers: { ...cookieOf(two), [PROOF_HEADER]: proof } }], check }
  })
  console.warn(`a server died before each of ${deaths} statements of a first link`)
  expect(deaths).toBeGreaterThan(10)
}, 300_000)

test('an unlink: the alias is the account\'s or held for it, and it can be tried again', async () => {
  const deaths = await everyDeath(async (round) => {
    const { one, two } = await withSecondDevice(person(`unlink-${round}`))
    await link(two, two.device)
    const body = { nonce: await nonceFor(one.browser, 'unlink'), alias: two.device.principal }
    const check = async () => {
      const isLinked = await expectAliasWhole({ one, two })
      const acts = (await server.rows('latchkeyAudit')).filter(({ principal, act }) => principal === two.device.principal && String(act).startsWith('unlink'))
      expect(acts).toHaveLength(isLinked ? 0 : 1)
      expect((await unlink(one, two.device.principal)).status).toBe(200)
      expect(await expectAliasWhole({ one, two })).toBe(false)
      const thief = await newPerson(server, two.device)
      expect((await thief.prove('/sign-up/email', person(`finder-${round}`))).status).toBe(409)
      expect((await link(two, two.device)).status).toBe(200)
    }
    return { one, calls: [{ path: '/latchkey/unlink', body, headers: cookieOf(one) }], check }
  })
  console.warn(`a server died before each of ${deaths} statements of an unlink`)
  expect(deaths).toBeGreaterThan(5)
}, 300_000)

test('a deletion: the account is there with its principal, or nobody ever has that again', async () => {
  const deaths = await everyDeath(async (round) => {
    const one = await newPerson(server)
    const credentials = person(`delete-${round}`)
    await one.prove('/sign-up/email', credentials)
    const check = async () => {
      const isThere = (await server.rows('user')).some(({ email }) => email === credentials.email)
      const other = await newPerson(server, one.device)
      expect((await other.prove('/sign-up/email', person(`thief-${round}`))).status).toBe(409)
      if (!isThere) return
      await one.prove('/sign-in/email', credentials)
      const found = await one.session()
      if (found) expect(found).toMatchObject({ principal: one.device.principal })
    }
    return { one, calls: [{ path: '/delete-user', body: { password: credentials.password }, headers: cookieOf(one) }], check }
  })
  console.warn(`a server died before each of ${deaths} statements of a deletion`)
  expect(deaths).toBeGreaterThan(5)
}, 300_000)

test('a reset: the account keeps no principal of whoever made it', async () => {
  const { createEmailVerificationToken } = await import('better-auth/api')
  const deaths = await everyDeath(async (round) => {
    const one = await newPerson(server)
    const credentials = person(`reset-${round}`)
    await one.prove('/sign-up/email', credentials)
    await one.session()
    const link = async (): Promise<string> => `/verify-email?token=${await createEmailVerificationToken('a secret of at least thirty-two characters', credentials.email)}`
    const check = async () => {
      const { emailVerified } = (await server.rows('user')).find(({ email }) => email === credentials.email)!
      if (!emailVerified) await server.browser().send(await link())
      const found = await one.session()
      expect(found!.principal).not.toBe(one.device.principal)
      expect(await one.session()).toEqual(found)
      const rows = (await server.rows('latchkeyPrincipal')).filter((row) => row['principal'] === one.device.principal)
      expect(rows).toMatchObject([{ kind: 'reserved', userId: null }])
      const own = await newPerson(server, one.device)
      expect((await own.prove('/sign-up/email', person(`own-${round}`))).status).toBe(200)
      expect(await own.session()).toMatchObject({ principal: one.device.principal })
    }
    return { one, calls: [{ path: await link(), headers: {} }], check }
  })
  console.warn(`a server died before each of ${deaths} statements of a reset`)
  expect(deaths).toBeGreaterThan(10)
}, 300_000)
