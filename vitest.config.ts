import { type UserWorkspaceConfig, defineConfig, mergeConfig } from 'vitest/config'
import { CAMPAIGNS } from './e2e/tools/campaigns/campaign-files.mjs'

/** What `@better-auth/expo` imports runs on a phone only: the tests of `latchkey/expo` have stubs. */
const NATIVE_MODULES = /^(react-native|expo-(constants|linking|network|web-browser))$/

const TESTS = ['{lib,adapters,e2e/app,e2e/explore,e2e/published}/**/*.test.ts']

/**
 * What changes the whole process before it imports anything, so that no other file may share its modules; what needs
 * the globals as they were; what counts its timers, which clients of another file may still set; or what replaces a
 * module of Node in a module of ours that another file may have imported already.
 */
const ALONE = [
  'adapters/account/clerk-engines.test.ts',
  'adapters/better-auth/{hooks/base-url-hint,routes/shared-limit}.test.ts',
  'adapters/triplit/*.test.ts',
  'lib/client/bare-engine.test.ts',
  'lib/client/wake-ups.test.ts',
  'lib/keystore/file.test.ts',
  'lib/server/sources/better-auth-cookie.test.ts',
  'lib/tokens/public-key.test.ts',
]

/**
 * Files of one project share their worker's modules: to import Better Auth for each file takes longer than its tests.
 *
 * @param exclude - patterns of the files that belong to the other projects
 */
const shared = (name: string, include: string[], exclude: string[]): UserWorkspaceConfig => ({
  extends: true,
  test: { name, include, exclude: ['**/node_modules/**', ...ALONE, ...exclude], isolate: false },
})

const units = (name: string, others: string[]): UserWorkspaceConfig => shared(name, TESTS, [...CAMPAIGNS, ...others])

/** The unit tests, which `npm run test:quick` runs on SQLite alone. */
export const UNITS = [
  units('server', ['lib/!(server)/**', 'adapters/!(better-auth)/**', 'e2e/**']),
  units('client', ['lib/!(client|*.test.ts)/**', 'adapters/**', 'e2e/**']),
  units('rest', ['lib/{client,server}/**', 'lib/*.test.ts', 'adapters/better-auth/**']),
]

/** What the projects of both configurations share. */
export const BASE = defineConfig({
  resolve: {
    alias: [
      {
        find: NATIVE_MODULES,
        replacement: new URL('adapters/expo/native-modules.testing.ts', import.meta.url).pathname,
      },
    ],
  },
  test: {
    server: { deps: { inline: ['@better-auth/expo'] } },
    // A guard against hanging, not a limit on speed.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    // Files wait for databases and processes: one worker for each processor, instead of one less.
    maxWorkers: '100%',
    setupFiles: ['adapters/better-auth/testing/after-each-file.testing.ts'],
    globalSetup: ['postgres', 'run-folder'].map((name) => `adapters/better-auth/testing/${name}.testing.ts`),
    coverage: { include: ['lib/**/*.ts'], exclude: ['**/*.test.ts'], reporter: ['text', 'json-summary'] },
  },
})

export default mergeConfig(
  BASE,
  defineConfig({
    test: {
      projects: [
        shared('campaigns', [...CAMPAIGNS], []),
        { extends: true, test: { name: 'alone', include: ALONE } },
        ...UNITS,
      ],
    },
  }),
)
