import { defineConfig, mergeConfig } from 'vitest/config'
import { BASE, UNITS } from './vitest.config.ts'

/** Whole flows: a server of Better Auth in each test. `npx vitest run adapters/better-auth` runs them. */
const FLOWS = ['adapters/better-auth/{pairing,attacks}.test.ts', 'adapters/better-auth/{client,hooks,routes}/**']

/** `npm run test:quick`: the unit tests, those of Better Auth on SQLite alone. */
export default mergeConfig(
  BASE,
  defineConfig({ test: { env: { LATCHKEY_ENGINES: 'SQLite' }, exclude: FLOWS, projects: UNITS } }),
)
