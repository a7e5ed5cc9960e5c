import { defineConfig } from '@playwright/test'

const PORT = '4173'
const baseURL = `http://localhost:${PORT}`

/** Tests the built app, on a database of its own: `npm run build && npm test`. */
export default defineConfig({
  testDir: 'tests',
  use: { baseURL },
  webServer: {
    command: 'npm start',
    url: baseURL,
    env: { PORT, ORIGIN: baseURL, BETTER_AUTH_URL: baseURL, DATA_DIR: `.data/test-${Date.now()}` },
  },
})
