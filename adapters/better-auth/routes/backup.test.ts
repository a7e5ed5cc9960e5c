import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { backupDigest, hashLocator } from '../../../lib/server-kit.ts'
import { testDevice } from '../../../lib/testing.ts'
import { PROOF_HEADER, latchkey, latchkeyJwt } from '../index.ts'
import { backupRequests, newEnvelope, newLocator, writeProof } from '../testing/backup.testing.ts'
import { type NewServer, onEachEngine } from '../testing/engines.testing.ts'
import { elsewhere, link, unlink } from '../testing/link.testing.ts'
import { codeOf, newPerson, post } from '../testing/requests.testing.ts'
import { AUDIENCE, ORIGIN, type TestServer, person, testServer } from '../testing/server.testing.ts'

const LIMITS = { perAddressAndDay: 3, total: 5, days: 30 }
const DAY_MS = 86_400_000

async function withAccount(server: TestServer, name = 'ada') {
  const one = await newPerson(server)
  expect((await one.prove('/sign-up/email', person(name))).status).toBe(200)
  return { ...one, ...backupRequests(one) }
}

async function withoutAccount(server: TestServer) {
  const one = await newPerson(server)
  return { ...one, ...backupRequests(one) }
}

const open = (newServer: NewServer, more: object = {}) =>
  newServer({ plugins: [latchkey({ backupsWithoutAccount: LIMITS, ...more }), latchkeyJwt()] })

const backupsIn = (server: TestServer) => server.rows('latchkeyBackup')

onEachEngine((newServer) => {
  test('a backup is read by its locator alone, and the store has only the hash of that', async () => {
    const server = await newServer()
    const one = await withAccount(server)
    const [locator, envelope] = [newLocator(), newEnvelope()]
    const answer = await one.put(locator, envelope)
    expect([answer.status, await answer.json()]).toEqual([200, { expiresIn: null }])

    const stranger = await withoutAccount(server)
    expect(await stranger.kept(locator)).toBe(envelope)
    const [row, ...others] = await backupsIn(server)
    expect(others).toEqual([])
    expect(row).toMatchObject({
      locator: createHash('sha256').update(Buffer.from(locator, 'base64url')).digest('base64url'),
      principal: one.device.principal,
      envelope,
      origin: null,
      until: null,
      removedAt: null,
    })
    expect(JSON.stringify(row)).not.toContain(locator)
  })

  test('a miss has the shape of a hit and does the same work', async () => {
    const server = await newServer()
    const one = await withAccount(server)
    const [locator, removed] = [newLocator(), newLocator()]
    await one.put(locator, newEnvelope())
    await one.put(removed, newEnvelope())
    await one.remove(removed)
    const seen: unknown[] = []
    for (const asked of [locator, newLocator(), removed]) {
      const before = server.statements.length
      const answer = await one.read(asked)
      const headers = [...answer.headers].filter(([name]) => name !== 'date')
      const members = Object.keys((await answer.json()) as object)
      // SQLite shows the values, too.
      const statements = server.statements.slice(before).map((statement) => statement.replaceAll(/'[^']*'/g, '?'))
      seen.push({ status: answer.status, headers, members, statements })
    }
    expect(seen[1]).toEqual(seen[0])
    expect(seen[2]).toEqual(seen[0])
    expect(seen[0]).toMatchObject({
      status: 200,
      headers: expect.arrayContaining([['cache-control', 'no-store']]),
      members: ['envelope'],
      statements: [expect.stringMatching(/^select /)],
    })
  })

  test('an existing backup is never overwritten: the same one again is no error, anything else is', async () => {
    const server = await newServer()
    const [one, other] = [await withAccount(server), await withAccount(server, 'bob')]
    const [locator, envelope] = [newLocator(), newEnvelope()]
    expect((await one.put(locator, envelope)).status).toBe(200)
    expect((await one.put(locator, envelope)).status).toBe(200)
    for (const answer of [await one.put(locator, newEnvelope()), await other.put(locator, envelope)])
      expect([answer.status, await codeOf(answer)]).toEqual([409, 'BACKUP_TAKEN'])
    expect(await one.kept(locator)).toBe(envelope)
    expect(await backupsIn(server)).toHaveLength(1)
  })

  test('of two that are put at one locator at once, one wins', async () => {
    const server = await newServer()
    const [one, other] = [await withAccount(server), await withAccount(server, 'bob')]
    const locator = newLocator()
    const given = [one, other, one, other].map((from) => [from, newEnvelope()] as const)
    const answers = await Promise.all(given.map(([from, envelope]) => from.put(locator, envelope)))
    const won = answers.flatMap(({ status }, index) => (status === 200 ? [given[index]![1]] : []))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409])
    expect(won).toEqual([await one.kept(locator)])
    expect(await backupsIn(server)).toHaveLength(1)
  })

  test('an account has eight, even if twelve are put at once', async () => {
    const server = await newServer()
    const one = await withAccount(server)
    for (let index = 0; index < 4; index++) expect((await one.put(newLocator(), newEnvelope())).status).toBe(200)
    await Promise.all(Array.from({ length: 8 }, () => one.put(newLocator(), newEnvelope())))
    while ((await backupsIn(server)).length < 8) expect((await one.put(newLocator(), newEnvelope())).status).toBe(200)
    const ninth = await one.put(newLocator(), newEnvelope())
    expect([ninth.status, await codeOf(ninth)]).toEqual([409, 'BACKUP_LIMIT'])
    expect(await backupsIn(server)).toHaveLength(8)
  })

  test('a removed one can no longer be read, and is kept for 30 days; its locator and its place are free', async () => {
    const clock = { now: Date.now() }
    const server = await newServer({ plugins: [latchkey({ clock: () => clock.now }), latchkeyJwt()] })
    const one = await withAccount(server)
    const locators = Array.from({ length: 8 }, newLocator)
    for (const locator of locators) await one.put(locator, newEnvelope())
    expect((await one.remove(locators[0]!)).status).toBe(200)
    expect(await one.kept(locators[0]!)).toBeNull()
    const again = await one.remove(locators[0]!)
    expect([again.status, await codeOf(again)]).toEqual([404, 'BACKUP_UNKNOWN'])
    expect(await backupsIn(server)).toHaveLength(8)

    const replaced = newEnvelope()
    expect((await one.put(locators[0]!, replaced)).status).toBe(200)
    expect(await one.kept(locators[0]!)).toBe(replaced)
    expect(await backupsIn(server)).toHaveLength(9)

    const proof = async () => ({
      [PROOF_HEADER]: await one.device.proof({
        audience: AUDIENCE,
        purpose: 'backup',
        now: clock.now / 1000,
        digest: await backupDigest('put', await hashLocator(locators[1]!), replaced),
      }),
    })
    clock.now += 29 * DAY_MS
    await one.put(locators[1]!, replaced, await proof())
    expect(await backupsIn(server)).toHaveLength(9)
    clock.now += 2 * DAY_MS
    await one.put(locators[1]!, replaced, await proof())
    expect(await backupsIn(server)).toHaveLength(8)
  })

  test('putting and removing again and again does not fill the store', async () => {
    const server = await newServer()
    const one = await withAccount(server)
    const locator = newLocator()
    for (let index = 0; index < 16; index++) {
      expect((await one.put(locator, newEnvelope())).status).toBe(200)
      expect((await one.remove(locator)).status).toBe(200)
    }
    expect(await codeOf(await one.put(locator, newEnvelope()))).toBe('BACKUP_LIMIT')
    expect(await backupsIn(server)).toHaveLength(16)
  })

  test('only its own identity removes it', async () => {
    const server = await newServer()
    const [one, other] = [await withAccount(server), await withAccount(server, 'bob')]
    const locator = newLocator()
    await one.put(locator, newEnvelope())
    const answer = await other.remove(locator)
    expect([answer.status, await codeOf(answer)]).toEqual([404, 'BACKUP_UNKNOWN'])
    expect(await other.kept(locator)).not.toBeNull()
  })

  test('a key that was revoked writes nothing, and what it wrote before can still be read', async () => {
    const server = await newServer()
    const one = await withAccount(server)
    const locator = newLocator()
    await one.put(locator, newEnvelope())
    await one.session()
    await server.change('latchkeyKey', { retiredAt: new Date() }, { thumbprint: one.device.thumbprint })
    for (const answer of [await one.put(newLocator(), newEnvelope()), await one.remove(locator)])
      expect([answer.status, await codeOf(answer)]).toEqual([401, 'PRINCIPAL_DISABLED'])
    expect(await one.kept(locator)).not.toBeNull()
  })

  test('a deleted account leaves no backup that can be read', async () => {
    const server = await newServer({ user: { deleteUser: { enabled: true } } })
    const one = await withAccount(server)
    const locator = newLocator()
    await one.put(locator, newEnvelope())
    const answer = await one.browser.send('/delete-user', post({ password: person('ada').password }))
    expect(answer.status).toBe(200)
    expect(await one.kept(locator)).toBeNull()
    expect(await codeOf(await one.put(locator, newEnvelope()))).toBe('PRINCIPAL_DISABLED')
    expect(await backupsIn(server)).toMatchObject([{ removedAt: expect.any(Date) }])
  })

  test('a renewal is for its own identity alone, and does not say whose a backup is', async () => {
    const server = await newServer()
    const [one, other] = [await withAccount(server), await withAccount(server, 'bob')]
    const locator = newLocator()
    await one.put(locator, newEnvelope())
    const answer = await one.renew(locator)
    expect([answer.status, await answer.json()]).toEqual([200, { expiresIn: null }])
    const refused = await Promise.all([other.renew(locator), other.renew(newLocator())])
    for (const each of refused) expect([each.status, await codeOf(each)]).toEqual([404, 'BACKUP_UNKNOWN'])
    await one.remove(locator)
    expect(await codeOf(await one.renew(locator))).toBe('BACKUP_UNKNOWN')
    expect(await one.kept(locator)).toBeNull()
  })

  test('a renewal needs a proof for this renewal', async () => {
    const server = await newServer()
    const one = await withAccount(server)
    const locator = newLocator()
    await one.put(locator, newEnvelope())
    const hash = await hashLocator(locator)
    const send = async (headers: Record<string, string>) =>
      codeOf(await one.browser.send('/latchkey/backup/renew', post({ hash }, headers)))
    expect(await send({})).toBe('TOKEN_MALFORMED')
    for (const forged of [
      await writeProof(one.device, 'remove', locator),
      await writeProof(one.device, 'put', locator),
      await writeProof(one.device, 'renew', newLocator()),
    ])
      expect(await send(forged)).toBe('PROOF_DIGEST_MISMATCH')
  })

  test('a renewal by a key that was revoked tells the time that is left, and changes nothing', async () => {
    const clock = { now: Date.now() }
    const server = await open(newServer, { clock: () => clock.now })
    const one = await withAccount(server)
    await one.session()
    const left = await elsewhere(server, person('ada'))
    expect((await link(left, left.device)).status).toBe(200)
    const two = { ...left, ...backupRequests(left) }
    const [kept, ending] = [newLocator(), newLocator()]
    await one.put(kept, newEnvelope())
    await two.put(ending, newEnvelope())
    expect((await unlink(one, two.device.principal)).status).toBe(200)
    for (const { thumbprint } of [one.device, two.device])
      await server.change('latchkeyKey', { retiredAt: new Date() }, { thumbprint })
    clock.now += DAY_MS
    const before = await backupsIn(server)
    expect(await (await one.renew(kept, clock.now)).json()).toEqual({ expiresIn: null })
    expect(await (await two.renew(ending, clock.now)).json()).toEqual({ expiresIn: 29 * DAY_MS })
    expect(await codeOf(await one.renew(ending, clock.now))).toBe('BACKUP_UNKNOWN')
    expect(await backupsIn(server)).toEqual(before)
  })

  test('an alias that is unlinked keeps its backups for 30 days, and for good if it is linked again', async () => {
    const clock = { now: Date.now() }
    const server = await newServer({ plugins: [latchkey({ clock: () => clock.now }), latchkeyJwt()] })
    const one = await withAccount(server)
    await one.session()
    const [left, back] = await Promise.all(
      [1, 2].map(async () => {
        const two = await elsewhere(server, person('ada'))
        expect((await link(two, two.device)).status).toBe(200)
        return { ...two, ...backupRequests(two), locator: newLocator() }
      }),
    )
    for (const two of [left!, back!]) {
      expect((await two.put(two.locator, newEnvelope())).status).toBe(200)
      expect((await unlink(one, two.device.principal)).status).toBe(200)
      expect(await two.kept(two.locator)).not.toBeNull()
      const row = (await backupsIn(server)).find(({ principal }) => principal === two.device.principal)!
      expect(Number(row['until'])).toBe(clock.now + 30 * DAY_MS)
      expect(await (await two.renew(two.locator)).json()).toEqual({ expiresIn: 30 * DAY_MS })
    }
    expect(await codeOf(await left!.put(newLocator(), newEnvelope()))).toBe('BACKUP_ACCOUNT_NEEDED')
    expect((await link(back!, back!.device)).status).toBe(200)
    clock.now += 29 * DAY_MS
    // Without backups for such identities, no renewal extends what is left.
    expect(await (await left!.renew(left!.locator, clock.now)).json()).toEqual({ expiresIn: DAY_MS })
    clock.now += 2 * DAY_MS
    expect(await codeOf(await left!.renew(left!.locator, clock.now))).toBe('BACKUP_UNKNOWN')
    expect(await left!.kept(left!.locator)).toBeNull()
    expect(await back!.kept(back!.locator)).not.toBeNull()
    expect(await backupsIn(server)).toMatchObject([{ principal: back!.device.principal, until: null }])
  })

  test('a backup from before the account is kept for 30 days too, once its alias is unlinked', async () => {
    const clock = { now: Date.now() }
    const server = await open(newServer, { backupsWithoutAccount: { ...LIMITS, days: 3 }, clock: () => clock.now })
    const one = await withAccount(server)
    await one.session()
    const two = await elsewhere(server, person('ada'))
    const answer = await backupRequests(two).put(newLocator(), newEnvelope())
    expect(await answer.json()).toEqual({ expiresIn: 3 * DAY_MS })
    expect((await link(two, two.device)).status).toBe(200)
    expect((await unlink(one, two.device.principal)).status).toBe(200)
    const [row] = await backupsIn(server)
    expect(Number(row!['until'])).toBe(clock.now + 30 * DAY_MS)
  })

  test('an alias that is unlinked because its key was revoked keeps its backups as long, and they cannot be renewed', async () => {
    const server = await newServer()
    const one = await withAccount(server)
    await one.session()
    const two = await elsewhere(server, person('ada'))
    await link(two, two.device)
    const requests = backupRequests(two)
    const locator = newLocator()
    await requests.put(locator, newEnvelope())
    await server.change('latchkeyKey', { retiredAt: new Date() }, { thumbprint: two.device.thumbprint })
    expect((await unlink(one, two.device.principal)).status).toBe(200)
    expect(await requests.kept(locator)).not.toBeNull()
    expect(await codeOf(await requests.renew(locator))).toBe('PRINCIPAL_DISABLED')
    const [row] = await backupsIn(server)
    expect(new Date(row!['until'] as Date).getTime() - Date.now()).toBeGreaterThan(29 * DAY_MS)
  })

  test('a recoverable account does not end the backups: data may depend on the secret', async () => {
    const server = await newServer()
    const one = await withAccount(server)
    await server.change('user', { emailVerified: true })
    expect((await one.put(newLocator(), newEnvelope())).status).toBe(200)
  })

  describe('without an account', () => {
    test('there are none, unless the server switched them on', async () => {
      const server = await newServer()
      const one = await withoutAccount(server)
      const answer = await one.put(newLocator(), newEnvelope())
      expect([answer.status, await codeOf(answer)]).toEqual([403, 'BACKUP_ACCOUNT_NEEDED'])
      expect(await backupsIn(server)).toEqual([])
    })

    test('each identity has one, and says when it expires', async () => {
      const clock = { now: Date.now() }
      const server = await open(newServer, { clock: () => clock.now })
      const one = await withoutAccount(server)
      const answer = await one.put(newLocator(), newEnvelope())
      expect(await answer.json()).toEqual({ expiresIn: 30 * DAY_MS })
      expect(await codeOf(await one.put(newLocator(), newEnvelope()))).toBe('BACKUP_LIMIT')
    })

    test('a renewal gives it its whole time again', async () => {
      const clock = { now: Date.now() }
      const server = await open(newServer, { clock: () => clock.now })
      const one = await withoutAccount(server)
      const locator = newLocator()
      await one.put(locator, newEnvelope())
      for (let half = 0; half < 4; half++) {
        clock.now += 16 * DAY_MS
        expect(await (await one.renew(locator, clock.now)).json()).toEqual({ expiresIn: 30 * DAY_MS })
      }
      expect(await one.kept(locator)).not.toBeNull()
    })

    test('a removed one is kept for 30 days, even if it would have expired before', async () => {
      const clock = { now: Date.now() }
      const server = await open(newServer, { clock: () => clock.now })
      const [lapsed, one, other] = await Promise.all([1, 2, 3].map(() => withoutAccount(server)))
      const [locator, removed, envelope] = [newLocator(), newLocator(), newEnvelope()]
      const put = async () =>
        other!.put(locator, envelope, await writeProof(other!.device, 'put', locator, envelope, clock.now))
      await lapsed!.put(newLocator(), newEnvelope())
      await one!.put(removed, newEnvelope())
      clock.now += 29 * DAY_MS
      expect((await one!.remove(removed, clock.now)).status).toBe(200)
      clock.now += 2 * DAY_MS
      expect((await put()).status).toBe(200)
      const principals = async () => (await backupsIn(server)).map(({ principal }) => principal).toSorted()
      expect(await principals()).toEqual([one!.device.principal, other!.device.principal].toSorted())
      clock.now += 29 * DAY_MS
      expect((await put()).status).toBe(200)
      expect(await principals()).toEqual([other!.device.principal])
    })

    test('an address has its limit for each day, for all clients together, and removing does not help', async () => {
      const server = await open(newServer)
      const from = { 'x-forwarded-for': '192.0.2.1' }
      for (let index = 0; index < 3; index++) {
        const one = await withoutAccount(server)
        const locator = newLocator()
        expect((await one.put(locator, newEnvelope(), from)).status).toBe(200)
        await one.remove(locator)
      }
      const next = await withoutAccount(server)
      expect(await codeOf(await next.put(newLocator(), newEnvelope(), from))).toBe('BACKUP_LIMIT')
      expect((await next.put(newLocator(), newEnvelope(), { 'x-forwarded-for': '192.0.2.2' })).status).toBe(200)
      const origins = (await backupsIn(server)).map(({ origin }) => String(origin))
      expect(new Set(origins).size).toBe(2)
      expect(origins.join()).not.toContain('192.0.2')
    })

    test('the store has a limit in total, which does not concern accounts', async () => {
      const server = await open(newServer)
      for (let index = 0; index < 5; index++) {
        const from = { 'x-forwarded-for': `192.0.2.${index}` }
        expect((await (await withoutAccount(server)).put(newLocator(), newEnvelope(), from)).status).toBe(200)
      }
      const sixth = await (await withoutAccount(server)).put(newLocator(), newEnvelope(), { 'x-forwarded-for': '::9' })
      expect(await codeOf(sixth)).toBe('BACKUP_LIMIT')
      expect((await (await withAccount(server)).put(newLocator(), newEnvelope())).status).toBe(200)
    })

    test('it expires, unless it was put again or its identity has an account by then', async () => {
      const clock = { now: Date.now() }
      const server = await open(newServer, { clock: () => clock.now })
      const put = async (one: Awaited<ReturnType<typeof withoutAccount>>, locator: string, envelope: string) => {
        const digest = await backupDigest('put', await hashLocator(locator), envelope)
        const proof = await one.device.proof({ audience: AUDIENCE, purpose: 'backup', now: clock.now / 1000, digest })
        expect((await one.put(locator, envelope, { [PROOF_HEADER]: proof })).status).toBe(200)
      }
      const people = await Promise.all([1, 2, 3].map(() => withoutAccount(server)))
      const [lapsed, renewed, bound] = people.map((one) => [one, newLocator(), newEnvelope()] as const)
      for (const given of [lapsed!, renewed!, bound!]) await put(...given)
      expect((await bound![0].prove('/sign-up/email', person('ada'))).status).toBe(200)
      clock.now += 29 * DAY_MS
      await put(...renewed!)
      clock.now += 2 * DAY_MS
      await put(...renewed!)
      expect(await lapsed![0].kept(lapsed![1])).toBeNull()
      expect(await renewed![0].kept(renewed![1])).toBe(renewed![2])
      expect(await bound![0].kept(bound![1])).toBe(bound![2])
      expect((await backupsIn(server)).filter(({ until }) => until === null)).toHaveLength(1)
    })
  })
})

describe('a write', () => {
  const attempt = async (headersFor: (given: Given) => Promise<Record<string, string>>) => {
    const server = await testServer()
    const one = await withAccount(server)
    const [locator, envelope] = [newLocator(), newEnvelope()]
    const answer = await one.browser.send(
      '/latchkey/backup',
      post({ locator, envelope }, await headersFor({ device: one.device, locator, envelope })),
    )
    expect(await backupsIn(server)).toEqual([])
    return codeOf(answer)
  }
  type Given = { device: Awaited<ReturnType<typeof testDevice>>; locator: string; envelope: string }

  test('without a proof is refused, whatever session there is', async () => {
    expect(await attempt(async () => ({}))).toBe('TOKEN_MALFORMED')
  })

  test('with the proof for another envelope, locator or method is refused', async () => {
    const forged: ((given: Given) => Promise<Record<string, string>>)[] = [
      ({ device, locator }) => writeProof(device, 'put', locator, newEnvelope()),
      ({ device, envelope }) => writeProof(device, 'put', newLocator(), envelope),
      ({ device, locator, envelope }) => writeProof(device, 'remove', locator, envelope),
    ]
    for (const headersFor of forged) expect(await attempt(headersFor)).toBe('PROOF_DIGEST_MISMATCH')
  })

  test.each(['upgrade', 'exchange', 'known'] as const)('with a proof for %s is refused', async (purpose) => {
    const code = await attempt(async ({ device }) => ({
      [PROOF_HEADER]: await device.proof({ audience: AUDIENCE, purpose }),
    }))
    expect(code).toBe('PROOF_PURPOSE_MISMATCH')
  })

  test('with a proof that was used is refused', async () => {
    const server = await testServer()
    const one = await withAccount(server)
    const [locator, envelope] = [newLocator(), newEnvelope()]
    const headers = await writeProof(one.device, 'put', locator, envelope)
    expect((await one.put(locator, envelope, headers)).status).toBe(200)
    expect(await codeOf(await one.put(locator, envelope, headers))).toBe('PROOF_REPLAYED')
  })

  test('with a proof for another server is refused', async () => {
    const code = await attempt(async ({ device, locator, envelope }) => ({
      [PROOF_HEADER]: await device.proof({
        audience: 'https://evil.example/api/auth',
        purpose: 'backup',
        digest: await backupDigest('put', await hashLocator(locator), envelope),
      }),
    }))
    expect(code).toBe('TOKEN_AUDIENCE_MISMATCH')
  })

  test('needs a nonce where the server requires one', async () => {
    const server = await testServer({ plugins: [latchkey({ requireNonce: true }), latchkeyJwt()] })
    const one = await withoutAccount(server)
    const [locator, envelope] = [newLocator(), newEnvelope()]
    expect(await codeOf(await one.put(locator, envelope))).toBe('PROOF_NONCE_MISSING')
    const challenge = await one.browser.send('/latchkey/challenge', post({ purpose: 'backup' }))
    const { nonce } = (await challenge.json()) as { nonce: string }
    const digest = await backupDigest('put', await hashLocator(locator), envelope)
    const proof = await one.device.proof({ audience: AUDIENCE, purpose: 'backup', digest, nonce })
    expect(await codeOf(await one.put(locator, envelope, { [PROOF_HEADER]: proof }))).toBe('BACKUP_ACCOUNT_NEEDED')
  })
})

describe('a request', () => {
  test('with the locator in its address reads nothing', async () => {
    const server = await testServer()
    const one = await withAccount(server)
    const locator = newLocator()
    await one.put(locator, newEnvelope())
    const path = `/latchkey/backup/read?locator=${locator}`
    expect((await one.browser.send(path)).status).toBe(404)
    const answer = await one.browser.send(path, post({}))
    expect([answer.status, await codeOf(answer)]).toEqual([400, 'BODY_INVALID'])
  })

  test.each([
    ['no text', 7],
    ['too short', 'A'.repeat(42)],
    ['too long', 'A'.repeat(44)],
    ['not canonical', `${'A'.repeat(42)}B`],
    ['not base64url', `${'A'.repeat(42)} `],
  ])('with a locator that is %s is a bad request', async (_, locator) => {
    const server = await testServer()
    const one = await withoutAccount(server)
    for (const path of ['/latchkey/backup/read', '/latchkey/backup', '/latchkey/backup/remove']) {
      const answer = await one.browser.send(path, post({ locator, envelope: 'x' }))
      expect([answer.status, await codeOf(answer)]).toEqual([400, 'BODY_INVALID'])
    }
  })

  test('with an envelope over 4096 characters is a bad request', async () => {
    const server = await testServer()
    const one = await withAccount(server)
    expect((await one.put(newLocator(), 'e'.repeat(4096))).status).toBe(200)
    expect(await codeOf(await one.put(newLocator(), 'e'.repeat(4097)))).toBe('BODY_INVALID')
  })

  test('that a page of another site made the browser send is refused', async () => {
    const server = await testServer()
    const one = await withAccount(server)
    const [locator, envelope] = [newLocator(), newEnvelope()]
    const foreign = (path: string, body: object, headers: Record<string, string> = {}) =>
      server.handler(
        new Request(
          `${AUDIENCE}${path}`,
          post(body, { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example', ...headers }),
        ),
      )
    const answers = [
      await foreign('/latchkey/backup/read', { locator }),
      await foreign('/latchkey/backup', { locator, envelope }, await writeProof(one.device, 'put', locator, envelope)),
    ]
    for (const answer of answers) expect([answer.status, await codeOf(answer)]).toEqual([403, 'CROSS_SITE_FORBIDDEN'])
    const trusted = await foreign('/latchkey/backup/read', { locator }, { origin: ORIGIN })
    expect(trusted.status).toBe(200)
    const form = await one.browser.send('/latchkey/backup/read', {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: JSON.stringify({ locator }),
    })
    expect(form.status).toBe(415)
  })
})

test.each([{ days: 0 }, { total: 1.5 }, { perAddressAndDay: Number.NaN }, { days: undefined }])(
  'limits with %j are refused at once',
  (wrong) => {
    expect(() => latchkey({ backupsWithoutAccount: { ...LIMITS, ...wrong } as typeof LIMITS })).toThrow(TypeError)
  },
)
