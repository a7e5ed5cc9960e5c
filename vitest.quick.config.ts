import { type UserWorkspaceConfig, defineConfig, mergeConfig } from 'vitest/config'
import base from './vitest.config.ts'

/** What takes long: random walks, crashes, races, server processes, the file keystore, the command line. */
const CAMPAIGNS = [
  'lib/**/{model,faults,*-fuzz}.test.ts',
  'lib/client/{bare-engine,races}.test.ts',
  'lib/keystore/{file,file-processes}.test.ts',
  'adapters/account/binding-{store,processes}.test.ts',
  'adapters/better-auth/{binding/crash,binding/race,routes/{adopt,pair}-race,hooks/lifecycle,hooks/verified-email}.test.ts',
  'adapters/cli/**',
  'adapters/triplit/**',
  'e2e/**',
]

/** What changes the whole process before it imports anything, so that no other file may share its modules. */
const ALONE = ['adapters/better-auth/{base-url-hint,routes/shared-limit}.test.ts', 'lib/tokens/public-key.test.ts']

/**
 * Files of one project share their worker's modules: to import Better Auth for each file takes longer than its tests.
 * In the whole suite each file has its own.
 */
const shared = (name: string, others: string[]): UserWorkspaceConfig => ({
  extends: true,
  test: { name, exclude: others, isolate: false },
})

/** `npm run test:quick`: the unit tests, those of Better Auth on SQLite alone. */
export default mergeConfig(
  base,
  defineConfig({
    test: {
      exclude: ['**/node_modules/**', ...CAMPAIGNS, ...ALONE],
      env: { LATCHKEY_ENGINES: 'SQLite' },
      projects: [
        shared('server', ['lib/!(server)/**', 'adapters/!(better-auth)/**']),
        shared('client', ['lib/!(client|*.test.ts)/**', 'adapters/**']),
        shared('rest', ['lib/{client,server}/**', 'lib/*.test.ts', 'adapters/better-auth/**']),
      ],
    },
  }),
)
