import { describe } from 'vitest'
import { createEarlyAuth } from '../client.testing.ts'
import { describeFetch } from './auth-fetch.testing.ts'

describe('before the later chunk has loaded', () => {
  describeFetch((browser, options) => browser.load(options, createEarlyAuth))
})
