import { expect, test } from 'vitest'
import { shownAddress, shownJson } from './hidden.ts'

const ORIGIN = 'https://notes.example'

test.each([
  [`${ORIGIN}/api/notes`, '/api/notes'],
  ['https://api.example/notes', 'https://api.example/notes'],
  [`${ORIGIN}/api/auth/sign-up/email`, '/api/auth/sign-up/email'],
  [`${ORIGIN}/latchkey/authentication-challenges`, '/latchkey/authentication-challenges'],
  [`${ORIGIN}/verify?token=secret-token&callbackURL=%2F&token=2#code`, '/verify?token=…&callbackURL=…'],
  [`${ORIGIN}/x?abcdefghijklmnopqrstuvwxyz`, '/x?abcd…=…'],
  [`https://ada:password@notes.example/x`, '/x'],
])('of %s, %s is shown', (url, shown) => {
  expect(shownAddress(new URL(url), ORIGIN)).toBe(shown)
})

test('the code of a mailed link is not shown', () => {
  const shown = shownAddress(new URL(`${ORIGIN}/reset-password/Xb2kd93nQpL0aa81?callbackURL=%2F`), ORIGIN)
  expect(shown).toBe('/reset-password/Xb2k…?callbackURL=…')
})

test('a token that an app put into its own data is not shown', () => {
  const jws = 'eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl'
  const jwe = 'eyJhbGciOiJkaXIifQ..aXY.dGV4dA.dGFn'
  const shown = shownJson({ claims: { upstream: jws, nested: [`Bearer ${jwe}`] }, plain: 'eyJust a word' })
  for (const part of [...jws.split('.'), ...jwe.split('.')].filter(Boolean)) expect(shown).not.toContain(part)
  expect(shown).toContain('eyJust a word')
  expect(shownJson(undefined)).toBe('undefined')
})
