import { defineConfig, mergeConfig } from 'vitest/config'
import { BASE, UNITS } from './vitest.config.ts'

/** `npm run test:quick`: the unit tests, those of Better Auth on SQLite alone. */
export default mergeConfig(BASE, defineConfig({ test: { env: { LATCHKEY_ENGINES: 'SQLite' }, projects: UNITS } }))
