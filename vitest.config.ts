import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{lib,adapters,e2e/package}/**/*.test.ts'],
    coverage: { include: ['lib/**/*.ts'], exclude: ['**/*.test.ts'], reporter: ['text', 'json-summary'] },
  },
})
