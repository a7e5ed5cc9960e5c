import { expect, test } from 'vitest'
import { createPrincipalsTag } from './principals-tag.ts'

const tag = createPrincipalsTag('a secret of at least thirty-two characters')

test('the tag of the same principals is the same, in any order of the aliases', async () => {
  const first = await tag('ada', ['one', 'two'])
  expect(first).toMatch(/^[\w-]{43}$/)
  expect(await tag('ada', ['two', 'one'])).toBe(first)
})

test('the tag changes with the principal and with each alias', async () => {
  const lists: [string, string[]][] = [
    ['ada', []],
    ['ada', ['one']],
    ['ada', ['one', 'two']],
    ['one', ['ada']],
    ['eve', ['one']],
  ]
  expect(new Set(await Promise.all(lists.map(([principal, aliases]) => tag(principal, aliases)))).size).toBe(5)
})

test('it cannot be computed without the secret', async () => {
  const other = createPrincipalsTag('another secret of thirty-two characters')
  expect(await other('ada', ['one'])).not.toBe(await tag('ada', ['one']))
})
