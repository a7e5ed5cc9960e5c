import { defineConfig } from '@playwright/test'

const executablePath = process.env['LATCHKEY_CHROMIUM']
const isRoot = process.getuid?.() === 0

export default defineConfig({
  testDir: 'e2e/specs',
  outputDir: 'e2e/.results',
  fullyParallel: true,
  workers: 1,
  forbidOnly: true,
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
      ],
    },
  },
})
