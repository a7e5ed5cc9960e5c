import type { DBAdapter } from 'better-auth'
import { describe, expect, test } from 'vitest'
import { testDevice } from '../../../lib/testing.ts'
import { openPostgres } from '../testing/database.testing.ts'
import { adapterOf } from '../testing/faulty.testing.ts'
import { link, sessionIn } from '../testing/link.testing.ts'
import { newPerson } from '../testing/requests.testing.ts'
import { person, testServer } from '../testing/server.testing.ts'
import { repeatStatement, repeatTransaction } from './repeat.ts'

const refused = (code: unknown): Error => Object.assign(new Error(`refused with ${String(code)}`), { code })

/** Work that fails with these errors, one after the other, and then succeeds. */
function failing(...errors: readonly Error[]): { work: () => Promise<string>; runs: () => number } {
  let runs = 0
  const work = async (): Promise<string> => {
    const error = errors[runs++]
    if (error) throw error
    return 'done'
  }
  return { work, runs: () => runs }
}

describe('a statement that Postgres refused because of a concurrent one', () => {
  test.each([refused('40001'), refused('40P01'), Object.assign(new Error('wrapped'), { cause: refused('40001') })])(
    'is repeated: %s',
    async (error) => {
      const { work, runs } = failing(error, error)
      expect([await repeatStatement(work), runs()]).toEqual(['done', 3])
    },
  )

  test('is not repeated for a reason that ends the transactions of other databases', async () => {
    for (const code of ['ER_LOCK_DEADLOCK', 1213, 'SQLITE_BUSY', 'SQLITE_BUSY_SNAPSHOT', 'P2034', '23505']) {
      const { work, runs } = failing(refused(code))
      await expect(repeatStatement(work)).rejects.toThrow(String(code))
      expect(runs()).toBe(1)
    }
  })

  test('inside a transaction fails with the error that ended it', async () => {
    const { work, runs } = failing(refused('40001'), refused('25P02'))
    await expect(repeatStatement(work)).rejects.toThrow('40001')
    expect(runs()).toBe(2)
  })

  test('fails with another error of the repetition', async () => {
    await expect(repeatStatement(failing(refused('40001'), refused('23505')).work)).rejects.toThrow('23505')
  })
})

describe('a transaction that the database ended because of a concurrent one', () => {
  const adapterWith = (transaction: boolean): DBAdapter =>
    ({ transaction: (work: () => unknown) => work(), options: { adapterConfig: { transaction } } }) as never

  test.each(['40001', '40P01', 'SQLITE_BUSY_SNAPSHOT', 517, 'ER_LOCK_DEADLOCK', 1213, 'P2034'])(
    'is repeated: %s',
    async (code) => {
      const { work, runs } = failing(refused(code))
      expect([await repeatTransaction(adapterWith(true), work), runs()]).toEqual(['done', 2])
    },
  )

  test('is not repeated where the first part would stay, and for no other reason', async () => {
    const { work, runs } = failing(refused('40001'))
    await expect(repeatTransaction(adapterWith(false), work)).rejects.toThrow('40001')
    await expect(repeatTransaction(adapterWith(true), failing(refused('SQLITE_BUSY')).work)).rejects.toThrow('BUSY')
    expect(runs()).toBe(1)
  })
})

test('a link whose transaction Postgres ends at its last statement is made by the second attempt', async () => {
  const opened = await openPostgres(true)
  const adapter = await adapterOf(opened)
  let ends = 0
  const database = () => ({
    ...adapter,
    transaction: (work: Parameters<DBAdapter['transaction']>[0]) =>
      adapter.transaction(async (trx) => {
        const result = await work(trx)
        if (ends-- > 0) throw refused('40001')
        return result
      }),
  })
  const server = await testServer({}, { database: database as never, statements: [] })
  const one = await newPerson(server)
  await one.prove('/sign-up/email', person('ada'))
  await one.session()
  const device = await testDevice()
  ends = 1
  const linked = await link(one, device)
  expect(linked.status).toBe(200)
  expect((await sessionIn(linked))?.aliases).toEqual([device.principal])
  expect(await server.rows('latchkeyAudit')).toHaveLength(2)
  await opened.close()
})
