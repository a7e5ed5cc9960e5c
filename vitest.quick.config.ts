import { defineConfig, mergeConfig } from 'vitest/config'
import { BASE, UNITS } from './vitest.config.ts'

/** Whole flows: several devices, mails and a server in each test. */
const FLOWS = ['adapters/better-auth/{pairing,client/verification,routes/pair}.test.ts']

/** `npm run test:quick`: the unit tests, those of Better Auth on SQLite alone. */
export default mergeConfig(
  BASE,
  defineConfig({ test: { env: { LATCHKEY_ENGINES: 'SQLite' }, exclude: FLOWS, projects: UNITS } }),
)
