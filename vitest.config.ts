import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    globalSetup: ['adapters/better-auth/postgres.testing.ts'],
    include: ['{lib,adapters,e2e/package}/**/*.test.ts'],
    coverage: { include: ['lib/**/*.ts'], exclude: ['**/*.test.ts'], reporter: ['text', 'json-summary'] },
  },
})
