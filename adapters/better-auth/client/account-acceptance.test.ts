import { describe, test } from 'vitest'
import { accountAcceptance } from '../../../lib/testing.ts'
import { betterAuthAccount } from './index.ts'
import { person, testServer } from '../testing/server.testing.ts'

const open = async () => {
  const browser = (await testServer()).browser()
  let isOnline = true
  // Each request takes the next interceptor.
  Object.defineProperty(browser, 'intercept', {
    get: () => (isOnline ? null : () => Promise.reject(new TypeError('fetch failed'))),
    set() {},
  })
  return {
    provider: betterAuthAccount(browser.client),
    signUp: () => browser.client.signUp.email(person('ada')),
    setOnline: (online: boolean) => void (isOnline = online),
  }
}

describe('the account provider of Better Auth', () => {
  test.each(accountAcceptance(open))('$name', ({ run }) => run())
})
