import { describe, expect, test } from 'vitest'
import { hashLocator } from '../../../lib/server-kit.ts'
import { testDevice } from '../../../lib/testing.ts'
import { newEnvelope, newLocator } from '../testing/backup.testing.ts'
import { link } from '../testing/link.testing.ts'
import { newPerson } from '../testing/requests.testing.ts'
import { type TestServer, person, testServer } from '../testing/server.testing.ts'
import { giveUp } from './adopt.ts'
import { type Backups, type NewBackup, type OpenBackups, createBackups } from './backups.ts'
import { principalStore } from './principal-store.ts'
import { prepareRetirement, retire } from './retire.ts'
import type { Adapter, ProvenDevice } from './types.ts'

const SECRET = 'a secret of at least thirty-two characters'
const LIMITS = { perAddressAndDay: 3, total: 100, days: 30 }
const DAY_MS = 86_400_000

/** The database as one request sees it, where another one acts right before the statement `place`, the first is 1. */
function interrupted(
  adapter: Adapter,
  place: number,
  act: () => Promise<unknown>,
): { adapter: Adapter; count(): number } {
  let count = 0
  const wrapped = new Proxy(adapter, {
    get(target, name) {
      const found = Reflect.get(target, name) as unknown
      if (typeof found !== 'function' || name === 'transaction') return found
      return async (...given: unknown[]) => {
        if (++count === place) await act()
        return (found as (...given: unknown[]) => unknown).apply(target, given)
      }
    },
  })
  return { adapter: wrapped, count: () => count }
}

async function newServer(clock: () => number = Date.now): Promise<{ server: TestServer; backups: OpenBackups }> {
  return { server: await testServer(), backups: createBackups(LIMITS, clock, SECRET) }
}

async function newBackup(address: string | null = null) {
  const locator = newLocator()
  return { hash: await hashLocator(locator), envelope: newEnvelope(), address }
}

async function withAccount(server: TestServer, name: string): Promise<ProvenDevice> {
  const { prove, device, session } = await newPerson(server)
  await prove('/sign-up/email', person(name))
  await session()
  return device
}

async function userOf(server: TestServer, { principal }: ProvenDevice) {
  return (await principalStore(server.adapter, new Date()).findUser('principal', principal))!
}

/** As Better Auth deletes a user, with the plugin's hooks around it. */
async function deleteUser(server: TestServer, device: ProvenDevice, isCutShort = false): Promise<void> {
  const principals = principalStore(server.adapter, new Date())
  const user = await userOf(server, device)
  await prepareRetirement(principals, user)
  await server.adapter.delete({ model: 'user', where: [{ field: 'id', value: user.id }] })
  if (!isCutShort) await retire(principals, user)
}

describe('a backup that is put', () => {
  test('while its account is deleted is not readable afterwards, at whatever statement that happens', async () => {
    const { server, backups } = await newServer()
    let [place, isOver] = [0, false]
    while (!isOver) {
      const device = await withAccount(server, `deleted-${++place}`)
      const backup = await newBackup()
      const { adapter, count } = interrupted(server.adapter, place, () => deleteUser(server, device))
      const outcome = await backups(adapter)
        .put(device, backup)
        .then(
          () => 'kept',
          (error: { code: string }) => error.code,
        )
      isOver = count() < place
      if (isOver) await deleteUser(server, device)
      expect([place, await backups(server.adapter).read(backup.hash)]).toEqual([place, null])
      expect(['kept', 'PRINCIPAL_DISABLED']).toContain(outcome)
    }
    expect(place).toBeGreaterThan(5)
  })

  test('again while it expires is kept, if the answer says so', async () => {
    const clock = { now: Date.now() }
    const { server, backups } = await newServer(() => clock.now)
    let [place, isOver] = [0, false]
    while (!isOver) {
      place++
      const [device, backup] = [await testDevice(), await newBackup(`192.0.2.${place}`)]
      await backups(server.adapter).put(device, backup)
      // Sweeps right before, so that this server does not sweep again while the other one does.
      clock.now += 30 * DAY_MS - 30_000
      await backups(server.adapter).put(await testDevice(), await newBackup(`198.51.100.${place}`))
      clock.now += 31_000
      const other = createBackups(LIMITS, () => clock.now, SECRET)
      const sweep = async () => other(server.adapter).put(await testDevice(), await newBackup(`203.0.113.${place}`))
      const { adapter, count } = interrupted(server.adapter, place, sweep)
      await backups(adapter).put(device, backup)
      isOver = count() < place
      expect([place, await backups(server.adapter).read(backup.hash)]).toEqual([place, backup.envelope])
    }
    expect(place).toBeGreaterThan(3)
  })

  test('at the same moment as another one of the account stays within eight, and nothing that was accepted is removed', async () => {
    const clock = { now: Date.now() }
    const { server, backups } = await newServer(() => clock.now)
    let [place, isOver] = [0, false]
    while (!isOver) {
      const device = await withAccount(server, `full-${++place}`)
      for (let index = 0; index < 7; index++) await backups(server.adapter).put(device, await newBackup())
      clock.now += 1000
      const accepted: string[] = []
      const put = async (adapter: Adapter) => {
        const backup = await newBackup()
        await backups(adapter)
          .put(device, backup)
          .then(
            () => accepted.push(backup.hash),
            (error: unknown) => expect(error).toMatchObject({ code: 'BACKUP_LIMIT' }),
          )
      }
      // The other one begins later, and ends before this one goes on.
      const { adapter, count } = interrupted(server.adapter, place, async () => {
        clock.now += 1000
        await put(server.adapter)
      })
      await put(adapter)
      isOver = count() < place
      const rows = await server.rows('latchkeyBackup')
      const kept = rows.filter(({ principal }) => principal === device.principal).map(({ locator }) => locator)
      expect([place, kept.length]).toEqual([place, 8])
      expect(kept).toEqual(expect.arrayContaining(accepted))
    }
    expect(place).toBeGreaterThan(4)
  })

  test('from one address by many identities at once stays within the limit', async () => {
    const { server, backups } = await newServer()
    for (let place = 1; place < 12; place++) {
      const from = `203.0.113.${place}`
      const put = async (adapter: Adapter) =>
        backups(adapter)
          .put(await testDevice(), await newBackup(from))
          .catch((error: unknown) => expect(error).toMatchObject({ code: 'BACKUP_LIMIT' }))
      for (let index = 0; index < 2; index++) await put(server.adapter)
      const { adapter } = interrupted(server.adapter, place, () => put(server.adapter))
      const before = (await server.rows('latchkeyBackup')).length
      await put(adapter)
      expect([place, (await server.rows('latchkeyBackup')).length - before]).toEqual([place, 1])
    }
  })
})

describe('a backup whose principal leaves its account', () => {
  type Act = (on: Backups, device: ProvenDevice, backup: NewBackup) => Promise<unknown>

  test.each<[string, boolean, Act]>([
    ['put', false, (on, device, backup) => on.put(device, backup)],
    ['put again', true, (on, device, backup) => on.put(device, backup)],
    ['renewed', true, (on, device, { hash }) => on.renew(device, hash)],
    ['swept', true, async (on) => on.put(await testDevice(), await newBackup('203.0.113.9'))],
  ])('while it is %s has an end afterwards, at whatever statement that happens', async (_, isThere, act) => {
    const server = await testServer()
    let [place, isOver] = [0, false]
    while (!isOver) {
      const clock = { now: Date.now() }
      const one = await newPerson(server)
      await one.prove('/sign-up/email', person(`left-${++place}`))
      const [device, backup] = [await testDevice(), await newBackup(`192.0.2.${place}`)]
      const backups = (adapter: Adapter) => createBackups({ ...LIMITS, total: 1e3 }, () => clock.now, SECRET)(adapter)
      if (isThere) await backups(server.adapter).put(device, backup)
      expect((await link(one, device)).status).toBe(200)
      clock.now += 31 * DAY_MS
      const { id } = await userOf(server, one.device)
      const leave = () =>
        giveUp(principalStore(server.adapter, new Date(clock.now)), id, device.principal, async () => {})
      const { adapter, count } = interrupted(server.adapter, place, leave)
      await act(backups(adapter), device, backup)
      isOver = count() < place
      if (isOver) await leave()
      const row = (await server.rows('latchkeyBackup')).find(({ principal }) => principal === device.principal)
      expect([place, row]).toMatchObject([place, { until: expect.any(Date) }])
      // The next one sweeps this one otherwise.
      await server.adapter.deleteMany({ model: 'latchkeyBackup', where: [] })
    }
    expect(place).toBeGreaterThan(5)
  })
})

test('a deletion whose server died in the middle leaves no backup for long', async () => {
  const clock = { now: Date.now() }
  const { server, backups } = await newServer(() => clock.now)
  const [gone, stays] = [await withAccount(server, 'gone'), await withAccount(server, 'stays')]
  const [lost, kept] = [await newBackup(), await newBackup()]
  await backups(server.adapter).put(gone, lost)
  await backups(server.adapter).put(stays, kept)
  await deleteUser(server, gone, true)
  // Refused in the end: the account is still there.
  await prepareRetirement(principalStore(server.adapter, new Date()), await userOf(server, stays))
  clock.now += 2 * DAY_MS
  await backups(server.adapter).put(stays, kept)
  expect(await backups(server.adapter).read(lost.hash)).toBeNull()
  expect(await backups(server.adapter).read(kept.hash)).toBe(kept.envelope)
  const rows = await server.rows('latchkeyBackup')
  expect(rows.find(({ principal }) => principal === gone.principal)).toMatchObject({ removedAt: expect.any(Date) })
  expect(rows.find(({ principal }) => principal === stays.principal)).toMatchObject({ until: null })
})
