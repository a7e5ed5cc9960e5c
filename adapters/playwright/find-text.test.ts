import { describe, expect, test } from 'vitest'
import { hasText } from './find-text.ts'

const NOTE = 'Ada said "no" — in Zürich,\nand left + 1'
const EMAIL = 'ada+notes@example.com'
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const base64url = (text: string): string => Buffer.from(text).toString('base64url')

describe.each([NOTE, EMAIL, 'x'])('%j', (text) => {
  test.each([
    ['as it is', `[${text}]`],
    ['in JSON', JSON.stringify({ text })],
    ['in JSON in JSON', JSON.stringify({ kept: JSON.stringify({ text }) })],
    ['in a URL', `?text=${encodeURIComponent(text)}`],
    ['in a form', String(new URLSearchParams({ text }))],
    ['in JSON in a cookie', encodeURIComponent(JSON.stringify({ text }))],
    ['in a token', `eyJhbGciOiJFZERTQSJ9.${base64url(JSON.stringify({ text }))}.c2lnbmF0dXJl`],
    ['in a cookie of Supabase', `base64-${base64url(JSON.stringify({ user: text }))}`],
    ['in a path', `/confirm/${base64url(JSON.stringify({ text }))}`],
    ['in a value with a version', `v1-${base64(JSON.stringify({ text }))}`],
    ['in a token that follows other letters', `state_${base64url(JSON.stringify({ text }))}`],
    ['in a signed cookie', encodeURIComponent(`${base64(JSON.stringify({ user: text }))}.c2ln+bmF0dXJl==`)],
  ])('is found %s', (_, stored) => {
    expect(hasText(`before ${stored} after`, text)).toBe(true)
  })

  test('is not found where it is not', () => {
    for (const other of ['', '\\', '%', '%E0%A4', 'Ada', JSON.stringify({ text: 'Bob' }), base64('Bob')])
      expect(hasText(other, `${text}!`)).toBe(false)
  })
})

test('with letters that only JSON writes as numbers', () => {
  expect(hasText(String.raw`{"name":"Z\u00fcrich"}`, 'Zürich')).toBe(true)
})

test('a short text is not found in random bytes', () => {
  const bytes = Buffer.from([0xff, 0xc3, ...Buffer.from('Ada'), 0xfe, 0x80])
  expect(hasText(bytes.toString('base64url'), 'Ada')).toBe(false)
  expect(hasText(base64url('Ada'), 'Ada')).toBe(true)
})
