import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createAuth } from '../index.ts'
import { memoryStore } from '../keystore/memory.ts'
import type { AuthOptions } from './auth.ts'
import { OPTIONS, checkOptions } from './check-options.ts'
import { optionTable } from './option-table.testing.ts'

const names = Object.keys(OPTIONS) as (keyof AuthOptions)[]
const refusal = (options: object): TypeError => {
  try {
    checkOptions(options as AuthOptions)
  } catch (error) {
    return error as TypeError
  }
  throw new Error('accepted')
}

/** A valid value of each option. */
const VALID: Readonly<Record<string, readonly unknown[]>> = {
  object: [{}],
  string: ['a'],
  number: [0, 1.8e12],
  function: [() => {}],
}
const valuesOf = (name: keyof AuthOptions): readonly unknown[] =>
  OPTIONS[name].split('|').flatMap((kind) => VALID[kind] ?? [kind])

describe('createAuth', () => {
  test.each(names)('takes %s, also as undefined, and refuses every other value', (name) => {
    for (const value of [...valuesOf(name), undefined]) expect(() => checkOptions({ [name]: value })).not.toThrow()
    const others = ['', 'anonymus', 1, true, null, Symbol('x')].filter(
      (value) => !(OPTIONS[name] === 'string' && value === 'anonymus') && !(OPTIONS[name] === 'number' && value === 1),
    )
    if (OPTIONS[name] !== 'object') others.push({} as never)
    if (!OPTIONS[name].includes('function')) others.push((() => {}) as never)
    for (const value of others) {
      expect(refusal({ [name]: value })).toBeInstanceOf(TypeError)
      expect(refusal({ [name]: value }).message).toBe(`${name}: expected ${OPTIONS[name]}`)
    }
  })

  test.each([
    ['hardened', 'harden'],
    ['hardenAfterUpgrade', 'harden'],
    ['acount', 'account'],
    ['audiance', 'audience'],
    ['initalMode', 'initialMode'],
    ['keyStore', 'keystore'],
    ['onPrincipleChange', 'onPrincipalChange'],
    ['describelocal', 'describeLocal'],
    ['onTokenExpire', 'onTokenExpired'],
    ['clocks', 'clock'],
    ['beforeSignout', 'beforeSignOut'],
  ])('refuses %s, and names %s', (name, known) => {
    expect(refusal({ [name]: true })).toBeInstanceOf(TypeError)
    expect(refusal({ [name]: true }).message).toBe(`${name}: expected ${names.join('|')}`)
    expect(refusal({ [name]: true }).message.split(/[ |]/)).toContain(known)
  })

  test.each(['constructor', 'toString', 'hasOwnProperty'])('knows no option %s', (name) => {
    expect(refusal({ [name]: {} }).message).toBe(`${name}: expected ${names.join('|')}`)
  })

  test('refuses what is no origin, no audience or no known way to get one', () => {
    for (const origin of ['https://api.example/v1', 'api.example', 'https://api.example/'])
      expect(refusal({ audiences: { [origin]: 'x' } })).toBeInstanceOf(TypeError)
    expect(refusal({ audiences: { 'https://api.example/v1': 'x' } }).message).toBe(
      'audiences.https://api.example/v1: expected https://api.example',
    )
    for (const entry of [
      '',
      1,
      null,
      undefined,
      {},
      { audience: 'x' },
      { via: 'exchange' },
      { audience: 'x', via: 'y' },
    ])
      expect(refusal({ audiences: { 'https://api.example': entry } })).toEqual(
        new TypeError('audiences.https://api.example: expected string'),
      )
    const audiences = { 'https://one.example': 'one', 'https://two.example': { audience: 'two', via: 'exchange' } }
    expect(() => checkOptions({ audiences } as AuthOptions)).not.toThrow()
  })

  test('does so before it touches anything', () => {
    const keystore = new Proxy(memoryStore(), { get: () => expect.unreachable() })
    expect(() => createAuth({ keystore, initialMode: 'anonymus' as never })).toThrow(TypeError)
  })
})

test('the guide shows the table as it is', async () => {
  const guide = readFileSync(new URL('../../docs/client.md', import.meta.url), 'utf8')
  const [start, end] = ['<!-- options: made by lib/client/check-options.test.ts -->\n', '\n<!-- end of options -->']
  expect(guide).toContain(start)
  const [head, rest] = guide.split(start) as [string, string]
  const made = `${head}${start}\n${optionTable()}\n${end}${rest.split(end)[1]}`
  await expect(made).toMatchFileSnapshot('../../docs/client.md')
})
