import { defineConfig, mergeConfig } from 'vitest/config'
import base from './vitest.config.ts'

/** What takes long: random walks, crashes, races, server processes, the file keystore, the command line. */
const CAMPAIGNS = [
  'lib/**/{model,faults,*-fuzz}.test.ts',
  'lib/client/races.test.ts',
  'lib/keystore/{file,file-processes}.test.ts',
  'adapters/account/binding-store.test.ts',
  'adapters/better-auth/{binding/crash,binding/race,routes/adopt-race,hooks/lifecycle}.test.ts',
  'adapters/cli/**',
  'adapters/triplit/**',
  'e2e/**',
]

/** `npm run test:quick`: the unit tests, those of Better Auth on SQLite alone. */
export default mergeConfig(
  base,
  defineConfig({
    test: {
      exclude: ['**/node_modules/**', ...CAMPAIGNS],
      env: { LATCHKEY_ENGINES: 'SQLite' },
    },
  }),
)
