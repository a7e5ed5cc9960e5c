import { describe, expect, expectTypeOf, test } from 'vitest'
import { ERROR_TABLE, type ErrorRow } from './error-table.ts'
import type { LatchkeyErrorCode } from './errors.ts'

const ROWS = Object.entries(ERROR_TABLE)
// DESIGN §3: what a verifier rejects has a code of its own, and is answered as RFC 6750 says.
const TOKEN_ROWS = ROWS.filter(([code]) => code.startsWith('TOKEN_') || code === 'DELEGATION_UNSUPPORTED')

describe('ERROR_TABLE', () => {
  test('has a row for each code and no other', () => {
    expectTypeOf(ERROR_TABLE).toEqualTypeOf<Readonly<Record<LatchkeyErrorCode, ErrorRow>>>()
    expectTypeOf<keyof typeof ERROR_TABLE>().toEqualTypeOf<LatchkeyErrorCode>()
    expect(ROWS.length).toBeGreaterThan(40)
  })

  test.each(ROWS)('explains %s in one sentence of its own', (code, { meaning }) => {
    expect(meaning).toMatch(/^(?:`|[A-Z]).*\.$/s)
    expect(ROWS.filter(([, row]) => row.meaning === meaning).map(([name]) => name)).toEqual([code])
  })

  test.each(TOKEN_ROWS)('answers %s as an invalid token', (_, row) => {
    expect(row).toMatchObject({ bearer: 'invalid_token', status: 401 })
    expect(row.session).toBe(row.state === 'expired' ? 'TOKEN_EXPIRED' : 'UNAUTHORIZED')
  })

  test('calls expired only what a fresh token can mend', () => {
    const expired = ROWS.filter(([, { state }]) => state === 'expired').map(([code]) => code)
    expect(expired.sort()).toEqual(['TOKEN_EXPIRED', 'TOKEN_NOT_YET_VALID'])
  })

  test('calls disabled only what the server has switched off', () => {
    const disabled = ROWS.filter(([, { state }]) => state === 'disabled').map(([code]) => code)
    expect(disabled.sort()).toEqual([
      'BACKEND_DISABLED',
      'LOCAL_FIRST_DISABLED',
      'PRINCIPAL_DISABLED',
      'SESSION_REVOKED',
    ])
  })
})
