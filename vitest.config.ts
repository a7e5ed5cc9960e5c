import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    // A machine that is busy is no failure.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    globalSetup: ['adapters/better-auth/postgres.testing.ts'],
    include: ['{lib,adapters,e2e/package}/**/*.test.ts'],
    coverage: { include: ['lib/**/*.ts'], exclude: ['**/*.test.ts'], reporter: ['text', 'json-summary'] },
  },
})
