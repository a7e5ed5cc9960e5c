import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { ENGINES } from './browser.ts'
import { tables } from './table.ts'

export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    reporters: ['default', tables],
    maxWorkers: 1,
    projects: ENGINES.map((name) => ({
      extends: true,
      test: {
        name,
        include: ['e2e/browsers/*.test.ts'],
        globalSetup: 'e2e/browsers/setup.ts',
        // Nothing is measured by these: they only end what hangs.
        testTimeout: 900_000,
        hookTimeout: 900_000,
      },
    })),
  },
})
