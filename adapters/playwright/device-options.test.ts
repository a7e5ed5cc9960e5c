import { describe, expect, test } from 'vitest'
import { readOptions } from './device-options.ts'

const account = { email: 'ada@example.com', password: 'correct horse battery' }
const baseURL = 'http://localhost:3000'

describe('readOptions', () => {
  test('leaves to Playwright what is for it', () => {
    const { context, ...settings } = readOptions({ baseURL, locale: 'de', label: 'phone', account })
    expect(context).toEqual({ baseURL, locale: 'de' })
    expect(settings).toMatchObject({ label: 'phone', name: 'latchkey', clockOffset: 0, ownBrowser: false, account })
  })

  test.each([
    [{ account }, 'baseURL'],
    [{ secret: 'x' }, 'baseURL'],
    [{ baseURL, account, conflictWith: account }, 'exclude each other'],
    [{ baseURL, account, storageState: 'state.json' }, 'storageState'],
    [{ ownBrowser: true, storageState: 'state.json' }, 'storageState'],
    [{ clockOffset: Number.NaN }, 'clockOffset'],
  ])('refuses %j', (options, words) => {
    expect(() => readOptions(options)).toThrow(TypeError)
    expect(() => readOptions(options)).toThrow(words)
  })
})
