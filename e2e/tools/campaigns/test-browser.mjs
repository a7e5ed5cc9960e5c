// Runs the Playwright specs with whatever Chromium this machine has or can get.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { findBrowser, findShell } from './browser.mjs'

try {
  const browser = findBrowser()
  const shell = findShell(browser)
  console.log(`Browser: ${browser}${shell === browser ? '' : `, and ${shell} for pages`}`)
  const cli = fileURLToPath(new URL('../../../node_modules/@playwright/test/cli.js', import.meta.url))
  const { status } = spawnSync(process.execPath, [cli, 'test', ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, LATCHKEY_CHROMIUM: browser, LATCHKEY_HEADLESS_SHELL: shell },
  })
  process.exitCode = status ?? 1
} catch (error) {
  console.error(/** @type {Error} */ (error).message)
  process.exitCode = 1
}
