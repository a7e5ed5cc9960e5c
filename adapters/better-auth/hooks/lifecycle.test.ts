import { admin, anonymous } from 'better-auth/plugins'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { getMigrations } from 'better-auth/db/migration'
import { describe, expect, test } from 'vitest'
import { type TestDevice, testDevice } from '../../../lib/testing.ts'
import { type TestDatabase, openPostgres, openSqlite } from '../testing/database.testing.ts'
import { onEachEngine } from '../testing/engines.testing.ts'
import { claim } from '../binding/claim.ts'
import { createBetterAuthResolver, latchkey } from '../index.ts'
import { reserve } from '../binding/reservation.ts'
import { type Person, codeOf, newPerson, post, proofOf, userOf } from '../testing/requests.testing.ts'
import { BASE_OPTIONS, ORIGIN, type TestServer, person, testServer, storeOf } from '../testing/server.testing.ts'
import { statusOf } from '../binding/status.ts'
import { subjectOf } from '../binding/subject.ts'
import type { Adapter } from '../binding/types.ts'
import type { BoundUser } from '../schema.ts'

const ada = person('ada')

async function verdictOn(server: TestServer, device: TestDevice): Promise<string> {
  const headers = { authorization: `Bearer ${await device.token({ audience: ORIGIN })}` }
  const answer = await createBetterAuthResolver(server.auth).resolve(new Request(ORIGIN, { headers }))
  return answer.ok ? answer.session.authMode : answer.error
}

async function expectRetired(server: TestServer, device: TestDevice): Promise<void> {
  expect((await server.rows('user')).filter(({ principal }) => principal === device.principal)).toEqual([])
  expect(await server.rows('latchkeyPrincipal')).toContainEqual(
    expect.objectContaining({ principal: device.principal, kind: 'retired' }),
  )
  expect((await server.rows('latchkeyAudit')).map(({ act }) => String(act).split(':').slice(0, 2))).toContainEqual([
    'retire',
    device.principal,
  ])
  const again = await (await newPerson(server, device)).prove('/sign-up/email', person('again'))
  expect([again.status, ['PRINCIPAL_TAKEN', 'PROOF_KEY_REVOKED'].includes(await codeOf(again))]).toEqual([409, true])
  expect(await verdictOn(server, device)).toBe('disabled')
}

onEachEngine((newServer) => {
  describe('a deleted account retires its principal', () => {
    test('deleted by its owner', async () => {
      const server = await newServer({ user: { deleteUser: { enabled: true } } })
      const one = await newPerson(server)
      await one.prove('/sign-up/email', ada)
      await one.session()
      expect((await one.browser.send('/delete-user', post({ password: ada.password }))).status).toBe(200)
      await expectRetired(server, one.device)
    })

    test('deleted before anybody looked at it', async () => {
      const server = await newServer({ user: { deleteUser: { enabled: true } } })
      const one = await newPerson(server)
      await one.prove('/sign-up/email', ada)
      expect(await server.rows('latchkeyPrincipal')).toMatchObject([{ kind: 'reserved' }])
      await one.browser.send('/delete-user', post({ password: ada.password }))
      await expectRetired(server, one.device)
    })

    test('deleted after a look at it that died before it was done', async () => {
      const server = await newServer({ user: { deleteUser: { enabled: true } } })
      const one = await newPerson(server)
      await one.prove('/sign-up/email', ada)
      const [{ epoch }] = (await server.rows('latchkeyPrincipal')) as unknown as [{ epoch: string }]
      const { principal, thumbprint } = one.device
      await server.adapter.create({
        model: 'latchkeyAudit',
        data: { act: `bind:${principal}:${epoch}`, principal, userId: null, createdAt: new Date() },
      })
      await server.adapter.create({
        model: 'latchkeyKey',
        data: { thumbprint, principal, createdAt: new Date(), lastSeenAt: new Date() },
      })
      expect((await one.browser.send('/delete-user', post({ password: ada.password }))).status).toBe(200)
      await expectRetired(server, one.device)
    })

    test('removed by an admin, with the aliases', async () => {
      const server = await newServer({ plugins: [admin()] })
      const [one, boss] = [await newPerson(server), await newPerson(server)]
      await one.browser.send('/sign-up/email', post(ada))
      await one.browser.send('/sign-out', post({}))
      await one.prove('/sign-in/email', ada)
      const { id } = (await userOf(server)) as { id: string }
      expect((await one.session())!.aliases).toEqual([id])
      await boss.browser.send('/sign-up/email', post(person('boss')))
      await server.change('user', { role: 'admin' }, { email: 'boss@example.com' })
      expect((await boss.browser.send('/admin/remove-user', post({ userId: id }))).status).toBe(200)
      await expectRetired(server, one.device)
      expect(await server.rows('latchkeyPrincipal')).toContainEqual(
        expect.objectContaining({ principal: id, kind: 'retired' }),
      )
    })

    test("deleted behind the server's back", async () => {
      const server = await newServer()
      const one = await newPerson(server)
      await one.prove('/sign-up/email', ada)
      await one.session()
      await server.adapter.deleteMany({ model: 'user', where: [] })
      expect(await verdictOn(server, one.device)).toBe('disabled')
      expect((await (await newPerson(server, one.device)).prove('/sign-up/email', person('again'))).status).toBe(409)
    })

    test('and a sign-out does not', async () => {
      const server = await newServer()
      const one = await newPerson(server)
      await one.prove('/sign-up/email', ada)
      await one.browser.send('/sign-out', post({}))
      await one.prove('/sign-in/email', ada)
      expect(await one.session()).toMatchObject({ principal: one.device.principal })
    })

    test('the anonymous plugin deletes its user, which had none', async () => {
      const server = await newServer({ plugins: [anonymous()] })
      const one = await newPerson(server)
      await one.prove('/sign-in/anonymous', {})
      expect(await userOf(server)).toMatchObject({ principal: null, principalOpen: false })
      await one.prove('/sign-up/email', ada)
      expect(await userOf(server)).toMatchObject({ email: ada.email, principal: one.device.principal })
      expect(await one.session()).toMatchObject({ principal: one.device.principal })
    })
  })

  describe('the fields of the plugin are its own', () => {
    const planted = {
      principal: 'planted',
      principalOpen: true,
      principalEpoch: 'planted',
      principalMailbox: ada.email,
      principalMailboxBy: 'planted',
    }

    test('at a sign-up', async () => {
      const server = await newServer()
      const refused = await server.browser().send('/sign-up/email', post({ ...ada, ...planted }))
      expect([refused.status, await codeOf(refused)]).toEqual([400, 'FIELD_NOT_ALLOWED'])
      expect(await server.rows('user')).toEqual([])
    })

    for (const field of Object.keys(planted)) {
      test(`${field}, at an update`, async () => {
        const server = await newServer({ plugins: [admin()] })
        const one = await newPerson(server)
        await one.browser.send('/sign-up/email', post(ada))
        await server.change('user', { role: 'admin' })
        const before = await userOf(server)
        const value = planted[field as keyof typeof planted]
        const own = await one.browser.send('/update-user', post({ [field]: value }))
        expect(own.status).toBe(400)
        const byAdmin = await one.browser.send(
          '/admin/update-user',
          post({ userId: before['id'], data: { [field]: value } }),
        )
        expect(byAdmin.status).toBe(400)
        expect(await userOf(server)).toEqual({ ...before, updatedAt: expect.any(Date) })
      })
    }

    test("at an admin's new user", async () => {
      const server = await newServer({ plugins: [admin()] })
      const boss = await newPerson(server)
      await boss.browser.send('/sign-up/email', post(person('boss')))
      await server.change('user', { role: 'admin' })
      expect((await boss.prove('/admin/create-user', { ...ada, role: 'user', data: planted })).status).toBe(200)
      expect(await userOf(server, ada.email)).toMatchObject({
        principal: null,
        principalOpen: false,
        principalEpoch: null,
        principalMailbox: null,
        principalMailboxBy: null,
      })
    })
  })

  test('a first use that comes between a claim and its UPDATE wins', async () => {
    const server = await newServer()
    await server.browser().send('/sign-up/email', post(ada))
    const user = (await userOf(server)) as unknown as BoundUser
    const { id } = user
    const { adapter } = server
    const late: Adapter = {
      ...adapter,
      async updateMany(input) {
        if (input.model === 'user') await subjectOf(storeOf(adapter), id)
        return adapter.updateMany(input)
      },
    }
    expect(await claim(storeOf(late), user, await testDevice())).toBe(false)
    expect(await subjectOf(storeOf(adapter), id)).toMatchObject({ principal: id })
    expect(await userOf(server)).toMatchObject({ principal: null, principalOpen: false })
  })

  describe('a reservation', () => {
    const minutes = (count: number) => new Date(Date.now() + count * 60_000)

    test('is entered again by the same key, in the same epoch while it lasts, in another one afterwards', async () => {
      const { adapter } = await newServer()
      const device = await testDevice()
      const epoch = await reserve(storeOf(adapter, minutes(0)), device)
      expect(await reserve(storeOf(adapter, minutes(14)), device)).toBe(epoch)
      expect(await reserve(storeOf(adapter, minutes(28)), device)).toBe(epoch)
      expect(await reserve(storeOf(adapter, minutes(44)), device)).not.toBe(epoch)
    })

    test('is no use to another key, however long ago it was', async () => {
      const { adapter } = await newServer()
      const device = await testDevice()
      await reserve(storeOf(adapter, minutes(0)), device)
      await expect(reserve(storeOf(adapter, minutes(60)), { ...device, thumbprint: 'another' })).rejects.toMatchObject({
        code: 'PRINCIPAL_TAKEN',
      })
    })

    test('that expired while its server stalled gives its user no principal', async () => {
      const server = await newServer()
      const one = await newPerson(server)
      await one.prove('/sign-up/email', ada)
      // Meanwhile the same key had begun again: what the stalled server wrote carries the epoch from before.
      await server.change('latchkeyPrincipal', { epoch: 'newer' })
      expect((await one.session())!.principal).toBe((await userOf(server))['id'])
      const two = await newPerson(server, one.device)
      expect((await two.prove('/sign-up/email', person('bob'))).status).toBe(200)
      expect(await two.session()).toMatchObject({ principal: one.device.principal })
      expect(await one.session()).toMatchObject({ principal: (await userOf(server, ada.email))['id'] })
      expect(await userOf(server, ada.email)).toMatchObject({ principal: null })
    })

    test('by many requests at once is one row, and creates one user', async () => {
      const server = await newServer()
      const device = await testDevice()
      const people = await Promise.all([1, 2, 3, 4, 5].map(() => newPerson(server, device)))
      const answers = await Promise.all(people.map((one, index) => one.prove('/sign-up/email', person(`p${index}`))))
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
      expect((await server.rows('user')).map(({ principal }) => principal)).toEqual([device.principal])
      expect(await server.rows('latchkeyPrincipal')).toHaveLength(1)
      const winner = people[answers.findIndex(({ status }) => status === 200)]!
      expect(await winner.session()).toMatchObject({ principal: device.principal })
    })
  })

  test('a key that was revoked stays revoked, whatever happens to the account', async () => {
    const server = await newServer()
    const one = await newPerson(server)
    await one.prove('/sign-up/email', ada)
    await one.session()
    await server.change('latchkeyKey', { retiredAt: new Date() })
    expect(await one.session()).toMatchObject({ recoverable: false })
    expect(await verdictOn(server, one.device)).toBe('disabled')
  })

  test("a key that is not the principal's own gives no access, even if the principal is the same", async () => {
    const { adapter } = await newServer()
    const device = await testDevice()
    await reserve(storeOf(adapter), device)
    expect(await statusOf(storeOf(adapter), device.principal, device.thumbprint)).toBe('active')
    expect(await statusOf(storeOf(adapter), device.principal, 'another')).toBe('disabled')
  })

  test('what is cached about a principal follows a change immediately', async () => {
    const server = await newServer({ user: { deleteUser: { enabled: true } } })
    const one = await newPerson(server)
    const headers = { authorization: `Bearer ${await one.device.token({ audience: ORIGIN })}` }
    const resolver = createBetterAuthResolver(server.auth)
    const ask = async () => (await resolver.resolve(new Request(ORIGIN, { headers }))).ok
    expect(await ask()).toBe(true)
    await one.prove('/sign-up/email', ada)
    expect(await ask()).toBe(true)
    await one.browser.send('/delete-user', post({ password: ada.password }))
    expect(await ask()).toBe(false)
  })
})

describe('an existing database', () => {
  const ENGINES: Record<string, () => Promise<TestDatabase>> = {
    SQLite: async () => openSqlite(),
    Postgres: () => openPostgres(true),
  }
  for (const [engine, open] of Object.entries(ENGINES)) {
    test(`with users in it, on ${engine}: they keep their id as principal, and lose nothing`, async () => {
      const database = await open()
      const before = betterAuth({ ...BASE_OPTIONS, database: database.database })
      await (await getMigrations(before.options)).runMigrations()
      await before.handler(
        new Request(`${ORIGIN}/api/auth/sign-up/email`, {
          method: 'POST',
          body: JSON.stringify(ada),
          headers: { 'content-type': 'application/json' },
        }),
      )
      const server = await testServer({}, database)
      const { id } = await userOf(server)
      expect(await userOf(server)).toMatchObject({
        email: ada.email,
        principal: null,
        principalOpen: null,
        principalMailbox: null,
      })
      const one = await newPerson(server)
      expect((await one.prove('/sign-in/email', ada)).status).toBe(200)
      expect(await one.session()).toEqual({
        id: expect.any(String),
        identifiers: [],
        provenBy: one.device.principal,
        accountId: id,
        principal: id,
        aliases: [],
        recoverable: false,
      })
      const two = await newPerson(server)
      await two.prove('/sign-up/email', person('bob'))
      expect(await two.session()).toMatchObject({ principal: two.device.principal })
      expect(await server.rows('latchkeyPrincipal')).toHaveLength(1)
      await database.close()
    })
  }
})

describe('an adapter that enforces nothing', () => {
  const tables = [
    'user',
    'session',
    'account',
    'verification',
    'jwks',
    'latchkeyPrincipal',
    'latchkeyKey',
    'latchkeyProof',
    'latchkeyAudit',
    'latchkeyGrant',
    'latchkeyRendezvous',
  ]
  const start = async () => {
    const auth = betterAuth({
      ...BASE_OPTIONS,
      database: memoryAdapter(Object.fromEntries(tables.map((name) => [name, []]))),
      plugins: [latchkey()],
    })
    const server = await testServer({}, { database: auth.options.database, statements: [] })
    return server
  }

  test('lets a proof work once, even if many requests use it at once', async () => {
    const server = await start()
    const headers = await proofOf(await testDevice())
    const answers = await Promise.all(
      [1, 2, 3].map((index) => server.browser().send('/sign-up/email', post(person(`p${index}`), headers))),
    )
    expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1)
    expect((await server.browser().send('/sign-up/email', post(person('late'), headers))).status).toBe(401)
  })

  test('gives a principal to one account, even if many request it at once', async () => {
    const server = await start()
    const device = await testDevice()
    const people: Person[] = await Promise.all([1, 2, 3].map(() => newPerson(server, device)))
    await Promise.all(people.map((one, index) => one.prove('/sign-up/email', person(`p${index}`))))
    const looks = await Promise.all(people.map((one) => one.session()))
    expect(looks.filter((look) => look?.principal === device.principal).length).toBeLessThanOrEqual(1)
    const again = await Promise.all(people.map((one) => one.session()))
    expect(again).toEqual(looks)
  })

  test('binds and signs in as the others do', async () => {
    const server = await start()
    const one = await newPerson(server)
    await one.prove('/sign-up/email', ada)
    expect(await one.session()).toMatchObject({ principal: one.device.principal })
    expect((await (await newPerson(server, one.device)).prove('/sign-up/email', person('bob'))).status).toBe(409)
  })
})
