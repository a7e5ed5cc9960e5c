import type * as latchkey from 'latchkey'
import type * as devtools from 'latchkey/devtools'
import { test as base } from 'latchkey/playwright'
import type * as testing from 'latchkey/testing'
import { startHarness } from '../tools/harness.mjs'

declare global {
  /** In the harness page: everything that `latchkey`, `latchkey/testing` and `latchkey/devtools` export. */
  var harness: typeof latchkey & typeof testing & typeof devtools
}

/** `test` with the address of an empty page that has the library in it. */
export const test = base.extend<object, { harnessUrl: string }>({
  harnessUrl: [
    // oxlint-disable-next-line no-empty-pattern -- Playwright reads the names of the fixtures from it
    async ({}, use) => {
      const server = await startHarness()
      await use(server.url)
      server.close()
    },
    { scope: 'worker' },
  ],
})

export { expect } from 'latchkey/playwright'
