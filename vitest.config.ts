import { defineConfig } from 'vitest/config'

/** What `@better-auth/expo` imports runs on a phone only: the tests of `latchkey/expo` have stubs. */
const NATIVE_MODULES = /^(react-native|expo-(constants|linking|network|web-browser))$/

export default defineConfig({
  resolve: {
    alias: [
      {
        find: NATIVE_MODULES,
        replacement: new URL('adapters/expo/native-modules.testing.ts', import.meta.url).pathname,
      },
    ],
  },
  test: {
    server: { deps: { inline: ['@better-auth/expo'] } },
    // A guard against hanging, not a limit on speed.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    // Files wait for databases and processes: one worker for each processor, instead of one less.
    maxWorkers: '100%',
    globalSetup: ['adapters/better-auth/testing/postgres.testing.ts'],
    include: ['{lib,adapters,e2e/app,e2e/explore,e2e/published}/**/*.test.ts'],
    coverage: { include: ['lib/**/*.ts'], exclude: ['**/*.test.ts'], reporter: ['text', 'json-summary'] },
  },
})
