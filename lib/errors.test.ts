import { describe, expect, expectTypeOf, test, vi } from 'vitest'
import { LatchkeyError, isLatchkeyError } from './errors.ts'

async function secondCopy(): Promise<typeof import('./errors.ts')> {
  vi.resetModules()
  return import('./errors.ts')
}

describe('LatchkeyError', () => {
  test('has a code, and a message that begins with it', () => {
    const error = new LatchkeyError('TOKEN_EXPIRED', 'by a day')
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name: 'LatchkeyError', code: 'TOKEN_EXPIRED', message: 'TOKEN_EXPIRED: by a day' })
    expect(new LatchkeyError('OFFLINE').message).toBe('OFFLINE')
  })

  test('has a cause only if there is one', () => {
    const cause = new Error('underneath')
    expect(new LatchkeyError('OFFLINE', undefined, cause).cause).toBe(cause)
    expect('cause' in new LatchkeyError('OFFLINE')).toBe(false)
  })

  test('takes no code outside the list', () => {
    expectTypeOf(LatchkeyError).toBeConstructibleWith('OFFLINE')
    // @ts-expect-error — no such code
    expectTypeOf(LatchkeyError).toBeConstructibleWith('SOMETHING_ELSE')
  })
})

describe('isLatchkeyError', () => {
  test('recognises an error, and its code', () => {
    const error: unknown = new LatchkeyError('OFFLINE')
    expect(isLatchkeyError(error)).toBe(true)
    expect(isLatchkeyError(error, 'OFFLINE')).toBe(true)
    expect(isLatchkeyError(error, 'CONFLICT')).toBe(false)
    if (isLatchkeyError(error)) expectTypeOf(error).toEqualTypeOf<LatchkeyError>()
  })

  test('recognises an error of a second copy of the class, both ways', async () => {
    const other = await secondCopy()
    const foreign = new other.LatchkeyError('OFFLINE')
    expect(other.LatchkeyError).not.toBe(LatchkeyError)
    expect(foreign instanceof LatchkeyError).toBe(false)
    expect(isLatchkeyError(foreign, 'OFFLINE')).toBe(true)
    expect(other.isLatchkeyError(new LatchkeyError('CONFLICT'), 'CONFLICT')).toBe(true)
    expect(isLatchkeyError(foreign, 'CONFLICT')).toBe(false)
  })

  test.each([
    [undefined],
    [null],
    ['OFFLINE'],
    [0],
    [{}],
    [{ code: 'OFFLINE' }],
    [Object.assign(new Error('OFFLINE'), { code: 'OFFLINE', name: 'LatchkeyError' })],
  ])('does not take %o for one', (value) => {
    expect(isLatchkeyError(value)).toBe(false)
    expect(isLatchkeyError(value, 'OFFLINE')).toBe(false)
  })
})
