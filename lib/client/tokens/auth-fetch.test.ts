import { describeFetch } from './auth-fetch.testing.ts'

describeFetch(async (browser, options) => {
  const auth = await browser.load(options)
  // Waits for the later chunk.
  await auth.listIdentities()
  return auth
})
