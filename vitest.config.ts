import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    // A test ends when what it waits for is there; how long that takes is the machine's affair.
    testTimeout: 60_000,
    include: ['{lib,adapters,e2e/package}/**/*.test.ts'],
    coverage: { include: ['lib/**/*.ts'], exclude: ['**/*.test.ts'], reporter: ['text', 'json-summary'] },
  },
})
