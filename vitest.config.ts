import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    // A guard against hanging, not a limit on speed.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    // Files wait for databases and processes: one worker for each processor, instead of one less.
    maxWorkers: '100%',
    globalSetup: ['adapters/better-auth/testing/postgres.testing.ts'],
    include: ['{lib,adapters,e2e/explore,e2e/published}/**/*.test.ts'],
    coverage: { include: ['lib/**/*.ts'], exclude: ['**/*.test.ts'], reporter: ['text', 'json-summary'] },
  },
})
