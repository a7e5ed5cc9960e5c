import { test as base } from 'latchkey/playwright'
import type { Harness } from '../harness/main.ts'
import { startHarness } from '../tools/servers/harness.mjs'

declare global {
  var harness: Harness
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
