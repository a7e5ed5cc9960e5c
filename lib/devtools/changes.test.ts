import { expect, test } from 'vitest'
import { changesBetween } from './changes.ts'

test('only the values that differ are listed, by their way', () => {
  const before = { phase: 'ready', session: { principal: 'a', principals: ['a'] }, storage: { problem: 'X' } }
  const after = { phase: 'ready', session: { principal: 'b', principals: ['b', 'a'] }, storage: {}, error: 'expired' }
  expect(changesBetween(before, after)).toEqual([
    { path: 'session.principal', before: 'a', after: 'b' },
    { path: 'session.principals', before: ['a'], after: ['b', 'a'] },
    { path: 'storage.problem', before: 'X', after: undefined },
    { path: 'error', before: undefined, after: 'expired' },
  ])
})

test('a value that comes, goes or stays the same', () => {
  expect(changesBetween({ session: null }, { session: { principal: 'a' } })).toEqual([
    { path: 'session', before: null, after: { principal: 'a' } },
  ])
  expect(changesBetween({ list: [1, { a: 1 }] }, { list: [1, { a: 1 }] })).toEqual([])
  const same = { a: {} }
  expect(changesBetween(same, same)).toEqual([])
})
