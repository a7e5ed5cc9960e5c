import { afterEach, expect, test, vi } from 'vitest'
import { adapterOf } from '../testing/faulty.testing.ts'
import { leave, neverAnswered } from '../../../lib/server/leaving.testing.ts'
import { insertUnique } from './unique.ts'

afterEach(() => vi.restoreAllMocks())

test('a value that a request died with, as in Workers, can still be inserted', async () => {
  const { isAsked, asked } = neverAnswered()
  const adapter = await adapterOf()
  const row = { jti: 'one', until: new Date() }
  const other = { ...adapter, id: 'other' }
  await leave(() => insertUnique({ ...other, count: asked }, 'latchkeyProof', 'jti', row), isAsked)
  expect(await insertUnique(other, 'latchkeyProof', 'jti', row)).toBe(true)
  expect(await insertUnique(other, 'latchkeyProof', 'jti', row)).toBe(false)
})
