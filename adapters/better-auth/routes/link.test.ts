import type { BetterAuthOptions } from 'better-auth'
import { APIError } from 'better-auth/api'
import { admin, anonymous, magicLink } from 'better-auth/plugins'
import { describe, expect, test } from 'vitest'
import { testDevice } from '../../../lib/testing.ts'
import { adopt, giveUp } from '../binding/adopt.ts'
import { onEachEngine } from '../testing/engines.testing.ts'
import { reserveFor } from '../binding/reservation.ts'
import {
  EXPECT_HEADER,
  type Link,
  type OnLink,
  type OnUnlink,
  PROOF_HEADER,
  createBetterAuthResolver,
  createOperator,
  latchkey,
  latchkeyJwt,
} from '../index.ts'
import { elsewhere, link, nonceFor, sessionIn, unlink } from '../testing/link.testing.ts'
import { type Mailing, type Person, codeOf, mailing, newPerson, post, userOf } from '../testing/requests.testing.ts'
import type { Subject } from '../binding/types.ts'
import { NOBODY, proveMailbox } from '../binding/verified-email.ts'
import { retire } from '../binding/retire.ts'
import { AUDIENCE, ORIGIN, type TestServer, person, storeOf } from '../testing/server.testing.ts'

const ada = person('ada')
const DAY = 86_400_000

type Trx = Parameters<Parameters<TestServer['adapter']['transaction']>[0]>[0]

async function expectRefused(response: Response, status: number, code: string): Promise<void> {
  expect([response.status, await codeOf(response)]).toEqual([status, code])
}

async function rowOf(server: TestServer, principal: string): Promise<Record<string, unknown> | undefined> {
  return (await server.rows('latchkeyPrincipal')).find((row) => row['principal'] === principal)
}

async function acts(server: TestServer): Promise<string[]> {
  return (await server.rows('latchkeyAudit')).map(({ act }) => String(act).split(':').slice(0, 2).join(':'))
}

onEachEngine((newServer, engine) => {
  /** An account with the principal of one device, and a second device that is signed in to it. */
  const twoDevices = async (extra: Partial<BetterAuthOptions> = {}) => {
    const server = await newServer(extra)
    const one = await newPerson(server)
    await one.prove('/sign-up/email', ada)
    await one.session()
    return { server, one, two: await elsewhere(server, ada) }
  }

  test('an account that has given up more principals than one query reads still adopts, and lists what it has', async () => {
    const advanced = { disableOriginCheck: false, database: { defaultFindManyLimit: 3 } }
    const { server, one, two } = await twoDevices({ advanced })
    const { id: userId } = await userOf(server)
    for (const kind of ['held', 'retired'])
      for (let count = 0; count < 4; count++) {
        const { principal, thumbprint } = await testDevice()
        const row = { principal, thumbprint, kind, userId, epoch: `epoch-${kind}-${count}`, until: new Date(0) }
        await server.adapter.create({ model: 'latchkeyPrincipal', data: { ...row, issuer: null, subject: null } })
      }
    const devices = [two.device, await testDevice(), await testDevice(), await testDevice()]
    for (const device of devices) expect((await link(two, device)).status).toBe(200)
    const aliases = expect.arrayContaining(devices.map(({ principal }) => principal))
    expect(await two.session()).toMatchObject({ principal: one.device.principal, aliases })
    const keys = (await (await two.browser.send('/latchkey/keys')).json()) as { keys: unknown[] }
    expect(keys.keys).toHaveLength(5)
  })

  /** An account as `adopt` takes it, read now. */
  const linking = async (server: TestServer, subject: Subject) => ({
    user: (await storeOf(server.adapter).findUser('id', subject.accountId))!,
    subject,
  })

  /** What a server with a local-first token would let in. */
  const statusOf = async (server: TestServer, { device }: Person) => {
    const authorization = `Bearer ${await device.token({ audience: ORIGIN })}`
    const resolution = await createBetterAuthResolver(server.auth).resolve(
      new Request(ORIGIN, { headers: { authorization } }),
    )
    return resolution.ok ? resolution.session.authMode : resolution.error
  }

  describe('link', () => {
    test("makes a second device's principal an alias: in the session, in tokens, in the list of keys and on record", async () => {
      const { server, one, two } = await twoDevices()
      const { id } = await userOf(server)
      const answer = await link(two, two.device)
      expect(answer.status).toBe(200)
      expect(await sessionIn(answer)).toEqual({
        id: expect.any(String),
        identifiers: [],
        provenBy: null,
        accountId: id,
        principal: one.device.principal,
        aliases: [two.device.principal],
        recoverable: false,
      })
      expect(await one.session()).toMatchObject({ principal: one.device.principal, aliases: [two.device.principal] })
      const { token } = (await (await one.browser.send('/token')).json()) as { token: string }
      const resolution = await createBetterAuthResolver(server.auth).resolve(
        new Request(ORIGIN, { headers: { authorization: `Bearer ${token}` } }),
      )
      expect(resolution).toMatchObject({
        ok: true,
        session: { principals: [one.device.principal, two.device.principal] },
      })
      expect((await server.rows('latchkeyKey')).map(({ thumbprint }) => thumbprint)).toContain(two.device.thumbprint)
      expect(await rowOf(server, two.device.principal)).toMatchObject({
        kind: 'alias',
        userId: id,
        thumbprint: two.device.thumbprint,
        until: null,
      })
      expect((await acts(server)).sort()).toEqual([`bind:${one.device.principal}`, `link:${two.device.principal}`])
    })

    test('again, answers the same and writes nothing', async () => {
      const { server, two } = await twoDevices()
      const first = await sessionIn(await link(two, two.device))
      const second = await link(two, two.device)
      expect([second.status, await sessionIn(second)]).toEqual([200, first])
      expect(await acts(server)).toHaveLength(2)
    })

    test("of the account's own principal answers who it is", async () => {
      const { server, one } = await twoDevices()
      const answer = await link(one, one.device)
      expect(await sessionIn(answer)).toMatchObject({ principal: one.device.principal, aliases: [] })
      expect(await rowOf(server, one.device.principal)).toMatchObject({ kind: 'canonical' })
    })

    test('to an account older than the plugin: its principal stays its id', async () => {
      const server = await newServer()
      await server.browser().send('/sign-up/email', post(ada))
      await server.change('user', { principalOpen: false })
      const two = await elsewhere(server, ada)
      const { id } = await userOf(server)
      expect(await sessionIn(await link(two, two.device))).toMatchObject({
        principal: id,
        aliases: [two.device.principal],
      })
      const three = await elsewhere(server, ada)
      expect((await sessionIn(await link(three, three.device)))!.aliases.toSorted()).toEqual(
        [two.device.principal, three.device.principal].toSorted(),
      )
      expect(await userOf(server)).toMatchObject({ principal: null, principalOpen: false })
    })

    test('to an account whose principal was never its own: the column gives way to the id', async () => {
      const { server, one } = await twoDevices()
      // A server that stalled past its reservation: the column is there, the lock is not.
      await server.change('latchkeyPrincipal', { kind: 'reserved', userId: null, epoch: 'another', until: new Date(0) })
      const { id } = await userOf(server)
      const two = await elsewhere(server, ada)
      expect(await sessionIn(await link(two, two.device))).toMatchObject({
        principal: id,
        aliases: [two.device.principal],
      })
      expect(await sessionIn(await link(one, one.device))).toMatchObject({ principal: id })
    })

    test('on five devices, one after the other', async () => {
      const { server, one } = await twoDevices()
      const people = [
        await elsewhere(server, ada),
        await elsewhere(server, ada),
        await elsewhere(server, ada),
        await elsewhere(server, ada),
      ]
      for (const each of people) expect((await link(each, each.device)).status).toBe(200)
      const aliases = people.map(({ device }) => device.principal).toSorted()
      for (const each of [one, ...people]) {
        const session = await each.session()
        expect([session!.principal, session!.aliases.toSorted()]).toEqual([one.device.principal, aliases])
      }
    })

    test('on two devices at once, to an account older than the plugin', async () => {
      const server = await newServer()
      await server.browser().send('/sign-up/email', post(ada))
      await server.change('user', { principalOpen: false })
      const people = [await elsewhere(server, ada), await elsewhere(server, ada)]
      const answers = await Promise.all(people.map((each) => link(each, each.device)))
      expect(answers.map(({ status }) => status)).toEqual([200, 200])
      expect((await people[0]!.session())!.aliases.toSorted()).toEqual(
        people.map(({ device }) => device.principal).toSorted(),
      )
    })

    test('of one principal to two accounts at once: one of them has it', async () => {
      const { server, two } = await twoDevices()
      const other = await newPerson(server)
      await other.prove('/sign-up/email', person('bob'))
      const answers = await Promise.all([link(two, two.device), link(other, two.device)])
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409])
      const looks = await Promise.all([two.session(), other.session()])
      expect(looks.filter((look) => look!.aliases.includes(two.device.principal))).toHaveLength(1)
    })

    test('races with a binding of the same principal: it belongs to one account', async () => {
      for (let round = 0; round < 3; round++) {
        const { server, two } = await twoDevices()
        const other = await newPerson(server, two.device)
        await other.browser.send('/sign-up/email', post(person('bob')))
        const nonces = [await nonceFor(two.browser, 'link'), await nonceFor(other.browser, 'bind')] as const
        const proof = await two.device.proof({ audience: AUDIENCE, purpose: 'bind', nonce: nonces[1] })
        const answers = await Promise.all([
          link(two, two.device, { nonce: nonces[0] }),
          other.browser.send('/latchkey/bind', post({ nonce: nonces[1] }, { [PROOF_HEADER]: proof })),
        ])
        const looks = await Promise.all([two.session(), other.session()])
        const holders = looks.filter((look) => [look!.principal, ...look!.aliases].includes(two.device.principal))
        expect(holders).toHaveLength(answers.filter(({ status }) => status === 200).length)
        expect(holders.length).toBeLessThanOrEqual(1)
      }
    })

    test('sixteen at most, also when the last two come at once', async () => {
      const { server, one } = await twoDevices()
      for (let count = 1; count < 16; count++) expect((await link(one, await testDevice())).status).toBe(200)
      const devices = [await testDevice(), await testDevice()]
      const answers = await Promise.all(devices.map((device) => link(one, device)))
      expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1)
      // A refused account finds the place still free, or taken.
      await link(one, devices[0]!)
      await expectRefused(await link(one, await testDevice()), 409, 'ALIASES_FULL')
      expect((await one.session())!.aliases).toHaveLength(16)
      expect((await server.rows('latchkeyPrincipal')).filter(({ kind }) => kind === 'alias')).toHaveLength(16)
      expect((await unlink(one, (await one.session())!.aliases[0]!)).status).toBe(200)
      expect((await link(one, await testDevice())).status).toBe(200)
    })

    test('in a place that a sign-up left behind', async () => {
      const { server, two } = await twoDevices()
      // The address is taken, but only the database notices: the principal stays reserved.
      await server.adapter.create({
        model: 'latchkeyPrincipal',
        data: {
          principal: two.device.principal,
          thumbprint: two.device.thumbprint,
          kind: 'reserved',
          epoch: 'left',
          userId: null,
          until: new Date(Date.now() + 60_000),
        },
      })
      expect((await link(two, two.device)).status).toBe(200)
    })

    type Attempt = (scene: { server: TestServer; one: Person; two: Person; mail: Mailing }) => Promise<Response>
    const refused: Record<string, [Attempt, number, string]> = {
      'without a session': [
        async ({ server, two }) => link(await newPerson(server), two.device, { nonce: 'x', linkTo: 'x' }),
        401,
        'UNAUTHORIZED',
      ],
      'with a nonce of another session': [
        async ({ one, two }) => link(two, two.device, { nonce: await nonceFor(one.browser, 'link') }),
        401,
        'PROOF_NONCE_MISMATCH',
      ],
      'with a nonce for another operation': [
        async ({ two }) => link(two, two.device, { nonce: await nonceFor(two.browser, 'unlink') }),
        401,
        'PROOF_NONCE_MISMATCH',
      ],
      'with a nonce that was used': [
        async ({ two }) => {
          const nonce = await nonceFor(two.browser, 'link')
          await unlink(two, (await sessionIn(await link(two, two.device, { nonce })))!.aliases[0]!)
          return link(two, two.device, { nonce })
        },
        401,
        'PROOF_REPLAYED',
      ],
      'with a proof for another nonce': [
        async ({ two }) => {
          const [nonce, linkTo] = [await nonceFor(two.browser, 'link'), (await two.session())!.principal]
          const proof = await two.device.proof({
            audience: AUDIENCE,
            purpose: 'link',
            nonce: await nonceFor(two.browser, 'link'),
            linkTo,
          })
          return two.browser.send('/latchkey/link', post({ nonce }, { [PROOF_HEADER]: proof }))
        },
        401,
        'PROOF_NONCE_MISMATCH',
      ],
      'with a proof to bind': [
        async ({ two }) => {
          const nonce = await nonceFor(two.browser, 'link')
          return two.browser.send(
            '/latchkey/link',
            post({ nonce }, { [PROOF_HEADER]: await two.device.proof({ audience: AUDIENCE, purpose: 'bind', nonce }) }),
          )
        },
        401,
        'PROOF_PURPOSE_MISMATCH',
      ],
      'with a proof that names another account': [
        async ({ two }) => link(two, two.device, { linkTo: two.device.principal }),
        401,
        'PROOF_LINK_MISMATCH',
      ],
      'with a proof for another server': [
        async ({ two }) => link(two, two.device, { audience: 'https://evil.example/api/auth' }),
        401,
        'TOKEN_AUDIENCE_MISMATCH',
      ],
      'without a proof': [
        async ({ two }) => two.browser.send('/latchkey/link', post({ nonce: await nonceFor(two.browser, 'link') })),
        401,
        'TOKEN_MALFORMED',
      ],
      'in an account that the person does not expect': [
        async ({ two }) => link(two, two.device, { headers: { [EXPECT_HEADER]: 'bob@example.com' } }),
        409,
        'PROOF_IDENTIFIER_MISMATCH',
      ],
      'in a session that is old': [
        async ({ server, two }) => {
          const nonce = await nonceFor(two.browser, 'link')
          await server.change('session', { createdAt: new Date(Date.now() - 2 * DAY) })
          return link(two, two.device, { nonce })
        },
        403,
        'SESSION_NOT_FRESH',
      ],
      "where the principal is another account's": [
        async ({ server, two }) => {
          await (await newPerson(server, two.device)).prove('/sign-up/email', person('bob'))
          return link(two, two.device)
        },
        409,
        'PRINCIPAL_TAKEN',
      ],
      "where another key made the account's principal": [
        async ({ server, one }) => {
          await server.change('latchkeyPrincipal', { thumbprint: 'another' }, { principal: one.device.principal })
          return link(one, one.device)
        },
        409,
        'PRINCIPAL_TAKEN',
      ],
      'where another key has released the principal': [
        async ({ server, two }) => {
          const released = { kind: 'reserved', epoch: 'released', userId: null, until: null }
          const data = { principal: two.device.principal, thumbprint: 'another', ...released }
          await server.adapter.create({ model: 'latchkeyPrincipal', data })
          return link(two, two.device)
        },
        409,
        'PRINCIPAL_TAKEN',
      ],
      'where the principal is an alias of another account': [
        async ({ server, two }) => {
          const bob = await newPerson(server)
          await bob.prove('/sign-up/email', person('bob'))
          await link(bob, two.device)
          return link(two, two.device)
        },
        409,
        'PRINCIPAL_TAKEN',
      ],
      'where the principal is retired': [
        async ({ server, two }) => {
          const bob = await newPerson(server, two.device)
          await bob.prove('/sign-up/email', person('bob'))
          expect((await bob.browser.send('/delete-user', post({ password: ada.password }))).status).toBe(200)
          return link(two, two.device)
        },
        409,
        'PROOF_KEY_REVOKED',
      ],
      'where the principal is retired, and its key good': [
        async ({ server, two }) => {
          await server.adapter.create({
            model: 'latchkeyPrincipal',
            data: {
              principal: two.device.principal,
              thumbprint: two.device.thumbprint,
              kind: 'retired',
              epoch: 'x',
              userId: 'gone',
              until: null,
            },
          })
          return link(two, two.device)
        },
        409,
        'PRINCIPAL_TAKEN',
      ],
      'where the key was revoked': [
        async ({ server, two }) => {
          await link(two, two.device)
          await unlink(two, two.device.principal)
          await server.change('latchkeyKey', { retiredAt: new Date() }, { thumbprint: two.device.thumbprint })
          return link(two, two.device)
        },
        409,
        'PROOF_KEY_REVOKED',
      ],
      'while the account is open': [
        async ({ server, two }) => {
          await two.browser.send('/sign-out', post({}))
          await two.browser.send('/sign-up/email', post(person('bob')))
          return link(two, two.device, { linkTo: (await userOf(server, 'bob@example.com'))['id'] as string })
        },
        409,
        'ACCOUNT_OPEN',
      ],
      'for a user of the anonymous plugin': [
        async ({ two }) => {
          await two.browser.send('/sign-out', post({}))
          await two.browser.send('/sign-in/anonymous', post({}))
          return link(two, two.device)
        },
        403,
        'LINK_FORBIDDEN',
      ],
      'in a session of an impersonating admin': [
        async ({ server, two }) => {
          const boss = await newPerson(server)
          await boss.browser.send('/sign-up/email', post(person('boss')))
          await server.change('user', { role: 'admin' }, { email: 'boss@example.com' })
          await boss.browser.send('/admin/impersonate-user', post({ userId: (await userOf(server, ada.email))['id'] }))
          return link(boss, two.device)
        },
        403,
        'LINK_FORBIDDEN',
      ],
    }
    for (const [name, [act, status, code]] of Object.entries(refused)) {
      test(`is refused ${name}`, async () => {
        const mail = mailing()
        const { server, one, two } = await twoDevices({
          user: { deleteUser: { enabled: true } },
          plugins: [anonymous(), admin()],
        })
        await expectRefused(await act({ server, one, two, mail }), status, code)
        expect(await one.session()).toMatchObject({ principal: one.device.principal, aliases: [] })
      })
    }

    test('changes nothing in an account that was reset since it was read', async () => {
      const { server, one, two } = await twoDevices()
      const subject = (await one.session())!
      const stale = [
        { ...subject, principal: 'another' },
        { ...subject, principal: subject.accountId },
      ]
      for (const seen of stale)
        await expect(
          adopt(storeOf(server.adapter), await linking(server, seen), two.device, async () => {}),
        ).rejects.toMatchObject({ code: 'PROOF_LINK_MISMATCH' })
      expect(await one.session()).toEqual(subject)
      expect(await rowOf(server, two.device.principal)).toBeUndefined()
    })

    describe('in an account whose principal is its own id', () => {
      /** The account, as it was before anything was linked to it, and a second device. */
      const ownId = async () => {
        const server = await newServer()
        const one = await newPerson(server)
        await one.browser.send('/sign-up/email', post(ada))
        const account = await linking(server, (await one.session())!)
        return { server, one, account, device: await testDevice() }
      }

      test('is refused after a proof of the mailbox since it was allowed', async () => {
        const { server, one, account, device } = await ownId()
        await proveMailbox(storeOf(server.adapter), account.user, NOBODY)
        await expect(adopt(storeOf(server.adapter), account, device, async () => {})).rejects.toMatchObject({
          code: 'PROOF_LINK_MISMATCH',
        })
        expect(await one.session()).toMatchObject({ aliases: [] })
        expect(await rowOf(server, device.principal)).toBeUndefined()
      })

      test('continues in the first epoch that another link has given it meanwhile', async () => {
        const { server, one, account, device } = await ownId()
        expect((await link(one, one.device)).status).toBe(200)
        await adopt(storeOf(server.adapter), account, device, async () => {})
        expect((await one.session())!.aliases.toSorted()).toEqual([one.device.principal, device.principal].toSorted())
      })

      test('is refused after another link and a proof of the mailbox', async () => {
        const { server, one, account, device } = await ownId()
        expect((await link(one, one.device)).status).toBe(200)
        await proveMailbox(storeOf(server.adapter), (await linking(server, account.subject)).user, NOBODY)
        await expect(adopt(storeOf(server.adapter), account, device, async () => {})).rejects.toMatchObject({
          code: 'PROOF_LINK_MISMATCH',
        })
        expect(await one.session()).toMatchObject({ aliases: [] })
      })
    })

    test('yields to another request that records the key at the same moment', async () => {
      const { server, one, two } = await twoDevices()
      const { principal, thumbprint } = two.device
      const times = { createdAt: new Date(0), lastSeenAt: null, retiredAt: null }
      await server.adapter.create({ model: 'latchkeyKey', data: { principal, thumbprint, name: null, ...times } })
      // The row comes after the look for it.
      const transaction = async <Result>(work: (trx: Trx) => Promise<Result>): Promise<Result> =>
        server.adapter.transaction((trx) =>
          work({
            ...trx,
            findOne: async <Row>(query: Parameters<typeof trx.findOne>[0]) =>
              query.model === 'latchkeyKey' ? null : trx.findOne<Row>(query),
          }),
        )
      const account = await linking(server, (await one.session())!)
      await expect(
        adopt(storeOf({ ...server.adapter, transaction }), account, two.device, async () => {}),
      ).rejects.toMatchObject({ code: 'PRINCIPAL_TAKEN' })
      expect(await rowOf(server, principal)).toBeUndefined()
      expect(await acts(server)).toEqual([`bind:${one.device.principal}`])
    })

    test('yields to a sign-up that creates its user at the same moment', async () => {
      const { server, one, two } = await twoDevices()
      const { device } = two
      await server.adapter.create({
        model: 'latchkeyPrincipal',
        data: {
          principal: device.principal,
          thumbprint: device.thumbprint,
          kind: 'reserved',
          epoch: 'signing up',
          userId: null,
          until: new Date(Date.now() + 60_000),
        },
      })
      const signUp = () =>
        server.adapter.create({
          model: 'user',
          data: {
            email: 'bob@example.com',
            name: 'bob',
            emailVerified: false,
            createdAt: new Date(),
            updatedAt: new Date(),
            principal: device.principal,
            principalEpoch: 'signing up',
            principalOpen: false,
          },
        })
      // The user comes after the last look at the row, and before the row changes.
      const transaction = async <Result>(work: (trx: Trx) => Promise<Result>): Promise<Result> => {
        await signUp()
        return server.adapter.transaction(work)
      }
      const adapter = { ...server.adapter, transaction }
      const account = await linking(server, (await one.session())!)
      await expect(adopt(storeOf(adapter), account, device, async () => {})).rejects.toMatchObject({
        code: 'PRINCIPAL_TAKEN',
      })
      expect(await rowOf(server, device.principal)).toMatchObject({
        kind: 'reserved',
        userId: null,
        epoch: 'signing up',
      })
    })

    test('that yields is never seen by others, where there are transactions', async () => {
      const { server, one, two } = await twoDevices()
      const { device } = two
      await server.adapter.create({
        model: 'latchkeyPrincipal',
        data: {
          principal: device.principal,
          thumbprint: device.thumbprint,
          kind: 'reserved',
          epoch: 'signing up',
          userId: null,
          until: new Date(Date.now() + 60_000),
        },
      })
      const seen: unknown[] = []
      const transaction = async <Result>(work: (trx: Trx) => Promise<Result>): Promise<Result> =>
        server.adapter.transaction((trx) =>
          work({
            ...trx,
            findOne: async <Row>(query: Parameters<typeof trx.findOne>[0]) => {
              // SQLite has one connection here, which the transaction holds.
              if (engine === 'Postgres' && query.model === 'user')
                seen.push((await rowOf(server, device.principal))!['epoch'])
              return trx.findOne<Row>(query)
            },
          }),
        )
      const account = await linking(server, (await one.session())!)
      await adopt(storeOf({ ...server.adapter, transaction }), account, device, async () => {})
      expect(seen).toEqual(engine === 'Postgres' ? ['signing up'] : [])
    })

    test('of what is held, by two devices at once, leaves it held if neither succeeds', async () => {
      const { server, one, two } = await twoDevices()
      await link(one, two.device)
      await unlink(one, two.device.principal)
      const { accountId } = (await one.session())!
      const principals = storeOf(server.adapter)
      const [first, second] = [
        await reserveFor(principals, accountId, two.device),
        await reserveFor(principals, accountId, two.device),
      ]
      for (const { row, before } of [first, second]) await principals.change(row, before!)
      const row = (await rowOf(server, two.device.principal))!
      expect(row).toMatchObject({ kind: 'held', userId: accountId })
      expect((row['until'] as Date).getTime() - principals.now.getTime()).toBeGreaterThan(29 * DAY)
    })

    test('that read its row long ago takes nothing from an account that was bound since', async () => {
      const { server, one, two } = await twoDevices()
      const { device } = two
      await server.adapter.create({
        model: 'latchkeyPrincipal',
        data: {
          principal: device.principal,
          thumbprint: device.thumbprint,
          kind: 'reserved',
          epoch: 'released',
          userId: null,
          until: null,
        },
      })
      const bob = await newPerson(server, device)
      let isFirst = true
      const findOne = async <Row>(query: Parameters<typeof server.adapter.findOne>[0]): Promise<Row | null> => {
        const row = await server.adapter.findOne<Row>(query)
        if (query.model === 'latchkeyPrincipal' && isFirst) {
          isFirst = false
          await bob.prove('/sign-up/email', person('bob'))
          await bob.session()
        }
        return row
      }
      const account = await linking(server, (await one.session())!)
      await expect(
        adopt(storeOf({ ...server.adapter, findOne }), account, device, async () => {}),
      ).rejects.toMatchObject({ code: 'PRINCIPAL_TAKEN' })
      expect(await bob.session()).toMatchObject({ principal: device.principal })
    })

    test('has no place for what a sign-up with the same key made meanwhile', async () => {
      const { server, two } = await twoDevices()
      await server.adapter.create({
        model: 'latchkeyPrincipal',
        data: {
          principal: two.device.principal,
          thumbprint: two.device.thumbprint,
          kind: 'reserved',
          epoch: 'one',
          userId: null,
          until: new Date(Date.now() + 60_000),
        },
      })
      const bob = await newPerson(server, two.device)
      await bob.prove('/sign-up/email', person('bob'))
      await expectRefused(await link(two, two.device), 409, 'PRINCIPAL_TAKEN')
      expect(await bob.session()).toMatchObject({ principal: two.device.principal })
    })
  })

  describe('the hook', () => {
    const withHook = (onLink: OnLink) => twoDevices({ plugins: [latchkey({ onLink }), latchkeyJwt()] })

    test('is called once for a link, before it takes effect', async () => {
      const heard: Link[] = []
      const { server, one, two } = await withHook((made) => void heard.push(made))
      await link(two, two.device)
      await link(two, two.device)
      expect(heard).toEqual([
        { accountId: (await userOf(server))['id'], principal: one.device.principal, alias: two.device.principal },
      ])
    })

    test('that throws refuses the link, and the device can try again', async () => {
      let isWilling = false
      const { server, two } = await withHook(() => {
        if (!isWilling) throw new Error('not today')
      })
      await expectRefused(await link(two, two.device), 409, 'LINK_REFUSED')
      expect(await two.session()).toMatchObject({ aliases: [] })
      // Not kept for this account: it can still go elsewhere.
      expect(await rowOf(server, two.device.principal)).toBeUndefined()
      const bob = await newPerson(server, two.device)
      expect((await bob.prove('/sign-up/email', person('bob'))).status).toBe(200)
      isWilling = true
      await expectRefused(await link(two, two.device), 409, 'PRINCIPAL_TAKEN')
    })

    test('that throws leaves every table as it was, also of an account whose principal is its own id', async () => {
      const onLink = () => {
        throw new Error('not today')
      }
      const server = await newServer({ plugins: [latchkey({ onLink }), latchkeyJwt()] })
      const one = await newPerson(server)
      await one.browser.send('/sign-up/email', post(ada))
      expect(await one.session()).toMatchObject({ principal: (await userOf(server))['id'] })
      const tables = ['user', 'latchkeyPrincipal', 'latchkeyKey', 'latchkeyAudit'] as const
      const all = () => Promise.all(tables.map((table) => server.rows(table)))
      const before = await all()
      await expectRefused(await link(one, one.device), 409, 'LINK_REFUSED')
      expect(await all()).toEqual(before)
    })

    test('can answer with an error of its own', async () => {
      const { two } = await withHook(() => {
        throw new APIError('PAYMENT_REQUIRED', { code: 'NO_SEAT', message: 'No seat left.' })
      })
      await expectRefused(await link(two, two.device), 402, 'NO_SEAT')
    })

    test('writes in the same transaction, where there is one', async () => {
      let isWilling = true
      const { server, one, two } = await withHook(async ({ accountId, alias }, { adapter }) => {
        await adapter.updateMany({
          model: 'user',
          where: [{ field: 'id', value: accountId }],
          update: { name: isWilling ? alias : 'half done' },
        })
        if (!isWilling) throw new Error('not today')
      })
      expect((await link(one, await testDevice())).status).toBe(200)
      expect((await one.session())!.aliases).toEqual([(await userOf(server))['name']])
      await unlink(one, (await one.session())!.aliases[0]!)
      await server.change('user', { name: 'ada' })
      await server.adapter.deleteMany({ model: 'latchkeyAudit', where: [] })
      isWilling = false
      await expectRefused(await link(two, two.device), 409, 'LINK_REFUSED')
      expect((await userOf(server))['name']).toBe(engine.endsWith('without transactions') ? 'half done' : 'ada')
      expect(await acts(server)).toEqual([])
    })
  })

  describe('the hook of an undo', () => {
    const withHook = async (onUnlink: OnUnlink, extra: Partial<BetterAuthOptions> = {}) => {
      const scene = await twoDevices({ ...extra, plugins: [latchkey({ onUnlink }), latchkeyJwt()] })
      await link(scene.two, scene.two.device)
      return scene
    }

    test('hears of it once, before it counts', async () => {
      const heard: [Link, unknown][] = []
      const { server, one, two } = await withHook(async (made, { adapter, headers }) => {
        const where = [{ field: 'principal', value: made.alias }]
        const row = await adapter.findOne<{ kind: string }>({ model: 'latchkeyPrincipal', where })
        heard.push([made, [row?.kind, headers.get('origin')]])
      })
      await unlink(one, two.device.principal)
      await unlink(one, two.device.principal)
      const made = {
        accountId: (await userOf(server))['id'],
        principal: one.device.principal,
        alias: two.device.principal,
      }
      expect(heard).toEqual([[made, ['alias', ORIGIN]]])
    })

    test("names the account's own id, where that is its principal", async () => {
      const heard: Link[] = []
      const server = await newServer({
        plugins: [latchkey({ onUnlink: (made) => void heard.push(made) }), latchkeyJwt()],
      })
      const one = await newPerson(server)
      await one.browser.send('/sign-up/email', post(ada))
      await link(one, one.device)
      await unlink(one, one.device.principal)
      const id = (await userOf(server))['id']
      expect(heard).toEqual([{ accountId: id, principal: id, alias: one.device.principal }])
    })

    test('that throws keeps the alias; what it wrote is undone where there are transactions', async () => {
      let refuse: (() => Error) | undefined = () => new Error('not today')
      const { server, one, two } = await withHook(async ({ accountId }, { adapter }) => {
        const where = [{ field: 'id', value: accountId }]
        await adapter.updateMany({ model: 'user', where, update: { name: 'half done' } })
        if (refuse) throw refuse()
      })
      await expectRefused(await unlink(one, two.device.principal), 409, 'UNLINK_REFUSED')
      refuse = () => new APIError('PAYMENT_REQUIRED', { code: 'NO_SEAT', message: 'No seat left.' })
      await expectRefused(await unlink(one, two.device.principal), 402, 'NO_SEAT')
      expect(await rowOf(server, two.device.principal)).toMatchObject({ kind: 'alias' })
      expect(await two.session()).toMatchObject({ aliases: [two.device.principal] })
      expect((await userOf(server))['name']).toBe(engine.endsWith('without transactions') ? 'half done' : 'ada')
      refuse = undefined
      expect(await sessionIn(await unlink(one, two.device.principal))).toMatchObject({ aliases: [] })
      expect((await userOf(server))['name']).toBe('half done')
    })

    test('is not called where the alias is retired, since a retired principal owns nothing', async () => {
      const heard: Link[] = []
      const { server, one, two } = await withHook((made) => void heard.push(made))
      const { thumbprint } = (await rowOf(server, two.device.principal))!
      await server.change('latchkeyKey', { retiredAt: new Date() }, { thumbprint: String(thumbprint) })
      expect((await unlink(one, two.device.principal)).status).toBe(200)
      expect(await rowOf(server, two.device.principal)).toMatchObject({ kind: 'retired' })
      expect(heard).toEqual([])
    })

    test('is called for an operator', async () => {
      const heard: [Link, string[]][] = []
      const { server, two } = await withHook((made, { headers }) => void heard.push([made, [...headers.keys()]]))
      const accountId = (await userOf(server))['id'] as string
      await createOperator(server.auth).unlink(accountId, two.device.principal)
      expect(heard).toMatchObject([[{ accountId, alias: two.device.principal }, []]])
    })
  })

  describe('a mailbox that is proven for the first time', () => {
    const mailed = async (mail: Mailing) =>
      newServer({
        emailAndPassword: { enabled: true, sendResetPassword: mail.send },
        emailVerification: { autoSignInAfterVerification: true, sendOnSignUp: true, sendVerificationEmail: mail.send },
        plugins: [magicLink({ sendMagicLink: mail.send })],
      })

    /** Eve made the account with the victim's address; the victim opened the mail, and is signed in. */
    const handedOver = async () => {
      const mail = mailing()
      const server = await mailed(mail)
      const eve = await newPerson(server)
      await eve.prove('/sign-up/email', ada)
      await eve.session()
      const victim = await newPerson(server)
      await victim.browser.send(`/verify-email?token=${mail.last().token}`)
      return { mail, server, eve, victim }
    }

    test('links nothing to an account that someone else may still enter, in this session or in any later one', async () => {
      const { server, mail, victim } = await handedOver()
      await expectRefused(await link(victim, victim.device), 409, 'ACCOUNT_HANDED_OVER')
      await victim.browser.send('/sign-out', post({}))
      await victim.browser.send('/sign-in/magic-link', post({ email: ada.email }))
      await victim.browser.send(`/magic-link/verify?token=${mail.last().token}`)
      const answer = await link(victim, victim.device)
      expect(answer.status).toBe(409)
      expect(await answer.json()).toMatchObject({ code: 'ACCOUNT_HANDED_OVER', remaining: ['session', 'password'] })
      expect(await rowOf(server, victim.device.principal)).toBeUndefined()
    })

    test('links once the victim has a new password and has ended the other sessions', async () => {
      const { server, mail, eve, victim } = await handedOver()
      await victim.browser.send('/request-password-reset', post({ email: ada.email, redirectTo: '/' }))
      const token = mail.last().url.split('/').at(-1)!.split('?')[0]
      await victim.browser.send('/reset-password', post({ newPassword: 'the choice of Ada', token }))
      const still = await link(victim, victim.device)
      expect(await still.json()).toMatchObject({ code: 'ACCOUNT_HANDED_OVER', remaining: ['session'] })
      await victim.browser.send('/revoke-other-sessions', post({}))
      expect((await link(victim, victim.device)).status).toBe(200)
      expect(await eve.session()).toBeNull()
      // From here on what is added is the victim's own.
      await elsewhere(server, { email: ada.email, password: 'the choice of Ada' })
      expect((await link(victim, await testDevice())).status).toBe(200)
    })

    test('links once the victim has a new password and the other sessions have expired', async () => {
      const { server, mail, eve, victim } = await handedOver()
      await victim.browser.send('/request-password-reset', post({ email: ada.email, redirectTo: '/' }))
      const token = mail.last().url.split('/').at(-1)!.split('?')[0]
      await victim.browser.send('/reset-password', post({ newPassword: 'the choice of Ada', token }))
      const { id } = (await eve.session())!
      await server.change('session', { expiresAt: new Date(Date.now() - 1000) }, { id: id! })
      expect((await link(victim, victim.device)).status).toBe(200)
    })

    test('does not take a password that the creator changed for one that the owner chose', async () => {
      const { eve, victim } = await handedOver()
      const change = { currentPassword: ada.password, newPassword: 'the choice of Eve', revokeOtherSessions: false }
      expect((await eve.browser.send('/change-password', post(change))).status).toBe(200)
      await eve.browser.send('/sign-out', post({}))
      const answer = await link(victim, victim.device)
      expect(await answer.json()).toMatchObject({ code: 'ACCOUNT_HANDED_OVER', remaining: ['password'] })
    })

    test('links the principal whose proof made the account', async () => {
      const mail = mailing()
      const server = await mailed(mail)
      const one = await newPerson(server)
      await one.prove('/sign-up/email', ada)
      await one.session()
      await one.browser.send('/sign-out', post({}))
      await one.browser.send(`/verify-email?token=${mail.last().token}`)
      const { principal } = (await one.session())!
      expect(principal).not.toBe(one.device.principal)
      expect(await sessionIn(await link(one, one.device))).toMatchObject({ principal, aliases: [one.device.principal] })
    })

    test('links where every earlier way in is gone', async () => {
      const mail = mailing()
      const server = await mailed(mail)
      const eve = await newPerson(server)
      await eve.prove('/sign-up/email', ada)
      await eve.session()
      const victim = await newPerson(server)
      await victim.browser.send('/sign-in/magic-link', post({ email: ada.email }))
      await victim.browser.send(`/magic-link/verify?token=${mail.last().token}`)
      expect((await link(victim, victim.device)).status).toBe(200)
      expect(await victim.session()).toMatchObject({ aliases: [victim.device.principal] })
    })

    /** Eve has made the account with Ada's address, and has linked her device; Ada has the mail. */
    const linkedByEve = async () => {
      const mail = mailing()
      const server = await mailed(mail)
      await server.browser().send('/sign-up/email', post(ada))
      const { token } = mail.last()
      const eve = await elsewhere(server, ada)
      await eve.session()
      expect((await link(eve, eve.device)).status).toBe(200)
      return { mail, server, token, eve }
    }

    test('after the link takes the aliases away, and leaves an id that was the principal', async () => {
      const { mail, server, token, eve } = await linkedByEve()
      const { id } = await userOf(server)
      const victim = await newPerson(server)
      await victim.browser.send(`/verify-email?token=${token}`)
      expect(await victim.session()).toMatchObject({ principal: id, aliases: [], recoverable: true })
      expect(await rowOf(server, eve.device.principal)).toMatchObject({ kind: 'reserved', userId: null })
      expect(await acts(server)).toContain(`reset:${eve.device.principal}`)
      // Once, and never later.
      await victim.browser.send('/sign-out', post({}))
      // As after nothing was left of the account's creator.
      await server.change('user', { principalMailboxBy: null })
      const again = await elsewhere(server, ada)
      expect((await link(again, again.device)).status).toBe(200)
      await again.browser.send('/sign-in/magic-link', post({ email: ada.email }))
      await again.browser.send(`/magic-link/verify?token=${mail.last().token}`)
      expect(await again.session()).toMatchObject({ principal: id, aliases: [again.device.principal] })
    })

    test('links no former alias again: its proof did not make the account', async () => {
      const { server, token, eve } = await linkedByEve()
      const victim = await newPerson(server)
      await victim.browser.send(`/verify-email?token=${token}`)
      expect(await victim.session()).toMatchObject({ aliases: [] })
      expect(await acts(server)).toContain(`reset:${eve.device.principal}`)
      await expectRefused(await link(eve, eve.device), 409, 'ACCOUNT_HANDED_OVER')
      expect(await victim.session()).toMatchObject({ aliases: [] })
    })

    test('ends where the account was deleted meanwhile', async () => {
      const { server } = await twoDevices()
      const user = (await storeOf(server.adapter).findUser('id', (await userOf(server))['id'] as string))!
      await server.adapter.deleteMany({ model: 'user', where: [] })
      expect(await proveMailbox(storeOf(server.adapter), user, 'nobody')).toEqual(user)
    })

    test('before the link leaves it alone, when an address is proven that was proven', async () => {
      const mail = mailing()
      const server = await mailed(mail)
      await server.browser().send('/sign-up/email', post(ada))
      await server.change('user', { principalOpen: false, emailVerified: true })
      const two = await elsewhere(server, ada)
      await link(two, two.device)
      await two.browser.send('/sign-in/magic-link', post({ email: ada.email }))
      await two.browser.send(`/magic-link/verify?token=${mail.last().token}`)
      // Some routes say again what was known.
      await server.change('user', { principalMailboxBy: 'nobody' })
      expect(await two.session()).toMatchObject({ aliases: [two.device.principal] })
    })
  })

  describe('unlink', () => {
    const linked = async (extra?: Partial<BetterAuthOptions>) => {
      const scene = await twoDevices(extra)
      await link(scene.two, scene.two.device)
      return scene
    }

    test('gives the principal back to its key at once', async () => {
      const { server, one, two } = await linked()
      await server.change('user', { emailVerified: true })
      expect(await statusOf(server, two)).toBe('disabled')
      const asked = Date.now()
      const answer = await unlink(one, two.device.principal)
      const answered = Date.now()
      expect(await sessionIn(answer)).toMatchObject({ principal: one.device.principal, aliases: [] })
      expect(await statusOf(server, two)).toBe('local-first')
      expect(await statusOf(server, one)).toBe('disabled')
      expect(await acts(server)).toContain(`unlink:${two.device.principal}`)
      const row = (await rowOf(server, two.device.principal))!
      expect(row).toMatchObject({ kind: 'held', userId: (await userOf(server))['id'] })
      const since = (row['until'] as Date).getTime() - 30 * DAY
      expect([asked <= since, since <= answered]).toEqual([true, true])
    })

    test('again, answers the same', async () => {
      const { server, one, two } = await linked()
      const first = await sessionIn(await unlink(one, two.device.principal))
      const second = await unlink(one, two.device.principal)
      expect([second.status, await sessionIn(second)]).toEqual([200, first])
      expect((await acts(server)).filter((act) => act.startsWith('unlink'))).toHaveLength(1)
    })

    test('of one alias, five times at once', async () => {
      const { server, one, two } = await linked()
      const nonces = await Promise.all([1, 2, 3, 4, 5].map(() => nonceFor(one.browser, 'unlink')))
      const answers = await Promise.all(nonces.map((nonce) => unlink(one, two.device.principal, nonce)))
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
      expect((await acts(server)).filter((act) => act.startsWith('unlink'))).toHaveLength(1)
    })

    test('keeps it for the account for thirty days, and then for anybody with the key', async () => {
      let now = Date.now()
      const { server, one, two } = await linked({ plugins: [latchkey({ clock: () => now }), latchkeyJwt()] })
      await unlink(one, two.device.principal)
      const proof = async () => ({
        [PROOF_HEADER]: await two.device.proof({ audience: AUDIENCE, purpose: 'upgrade', now: now / 1000 }),
      })
      const stranger = server.browser()
      await expectRefused(
        await stranger.send('/sign-up/email', post(person('bob'), await proof())),
        409,
        'PRINCIPAL_TAKEN',
      )
      expect(await server.rows('user')).toHaveLength(1)
      now += 30 * DAY - 1000
      await expectRefused(
        await stranger.send('/sign-up/email', post(person('bob'), await proof())),
        409,
        'PRINCIPAL_TAKEN',
      )
      now += 1001
      expect((await stranger.send('/sign-up/email', post(person('bob'), await proof()))).status).toBe(200)
      expect(await userOf(server, 'bob@example.com')).toMatchObject({ principal: two.device.principal })
    })

    test('and link again, also after a link that was refused in between', async () => {
      let isWilling = true
      const { server, one, two } = await linked({
        plugins: [
          latchkey({
            onLink: () => {
              if (!isWilling) throw new Error('not today')
            },
          }),
          latchkeyJwt(),
        ],
      })
      await unlink(one, two.device.principal)
      isWilling = false
      await expectRefused(await link(two, two.device), 409, 'LINK_REFUSED')
      expect(await rowOf(server, two.device.principal)).toMatchObject({ kind: 'held' })
      const bob = await newPerson(server, two.device)
      await expectRefused(await bob.prove('/sign-up/email', person('bob')), 409, 'PRINCIPAL_TAKEN')
      isWilling = true
      expect(await sessionIn(await link(two, two.device))).toMatchObject({ aliases: [two.device.principal] })
      expect((await acts(server)).filter((act) => act.startsWith('link'))).toHaveLength(2)
    })

    test('does not retire what was given up when the account is deleted', async () => {
      const { server, one, two } = await linked({ user: { deleteUser: { enabled: true } } })
      await unlink(one, two.device.principal)
      await one.browser.send('/delete-user', post({ password: ada.password }))
      expect(await statusOf(server, one)).toBe('disabled')
      expect(await statusOf(server, two)).toBe('local-first')
    })

    test('at the same moment as a deletion is not undone by it', async () => {
      const { server, one, two } = await linked()
      const { accountId } = (await one.session())!
      const user = (await storeOf(server.adapter).findUser('id', accountId))!
      const transaction = async <Result>(work: (trx: Trx) => Promise<Result>): Promise<Result> => {
        if ((await rowOf(server, two.device.principal))!['kind'] === 'alias')
          await giveUp(storeOf(server.adapter), accountId, two.device.principal, async () => {})
        return server.adapter.transaction(work)
      }
      await retire(storeOf({ ...server.adapter, transaction }), user)
      expect(await rowOf(server, two.device.principal)).toMatchObject({ kind: 'held' })
      expect(await statusOf(server, two)).toBe('local-first')
      expect((await acts(server)).filter((act) => act.startsWith('retire'))).toEqual([`retire:${one.device.principal}`])
    })

    test('retires an alias with its account', async () => {
      const { server, one, two } = await linked({ user: { deleteUser: { enabled: true } } })
      await one.browser.send('/delete-user', post({ password: ada.password }))
      expect(await statusOf(server, two)).toBe('disabled')
    })

    type Attempt = (scene: { server: TestServer; one: Person; two: Person }) => Promise<Response>
    const refused: Record<string, [Attempt, number, string]> = {
      "without a session, by the alias's key": [
        async ({ server, two }) => unlink(await newPerson(server, two.device), two.device.principal, 'x'),
        401,
        'UNAUTHORIZED',
      ],
      'with a nonce for another operation': [
        async ({ one, two }) => unlink(one, two.device.principal, await nonceFor(one.browser, 'link')),
        401,
        'PROOF_NONCE_MISMATCH',
      ],
      'with a nonce of another session': [
        async ({ one, two }) => unlink(one, two.device.principal, await nonceFor(two.browser, 'unlink')),
        401,
        'PROOF_NONCE_MISMATCH',
      ],
      'without a nonce': [
        async ({ one, two }) => one.browser.send('/latchkey/unlink', post({ alias: two.device.principal })),
        400,
        'BODY_INVALID',
      ],
      'without an alias': [
        async ({ one }) => one.browser.send('/latchkey/unlink', post({ nonce: await nonceFor(one.browser, 'unlink') })),
        400,
        'BODY_INVALID',
      ],
      "of the account's own principal": [async ({ one }) => unlink(one, one.device.principal), 404, 'ALIAS_UNKNOWN'],
      'of a principal without an account': [
        async ({ one }) => unlink(one, (await testDevice()).principal),
        404,
        'ALIAS_UNKNOWN',
      ],
      'from another account': [
        async ({ server, two }) => {
          const eve = await newPerson(server)
          await eve.prove('/sign-up/email', person('eve'))
          return unlink(eve, two.device.principal)
        },
        404,
        'ALIAS_UNKNOWN',
      ],
      'in a session that is old': [
        async ({ server, one, two }) => {
          const nonce = await nonceFor(one.browser, 'unlink')
          await server.change('session', { createdAt: new Date(Date.now() - 2 * DAY) })
          return unlink(one, two.device.principal, nonce)
        },
        403,
        'SESSION_NOT_FRESH',
      ],
      'in a session of an impersonating admin': [
        async ({ server, two }) => {
          const boss = await newPerson(server)
          await boss.browser.send('/sign-up/email', post(person('boss')))
          await server.change('user', { role: 'admin' }, { email: 'boss@example.com' })
          await boss.browser.send('/admin/impersonate-user', post({ userId: (await userOf(server, ada.email))['id'] }))
          return unlink(boss, two.device.principal)
        },
        403,
        'LINK_FORBIDDEN',
      ],
    }
    for (const [name, [act, status, code]] of Object.entries(refused)) {
      test(`is refused ${name}`, async () => {
        const { server, one, two } = await linked({ plugins: [admin()] })
        await expectRefused(await act({ server, one, two }), status, code)
        expect(await two.session()).toMatchObject({ principal: one.device.principal, aliases: [two.device.principal] })
        expect(await rowOf(server, two.device.principal)).toMatchObject({ kind: 'alias' })
      })
    }

    test("of the account's own id, which is an alias without a key", async () => {
      const server = await newServer()
      const one = await newPerson(server)
      await one.browser.send('/sign-up/email', post(ada))
      const nonce = await nonceFor(one.browser, 'bind')
      await one.browser.send(
        '/latchkey/bind',
        post({ nonce }, { [PROOF_HEADER]: await one.device.proof({ audience: AUDIENCE, purpose: 'bind', nonce }) }),
      )
      const { accountId, aliases } = (await one.session())!
      expect(aliases).toEqual([accountId])
      await expectRefused(await unlink(one, accountId), 404, 'ALIAS_UNKNOWN')
      expect(await one.session()).toMatchObject({ aliases: [accountId] })
    })
  })
})
