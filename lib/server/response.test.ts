import { describe, expect, test } from 'vitest'
import { ERROR_TABLE } from '../error-table.ts'
import { LatchkeyError, type LatchkeyErrorCode } from '../errors.ts'
import { refusal, toResponse } from './response.ts'

const CODES = Object.keys(ERROR_TABLE) as LatchkeyErrorCode[]
// RFC 6750 §3.1.
const STATUS_OF = { invalid_request: 400, invalid_token: 401, insufficient_scope: 403 } as const

describe('toResponse', () => {
  test.each(CODES)('answers %s by the table, and without its detail', async (code) => {
    const response = toResponse(new LatchkeyError(code, 'a-secret-detail', new Error('a-secret-cause')))
    const { status = 400, bearer } = ERROR_TABLE[code]
    expect(response.status).toBe(status)
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.get('content-type')).toContain('application/json')
    const challenge = response.headers.get('www-authenticate')
    if (bearer)
      expect(challenge).toMatch(
        new RegExp(`^Bearer error="${bearer}"(, error_description="(expired|missing|invalid|disabled)")?$`),
      )
    else expect(challenge).toBe(status === 401 ? 'Bearer' : null)
    expect(`${await response.text()}${challenge}`).not.toContain('a-secret')
  })

  test.each(CODES.filter((code) => ERROR_TABLE[code].state))('names only the kind of error of %s', async (code) => {
    expect(await toResponse(new LatchkeyError(code)).json()).toMatchObject({ code: ERROR_TABLE[code].state })
  })

  test('gives a body of its own each time', async () => {
    const { response } = refusal('TOKEN_EXPIRED')
    expect(await response().json()).toEqual(await response().json())
  })
})

describe('the table', () => {
  test.each(CODES.filter((code) => ERROR_TABLE[code].bearer))('gives %s the status of RFC 6750', (code) => {
    const { bearer, status } = ERROR_TABLE[code]
    expect(status).toBe(STATUS_OF[bearer!])
  })
})

describe('refusal', () => {
  test.each([
    ['TOKEN_EXPIRED', 'expired'],
    ['TOKEN_NOT_YET_VALID', 'expired'],
    ['CREDENTIAL_MISSING', 'missing'],
    ['CREDENTIAL_MALFORMED', 'invalid'],
    ['TOKEN_SIGNATURE_INVALID', 'invalid'],
    ['LOCAL_FIRST_DISABLED', 'disabled'],
    ['PRINCIPAL_DISABLED', 'disabled'],
  ] as const)('of %s is for the client: %s', (reason, error) => {
    expect(refusal(reason)).toMatchObject({ ok: false, error, reason })
  })
})
