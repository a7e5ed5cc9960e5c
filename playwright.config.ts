import { defineConfig } from '@playwright/test'

// Browsers that a spec starts again on what they stored are whole ones: `e2e/support/account.ts`.
const executablePath = process.env['LATCHKEY_HEADLESS_SHELL'] ?? process.env['LATCHKEY_CHROMIUM']
const isRoot = process.getuid?.() === 0

export default defineConfig({
  testDir: 'e2e/specs',
  outputDir: 'e2e/.results',
  globalSetup: './e2e/support/global-setup.ts',
  // A file stays in one worker, which starts its servers once.
  fullyParallel: false,
  // Pages wait for servers and for each other: three for two processors.
  workers: '150%',
  forbidOnly: true,
  // Guards against hanging, not limits on speed.
  timeout: 120_000,
  expect: { timeout: 30_000 },
  reporter: 'list',
  use: {
    browserName: 'chromium',
    launchOptions: {
      ...(executablePath && { executablePath }),
      args: [
        ...(isRoot ? ['--no-sandbox'] : []),
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--disable-quic',
        // One process fewer beside those of the pages.
        '--in-process-gpu',
        // An address in a local network, which browsers take for insecure, unlike `localhost`.
        '--host-resolver-rules=MAP notes.test 127.0.0.1',
      ],
    },
  },
})
