import { beforeEach, describe, expect, test } from 'vitest'
import { testDevice } from '../../lib/testing.ts'
import { type Adapter, claim, reserve, statusOf, subjectOf } from './principals.ts'
import { type TestServer, person, testServer } from './server.testing.ts'

const NOW = new Date('2026-01-01')

let server: TestServer
let adapter: Adapter

beforeEach(async () => {
  server = await testServer()
  adapter = (await server.auth.$context).adapter as Adapter
})

async function newUser(name: string): Promise<string> {
  await server.browser().client.signUp.email(person(name))
  return String(server.rows('user').find(({ name: known }) => known === person(name).name)!['id'])
}

const lockRows = (): Record<string, unknown>[] => server.rows('latchkeyPrincipal')
const taken = expect.objectContaining({ code: 'PRINCIPAL_TAKEN' })

/** The adapter, with something that happens right before each change of rows. */
function disturbed(disturb: () => Promise<unknown>): Adapter {
  return { ...adapter, updateMany: async (query: Parameters<Adapter['updateMany']>[0]) => (await disturb(), adapter.updateMany(query)) }
}

describe('a reservation', () => {
  test('is entered again by the same key alone', async () => {
    const device = await testDevice()
    const first = await reserve(adapter, device, NOW)
    const again = await reserve(adapter, device, NOW)
    expect(again).not.toBe(first)
    expect(lockRows()).toMatchObject([{ principal: device.principal, kind: 'reserved', epoch: again }])
    await expect(reserve(adapter, { ...device, thumbprint: 'of another key' }, NOW)).rejects.toEqual(taken)
    expect(lockRows()).toMatchObject([{ epoch: again }])
  })

  test('made by many at once is one request\'s', async () => {
    const device = await testDevice()
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => reserve(adapter, device, NOW)))
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected'])
    for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toEqual(taken)
  })

  test('entered again by many at once is one request\'s', async () => {
    const device = await testDevice()
    await reserve(adapter, device, NOW)
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => reserve(adapter, device, NOW)))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const [won] = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    expect(lockRows()).toMatchObject([{ epoch: won }])
  })

  test('that becomes an account\'s at this very moment is not entered', async () => {
    const device = await testDevice()
    await reserve(adapter, device, NOW)
    const late = disturbed(async () => server.database.prepare(`update latchkeyPrincipal set kind = 'canonical', userId = 'u'`).run())
    await expect(reserve(late, device, NOW)).rejects.toEqual(taken)
    expect(lockRows()).toMatchObject([{ kind: 'canonical', userId: 'u' }])
  })

  for (const kind of ['canonical', 'alias', 'retired']) {
    test(`is not made where the principal is ${kind}, though no user has it`, async () => {
      const device = await testDevice()
      await reserve(adapter, device, NOW)
      server.database.prepare('update latchkeyPrincipal set kind = ?').run(kind)
      await expect(reserve(adapter, device, NOW)).rejects.toEqual(taken)
    })
  }
})

describe('a claim', () => {
  test('of an account that was used meanwhile fails, and its principal stays', async () => {
    const id = await newUser('ada')
    const device = await testDevice()
    const late = disturbed(() => subjectOf(adapter, id, NOW))
    expect(await claim(late, id, device, NOW)).toBe(false)
    expect(server.rows('user')).toMatchObject([{ principal: null, principalOpen: 0 }])
    expect(await subjectOf(adapter, id, NOW)).toMatchObject({ principal: id, aliases: [] })
  })

  test('of an account that has a principal fails, whatever else its row says', async () => {
    const id = await newUser('ada')
    server.database.prepare(`update user set principal = 'earlier', principalOpen = 1`).run()
    expect(await claim(adapter, id, await testDevice(), NOW)).toBe(false)
    expect(server.rows('user')).toMatchObject([{ principal: 'earlier' }])
  })

  test('by two devices at once is one device\'s, and the other one\'s principal stays free', async () => {
    const id = await newUser('ada')
    const devices = await Promise.all([testDevice(), testDevice()])
    const outcomes = await Promise.allSettled(devices.map((device) => claim(adapter, id, device, NOW)))
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value)).toHaveLength(1)
    const { principal } = (await subjectOf(adapter, id, NOW))!
    const loser = devices.find((device) => device.principal !== principal)!
    expect(devices.map((device) => device.principal)).toContain(principal)
    expect(await statusOf(adapter, loser.principal, loser.thumbprint)).toBe('active')
  })
})

describe('who an account is', () => {
  async function claimed() {
    const id = await newUser('ada')
    const device = await testDevice()
    await claim(adapter, id, device, NOW)
    return { id, device }
  }

  test('is the device\'s principal, with the user id as an alias', async () => {
    const { id, device } = await claimed()
    expect(await subjectOf(adapter, id, NOW)).toEqual({ accountId: id, principal: device.principal, aliases: [id], recoverable: false })
  })

  const damage = {
    'a lock row of another user': `update latchkeyPrincipal set userId = 'other' where kind = 'canonical'`,
    'a lock row of another epoch': `update latchkeyPrincipal set epoch = 'other' where kind = 'canonical'`,
    'a lock row of another kind': `update latchkeyPrincipal set kind = 'retired' where kind = 'canonical'`,
    'no lock row': `delete from latchkeyPrincipal where kind = 'canonical'`,
  }
  for (const [name, statement] of Object.entries(damage)) {
    test(`is its own id with ${name}`, async () => {
      const { id } = await claimed()
      await subjectOf(adapter, id, NOW)
      server.database.prepare(statement).run()
      expect(await subjectOf(adapter, id, NOW)).toMatchObject({ principal: id, aliases: [] })
    })
  }

  test('has no alias of another epoch', async () => {
    const { id, device } = await claimed()
    server.database.prepare(`update latchkeyPrincipal set epoch = 'other' where kind = 'alias'`).run()
    expect(await subjectOf(adapter, id, NOW)).toMatchObject({ principal: device.principal, aliases: [] })
  })

  test('has no alias of another user', async () => {
    const { id, device } = await claimed()
    server.database.prepare(`update latchkeyPrincipal set userId = 'other' where kind = 'alias'`).run()
    expect(await subjectOf(adapter, id, NOW)).toMatchObject({ principal: device.principal, aliases: [] })
  })

  test('is written down once, also when many ask at once for the first time', async () => {
    const { id, device } = await claimed()
    const answers = await Promise.all([1, 2, 3, 4].map(() => subjectOf(adapter, id, NOW)))
    expect(new Set(answers.map((answer) => answer!.principal))).toEqual(new Set([device.principal]))
    expect(server.rows('latchkeyAudit')).toMatchObject([{ principal: device.principal, userId: id }])
  })
})

describe('a device key', () => {
  test('that no account knows is a way in', async () => {
    expect(await statusOf(adapter, 'unknown', 'thumbprint')).toBe('active')
  })

  test('is a way in while its account is being made', async () => {
    const device = await testDevice()
    await reserve(adapter, device, NOW)
    expect(await statusOf(adapter, device.principal, device.thumbprint)).toBe('active')
  })

  test('is none where the principal is another key\'s, retired, or nobody\'s any more', async () => {
    const device = await testDevice()
    const id = await newUser('ada')
    await claim(adapter, id, device, NOW)
    await subjectOf(adapter, id, NOW)
    expect(await statusOf(adapter, device.principal, device.thumbprint)).toBe('active')
    expect(await statusOf(adapter, device.principal, 'of another key')).toBe('disabled')
    server.database.prepare(`update latchkeyPrincipal set kind = 'retired' where kind = 'canonical'`).run()
    expect(await statusOf(adapter, device.principal, device.thumbprint)).toBe('disabled')
    server.database.prepare(`update latchkeyPrincipal set kind = 'canonical', userId = 'gone' where kind = 'retired'`).run()
    expect(await statusOf(adapter, device.principal, device.thumbprint)).toBe('disabled')
  })
})
