import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { AuthContext } from 'better-auth'
import { magicLink } from 'better-auth/plugins'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ChallengeAnswer, EXPECT_HEADER, PROOF_HEADER, latchkey, latchkeyJwt } from '../index.ts'
import { backupRequests, newEnvelope, newLocator, writeProof } from '../testing/backup.testing.ts'
import { elsewhere, link, nonceFor, unlink } from '../testing/link.testing.ts'
import { grantFor, pairCall, redeem } from '../testing/pairing.testing.ts'
import { type MeetingPlace, PLACES, startProcess } from '../testing/process.testing.ts'
import { type Person, cookieOf, newPerson, post, proofOf } from '../testing/requests.testing.ts'
import { AUDIENCE, ORIGIN, type TestServer, person, testServer } from '../testing/server.testing.ts'

interface Call {
  readonly path: string
  readonly headers?: Record<string, string>
  readonly body?: object
}

/** `npm run test:stress` has them on Postgres, too. */
const WHERE = (
  process.env['LATCHKEY_STRESS'] ? ['a SQLite file', 'Postgres'] : ['a SQLite file']
) as (keyof typeof PLACES)[]

/** A guard against hanging, not a limit on speed. */
const TIMEOUT_MS = 600_000

/**
 * Before the first statement, and after each that wrote. A statement that reads leaves what a death before it leaves:
 * `npm run test:stress` has those, too.
 */
function placesToDie(writes: readonly boolean[]): number[] {
  const places = writes.map((_, index) => index + 1)
  return process.env['LATCHKEY_STRESS'] ? places : places.filter((place) => place === 1 || writes[place - 2])
}

interface Death {
  /** Right before this statement, the first is 1. */
  readonly dieAt?: number
  /** After the last statement, before the answer. */
  readonly dieAfterwards?: boolean
}

interface Prepared {
  readonly calls: readonly Call[]
  /** What must hold afterwards, wherever the server died. */
  readonly check: () => Promise<void>
}

describe.each(WHERE)('a server on %s dies in', { timeout: TIMEOUT_MS }, (where) => {
  const links: string[] = []
  let opened: MeetingPlace
  let server: TestServer
  let running: Promise<ChildProcess> | undefined
  /** Starts while another one is at work, and takes its place when that one dies. */
  let spare: Promise<ChildProcess> | undefined

  beforeAll(async () => {
    opened = await PLACES[where]()
    const backupsWithoutAccount = { perAddressAndDay: 10_000, total: 10_000, days: 30 }
    const own = [latchkey({ pairing: {}, backupsWithoutAccount }), latchkeyJwt()]
    const plugins = [...own, magicLink({ sendMagicLink: async ({ token }) => void links.push(token) })]
    server = await testServer({ emailVerification: { autoSignInAfterVerification: true }, plugins }, opened.database)
  })

  afterAll(async () => {
    for (const worker of [await running, await spare]) worker?.kill('SIGKILL')
    await opened.close()
  })

  /** @returns whether each statement wrote, or null: the server died */
  async function run(requests: readonly Call[], death: Death): Promise<boolean[] | null> {
    running ??= spare ?? startProcess(opened.place)
    if (running === spare) spare = undefined
    spare ??= startProcess(opened.place)
    const worker = await running
    const ended = once(worker, 'exit').then(() => null)
    const answered = once(worker, 'message')
      .then(([answer]) => answer as { answers: number[]; writes: boolean[] })
      .catch(() => null)
    worker.send({ requests, dieAt: Number.MAX_SAFE_INTEGER, ...death })
    const outcome = await Promise.race([answered, ended])
    if (outcome === null) {
      running = undefined
      return null
    }
    expect(
      outcome.answers.filter((status) => status >= 400),
      'refused, although the server did not die',
    ).toEqual([])
    return outcome.writes
  }

  /** Each statement is to meet a server that has just started, as the one that goes on after a death has. */
  async function restart(): Promise<void> {
    const worker = await running!
    const ended = once(worker, 'exit')
    worker.kill('SIGKILL')
    await ended
    running = undefined
  }

  /**
   * Repeats a flow with a server that dies before its first statement, before its second, and so on, and at last after
   * the last one. Before a statement is after the one in front of it: the database has nothing else to do in between.
   */
  async function everyDeath(flow: string, prepare: (round: number) => Promise<Prepared>): Promise<number> {
    let round = 0
    const attempt = async (death: Death): Promise<boolean[] | null> => {
      const { calls, check } = await prepare(round++)
      const writes = await run(calls, death)
      await check()
      return writes
    }
    const writes = (await attempt({}))!
    const places = placesToDie(writes)
    await restart()
    for (const dieAt of places) expect(await attempt({ dieAt }), `before statement ${dieAt}`).toBeNull()
    expect(await attempt({ dieAt: writes.length + 1 })).toEqual(writes)
    expect(await attempt({ dieAfterwards: true })).toBeNull()
    console.warn(
      `${flow}, on ${where}: a server died at ${places.length + 1} places among ${writes.length} statements; ${await countWhole()}`,
    )
    return writes.length
  }

  /** Checks everything that all the crashes so far have left. */
  async function countWhole(): Promise<string> {
    const [users, rows, proofs] = [
      await server.rows('user'),
      await server.rows('latchkeyPrincipal'),
      await server.rows('latchkeyProof'),
    ]
    const bound = users.filter(({ principal }) => principal !== null)
    for (const user of bound) {
      const [row, ...others] = rows.filter(({ principal }) => principal === user['principal'])
      expect([row?.['epoch'], row?.['kind'] === 'reserved' ? user['id'] : row?.['userId'], others]).toEqual([
        user['principalEpoch'],
        user['id'],
        [],
      ])
    }
    const ids = new Set(users.map(({ id }) => id))
    const homeless = rows.filter(({ kind, userId }) => (kind === 'canonical' || kind === 'alias') && !ids.has(userId))
    // A deletion that was cut short: such a row has no owner for ever, and only its name says otherwise.
    for (const { principal } of homeless) expect(bound.map((user) => user['principal'])).not.toContain(principal)
    for (const names of [
      bound.map(({ principal }) => principal),
      rows.map(({ principal }) => principal),
      proofs.map(({ jti }) => jti),
    ])
      expect(new Set(names).size).toBe(names.length)
    const kinds = ['canonical', 'alias', 'reserved', 'retired'].map(
      (kind) => `${rows.filter((row) => row['kind'] === kind).length} ${kind}`,
    )
    return `${users.length} users (${bound.length} bound), ${rows.length} principals (${kinds.join(', ')}), ${proofs.length} proofs, none half`
  }

  /** What must hold whatever died: lock, users and used proofs agree, and the device can go on. */
  async function expectWhole(one: Person, email: string, headers?: Record<string, string>): Promise<void> {
    const { principal } = one.device
    const holders = (await server.rows('user')).filter((user) => user['principal'] === principal)
    const rows = (await server.rows('latchkeyPrincipal')).filter((row) => row['principal'] === principal)
    expect(holders.length).toBeLessThanOrEqual(1)
    expect(rows.length).toBeLessThanOrEqual(1)
    for (const user of holders)
      expect(rows).toMatchObject([{ epoch: user['principalEpoch'], thumbprint: one.device.thumbprint }])
    if (rows[0]?.['kind'] === 'canonical') expect(holders).toMatchObject([{ id: rows[0]['userId'], email }])
    // Who is bound used a proof for it, and only that.
    const jti = headers && (decodeJwt(headers[PROOF_HEADER]!)['jti'] as string)
    if (jti && holders.length > 0)
      expect((await server.rows('latchkeyProof')).filter((proof) => proof['jti'] === jti)).toHaveLength(1)
  }

  test('a sign-up: the user has its binding or there is none, and the device can try again', async () => {
    const deaths = await everyDeath('a sign-up', async (round) => {
      const one = await newPerson(server)
      const credentials = person(`sign-up-${round}`)
      const headers = await proofOf(one.device)
      const calls = [{ path: '/sign-up/email', body: credentials, headers }]
      const check = async () => {
        await expectWhole(one, credentials.email, headers)
        for (const user of (await server.rows('user')).filter(({ email }) => email === credentials.email))
          expect(user['principal']).toBe(one.device.principal)
        const again = await one.prove('/sign-up/email', credentials)
        if (again.status !== 200) await one.prove('/sign-in/email', credentials)
        expect(await one.session()).toMatchObject({ principal: one.device.principal })
        await expectWhole(one, credentials.email)
      }
      return { calls, check }
    })
    expect(deaths).toBeGreaterThan(5)
  })

  test('the first use of an account: the next use completes the binding', async () => {
    const deaths = await everyDeath('a first look', async (round) => {
      const one = await newPerson(server)
      const credentials = person(`look-${round}`)
      await one.prove('/sign-up/email', credentials)
      const check = async () => {
        await expectWhole(one, credentials.email)
        expect(await one.session()).toMatchObject({ principal: one.device.principal })
        expect(
          (await server.rows('latchkeyKey')).filter((key) => key['principal'] === one.device.principal),
        ).toHaveLength(1)
        expect(
          (await server.rows('latchkeyAudit')).filter((act) => act['principal'] === one.device.principal),
        ).toHaveLength(1)
      }
      return { calls: [{ path: '/latchkey/session', headers: cookieOf(one) }], check }
    })
    expect(deaths).toBeGreaterThan(5)
  })

  test('a bind: the account is bound or still open, and the device can try again', async () => {
    const deaths = await everyDeath('a bind', async (round) => {
      const one = await newPerson(server)
      const credentials = person(`bind-${round}`)
      await one.browser.send('/sign-up/email', post(credentials))
      const bind = async (): Promise<Call> => {
        const { nonce } = (await (
          await one.browser.send('/latchkey/challenge', post({ purpose: 'bind' }))
        ).json()) as ChallengeAnswer
        const proof = await one.device.proof({ audience: AUDIENCE, purpose: 'bind', nonce })
        return { path: '/latchkey/bind', body: { nonce }, headers: { ...cookieOf(one), [PROOF_HEADER]: proof } }
      }
      const check = async () => {
        await expectWhole(one, credentials.email)
        const { body, headers } = await bind()
        const pinned = (await server.rows('user')).some(
          ({ email, principal, principalOpen }) =>
            email === credentials.email && principal === null && principalOpen === false,
        )
        expect(pinned).toBe(false)
        expect(
          (await one.browser.send('/latchkey/bind', post(body!, { [PROOF_HEADER]: headers![PROOF_HEADER]! }))).status,
        ).toBe(200)
        expect(await one.session()).toMatchObject({ principal: one.device.principal })
        await expectWhole(one, credentials.email)
      }
      return { calls: [await bind()], check }
    })
    expect(deaths).toBeGreaterThan(10)
  })

  /** A user whose account has the principal of one device, and a second device. */
  async function withSecondDevice(credentials: ReturnType<typeof person>): Promise<{ one: Person; two: Person }> {
    const one = await newPerson(server)
    await one.prove('/sign-up/email', credentials)
    await one.session()
    return { one, two: await elsewhere(server, credentials) }
  }

  async function linkCall(one: Person, linkTo: string): Promise<Call> {
    const nonce = await nonceFor(one.browser, 'link')
    const proof = await one.device.proof({ audience: AUDIENCE, purpose: 'link', nonce, linkTo })
    return { path: '/latchkey/link', body: { nonce }, headers: { ...cookieOf(one), [PROOF_HEADER]: proof } }
  }

  const actsOn = async ({ device }: Person, act: string) =>
    (await server.rows('latchkeyAudit')).filter((row) => String(row['act']).startsWith(`${act}:${device.principal}:`))

  /** The second principal is the account's or has no owner, and the lock, the record and the keys say the same. */
  async function expectAliasWhole({ one, two }: { one: Person; two: Person }, canonical: string): Promise<boolean> {
    const { principal, aliases, accountId } = (await one.session())!
    expect(principal).toBe(canonical)
    const isLinked = aliases.includes(two.device.principal)
    const rows = (await server.rows('latchkeyPrincipal')).filter((row) => row['principal'] === two.device.principal)
    expect(rows.filter(({ kind, userId }) => kind === 'alias' && userId === accountId)).toHaveLength(isLinked ? 1 : 0)
    if (!isLinked) return false
    expect((await actsOn(two, 'link')).length).toBeGreaterThan(0)
    expect(
      (await server.rows('latchkeyKey')).filter((key) => key['thumbprint'] === two.device.thumbprint),
    ).toHaveLength(1)
    return true
  }

  test('a link: it is there with its record or not at all, and the device can try again', async () => {
    const deaths = await everyDeath('a link', async (round) => {
      const people = await withSecondDevice(person(`link-${round}`))
      const { principal } = people.one.device
      const check = async () => {
        await expectAliasWhole(people, principal)
        expect((await link(people.two, people.two.device)).status).toBe(200)
        expect(await expectAliasWhole(people, principal)).toBe(true)
      }
      return { calls: [await linkCall(people.two, principal)], check }
    })
    expect(deaths).toBeGreaterThan(10)
  })

  test('a first link to an account whose principal is its id', async () => {
    const deaths = await everyDeath('a first link', async (round) => {
      const credentials = person(`pinned-${round}`)
      await server.browser().send('/sign-up/email', post(credentials))
      const two = await elsewhere(server, credentials)
      const { accountId } = (await two.session())!
      const check = async () => {
        await expectAliasWhole({ one: two, two }, accountId)
        expect((await link(two, two.device)).status).toBe(200)
        expect(await expectAliasWhole({ one: two, two }, accountId)).toBe(true)
      }
      return { calls: [await linkCall(two, accountId)], check }
    })
    expect(deaths).toBeGreaterThan(10)
  })

  test("an unlink: the alias is the account's or held for it, and it can be tried again", async () => {
    const deaths = await everyDeath('an unlink', async (round) => {
      const people = await withSecondDevice(person(`unlink-${round}`))
      const { one, two } = people
      await link(two, two.device)
      const body = { nonce: await nonceFor(one.browser, 'unlink'), alias: two.device.principal }
      const check = async () => {
        const isLinked = await expectAliasWhole(people, one.device.principal)
        expect(await actsOn(two, 'unlink')).toHaveLength(isLinked ? 0 : 1)
        expect((await unlink(one, two.device.principal)).status).toBe(200)
        expect(await expectAliasWhole(people, one.device.principal)).toBe(false)
        const finder = await newPerson(server, two.device)
        expect((await finder.prove('/sign-up/email', person(`finder-${round}`))).status).toBe(409)
        expect((await link(two, two.device)).status).toBe(200)
      }
      return { calls: [{ path: '/latchkey/unlink', body, headers: cookieOf(one) }], check }
    })
    expect(deaths).toBeGreaterThan(5)
  })

  test('a deletion: the account exists with its principal, or that principal is never given again', async () => {
    const deaths = await everyDeath('a deletion', async (round) => {
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
      return {
        calls: [{ path: '/delete-user', body: { password: credentials.password }, headers: cookieOf(one) }],
        check,
      }
    })
    expect(deaths).toBeGreaterThan(5)
  })

  test('a reset: the account keeps no principal of its creator', async () => {
    const deaths = await everyDeath('a reset by a link', async (round) => {
      const one = await newPerson(server)
      const credentials = person(`reset-${round}`)
      await one.prove('/sign-up/email', credentials)
      await one.session()
      const link = async (): Promise<string> => {
        await server.browser().send('/sign-in/magic-link', post({ email: credentials.email }))
        return `/magic-link/verify?token=${links.at(-1)}`
      }
      const check = async () => {
        const victim = await newPerson(server)
        await victim.browser.send(await link())
        const found = await victim.session()
        expect(found!.principal).not.toBe(one.device.principal)
        expect(await victim.session()).toEqual(found)
        const rows = (await server.rows('latchkeyPrincipal')).filter((row) => row['principal'] === one.device.principal)
        expect(rows).toMatchObject([{ kind: 'reserved', userId: null }])
        const own = await newPerson(server, one.device)
        expect((await own.prove('/sign-up/email', person(`own-${round}`))).status).toBe(200)
        expect(await own.session()).toMatchObject({ principal: one.device.principal })
      }
      return { calls: [{ path: await link(), headers: {} }], check }
    })
    expect(deaths).toBeGreaterThan(10)
  })

  test('a sign-in to an open account: it is bound or still open, and the device can sign in again', async () => {
    const deaths = await everyDeath('a sign-in to an open account', async (round) => {
      const one = await newPerson(server)
      const credentials = person(`sign-in-${round}`)
      await server.browser().send('/sign-up/email', post(credentials))
      const headers = await proofOf(one.device)
      const check = async () => {
        await expectWhole(one, credentials.email, headers)
        expect((await one.prove('/sign-in/email', credentials)).status).toBe(200)
        const found = await one.session()
        expect(found).toMatchObject({ principal: one.device.principal, aliases: [found!.accountId] })
        await expectWhole(one, credentials.email)
      }
      return { calls: [{ path: '/sign-in/email', body: credentials, headers }], check }
    })
    expect(deaths).toBeGreaterThan(10)
  })

  test('a magic link that makes an account: the user has its binding or there is none, and another link finishes it', async () => {
    const deaths = await everyDeath('a magic link', async (round) => {
      const one = await newPerson(server)
      const { email } = person(`magic-${round}`)
      const ask = async (): Promise<string> => {
        await one.browser.send('/sign-in/magic-link', post({ email }))
        return `/magic-link/verify?token=${links.at(-1)}`
      }
      const headers = await proofOf(one.device, { [EXPECT_HEADER]: email })
      const check = async () => {
        await expectWhole(one, email, headers)
        for (const user of (await server.rows('user')).filter((row) => row['email'] === email))
          expect(user['principal']).toBe(one.device.principal)
        await one.follow(await ask(), { [EXPECT_HEADER]: email })
        expect(await one.session()).toMatchObject({ principal: one.device.principal, recoverable: true })
        await expectWhole(one, email)
      }
      return { calls: [{ path: await ask(), headers }], check }
    })
    expect(deaths).toBeGreaterThan(5)
  })

  test('a new password: the account keeps no principal of its creator', async () => {
    const { internalAdapter } = await (server.auth as unknown as { $context: Promise<AuthContext> }).$context
    const deaths = await everyDeath('a new password', async (round) => {
      const one = await newPerson(server)
      const credentials = person(`password-${round}`)
      await one.prove('/sign-up/email', credentials)
      const { accountId } = (await one.session())!
      const reset = async (attempt: number): Promise<Call> => {
        const token = `token-${round}-${attempt}`
        await internalAdapter.createVerificationValue({
          identifier: `reset-password:${token}`,
          value: accountId,
          expiresAt: new Date(Date.now() + 60_000),
        })
        return { path: '/reset-password', body: { newPassword: 'a new password', token } }
      }
      const check = async () => {
        const { path, body } = await reset(2)
        expect((await server.browser().send(path, post(body!))).status).toBe(200)
        const found = await one.session()
        expect(found!.principal).not.toBe(one.device.principal)
        const rows = (await server.rows('latchkeyPrincipal')).filter((row) => row['principal'] === one.device.principal)
        expect(rows).toMatchObject([{ kind: 'reserved', userId: null }])
      }
      return { calls: [await reset(1)], check }
    })
    expect(deaths).toBeGreaterThan(10)
  })

  test('a revocation: the key is good or revoked, and it can be revoked again', async () => {
    const deaths = await everyDeath('a revocation', async (round) => {
      const one = await newPerson(server)
      const credentials = person(`revoke-${round}`)
      const { principal, thumbprint } = one.device
      await one.prove('/sign-up/email', credentials)
      await server.change(
        'user',
        { emailVerified: true, principalMailbox: credentials.email },
        { email: credentials.email },
      )
      await one.session()
      const call = { path: '/latchkey/keys/revoke', body: { thumbprint } }
      const check = async () => {
        expect((await one.browser.send(call.path, post(call.body))).status).toBe(200)
        expect((await server.rows('latchkeyKey')).filter((key) => key['principal'] === principal)).toMatchObject([
          { retiredAt: expect.any(Date) },
        ])
        expect(
          (await server.rows('latchkeyAudit')).filter(({ act }) => String(act).startsWith(`revoke:${principal}`)),
        ).toHaveLength(1)
        expect(await one.session()).toMatchObject({ principal })
      }
      return { calls: [{ ...call, headers: cookieOf(one) }], check }
    })
    expect(deaths).toBeGreaterThan(3)
  })

  /** The call of a request that a test could send itself. */
  function callOf(path: string, { body, headers }: RequestInit, one?: Person): Call {
    const sent = { ...(headers as Record<string, string>), ...(one && cookieOf(one)), origin: ORIGIN }
    return { path, body: JSON.parse(String(body)) as object, headers: sent }
  }

  const sessionsOf = async (accountId: string) =>
    (await server.rows('session')).filter(({ userId }) => userId === accountId)

  /** A device that signed up, and one that is to be let in. */
  async function beforePairing(name: string) {
    const [one, fresh] = [await newPerson(server), await newPerson(server)]
    await one.prove('/sign-up/email', person(name))
    const { accountId } = (await one.session())!
    return { one, fresh, accountId }
  }

  test('an approval: there is at most one grant, which no device has, and the device can be let in again', async () => {
    const deaths = await everyDeath('an approval', async (round) => {
      const { one, fresh, accountId } = await beforePairing(`grant-${round}`)
      const { thumbprint } = fresh.device
      const grantsOf = async () =>
        (await server.rows('latchkeyGrant')).filter(
          ({ userId, thumbprint }) => userId === accountId && thumbprint !== 'withdrawn',
        )
      const check = async () => {
        expect((await grantsOf()).length).toBeLessThanOrEqual(1)
        expect(await sessionsOf(accountId)).toHaveLength(1)
        const grant = await grantFor(one, fresh.device)
        expect(await grantsOf()).toHaveLength(1)
        expect((await redeem(fresh, grant)).status).toBe(200)
        expect(await fresh.session()).toMatchObject({ principal: one.device.principal })
        expect((await redeem(fresh, grant)).status).toBe(403)
        expect(await sessionsOf(accountId)).toHaveLength(2)
      }
      return { calls: [callOf('/latchkey/pair/grant', await pairCall(one.device, thumbprint), one)], check }
    })
    expect(deaths).toBeGreaterThan(5)
  })

  test('a use of a grant: it gives one session or none, never a second one, and the device can be let in again', async () => {
    const deaths = await everyDeath('a use of a grant', async (round) => {
      const { one, fresh, accountId } = await beforePairing(`redeem-${round}`)
      const grant = await grantFor(one, fresh.device)
      const pairedOf = async () => (await sessionsOf(accountId)).filter(({ pairedBy }) => pairedBy !== null)
      const [approver] = await sessionsOf(accountId)
      const check = async () => {
        const made = await pairedOf()
        expect(made.length).toBeLessThanOrEqual(1)
        const { status } = await redeem(fresh, grant)
        const after = await pairedOf()
        expect([after.length, status]).toEqual(made.length === 1 ? [1, 403] : [after.length, after.length ? 200 : 403])
        for (const session of after)
          expect(session).toMatchObject({
            pairedBy: approver!['id'],
            createdAt: approver!['createdAt'],
            expiresAt: approver!['expiresAt'],
          })
        expect((await redeem(fresh, await grantFor(one, fresh.device))).status).toBe(200)
        expect(await fresh.session()).toMatchObject({ principal: one.device.principal })
      }
      const call = await pairCall(fresh.device, fresh.device.thumbprint, { grant })
      return { calls: [callOf('/latchkey/pair/redeem', call)], check }
    })
    expect(deaths).toBeGreaterThan(5)
  })

  /** A device with an account or without one, and a backup of it. */
  async function beforeBackup(name: string | null) {
    const one = await newPerson(server)
    if (name !== null) await one.prove('/sign-up/email', person(name))
    const [locator, envelope] = [newLocator(), newEnvelope()]
    const { put, remove, kept } = backupRequests(one)
    const rowsOf = async () =>
      (await server.rows('latchkeyBackup')).filter(({ principal }) => principal === one.device.principal)
    return { one, locator, envelope, put, remove, kept, rowsOf }
  }

  test.each([true, false])(
    'a backup that is put is there or not, once, and can be put again (account: %s)',
    async (has) => {
      const deaths = await everyDeath(`a backup (account: ${has})`, async (round) => {
        const { one, locator, envelope, put, kept, rowsOf } = await beforeBackup(has ? `put-${round}` : null)
        const check = async () => {
          const rows = await rowsOf()
          expect(rows.length).toBeLessThanOrEqual(1)
          expect(await kept(locator)).toBe(rows.length === 1 ? envelope : null)
          expect((await put(locator, envelope)).status).toBe(200)
          expect(await kept(locator)).toBe(envelope)
          expect(await rowsOf()).toMatchObject([{ removedAt: null, until: has ? null : expect.any(Date) }])
        }
        const headers = await writeProof(one.device, 'put', locator, envelope)
        return { calls: [callOf('/latchkey/backup', post({ locator, envelope }, headers))], check }
      })
      expect(deaths).toBeGreaterThan(5)
    },
  )

  test('a backup that is removed is there or removed, and can be put again', async () => {
    const deaths = await everyDeath('a removal of a backup', async (round) => {
      const { one, locator, envelope, put, remove, kept, rowsOf } = await beforeBackup(`remove-${round}`)
      await put(locator, envelope)
      const check = async () => {
        const [row, ...others] = await rowsOf()
        expect(others).toEqual([])
        expect(await kept(locator)).toBe(row!['removedAt'] === null ? envelope : null)
        expect((await remove(locator)).status).toBe(row!['removedAt'] === null ? 200 : 404)
        expect(await kept(locator)).toBeNull()
        expect((await put(locator, envelope)).status).toBe(200)
        expect(await kept(locator)).toBe(envelope)
      }
      const headers = await writeProof(one.device, 'remove', locator)
      return { calls: [callOf('/latchkey/backup/remove', post({ locator }, headers))], check }
    })
    expect(deaths).toBeGreaterThan(3)
  })

  test('a deletion of an account with a backup leaves none that stays readable', async () => {
    const deaths = await everyDeath('a deletion with a backup', async (round) => {
      const { one, locator, envelope, put, kept, rowsOf } = await beforeBackup(`backup-${round}`)
      await put(locator, envelope)
      const { email, password } = person(`backup-${round}`)
      const check = async () => {
        const isThere = (await server.rows('user')).some((user) => user['email'] === email)
        const [row] = await rowsOf()
        // A sweep removes what has an expiry, unless the account is still there.
        if (!isThere) expect(row!['removedAt'] ?? row!['until']).not.toBeNull()
        else expect(await kept(locator)).toBe(envelope)
      }
      return { calls: [{ path: '/delete-user', body: { password }, headers: cookieOf(one) }], check }
    })
    expect(deaths).toBeGreaterThan(5)
  })
})
