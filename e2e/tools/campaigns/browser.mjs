// Finds a Chromium for the tests, and installs one where there is none.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium } from '@playwright/test'

const SYSTEM_NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']
const SHELL = 'chromium-headless-shell'

/**
 * Playwright's own browser or a system Chromium where there is one; else Playwright's, if it can be downloaded, or
 * Debian's package when root.
 *
 * @returns {string} the path of the program
 * @throws {Error} with what to do, where none of these works
 */
export function findBrowser() {
  const told = process.env['LATCHKEY_CHROMIUM']
  if (told) return told
  return ownBrowser() ?? findProgram(SYSTEM_NAMES) ?? downloadBrowser() ?? installBrowser() ?? fail()
}

/**
 * The part of Chromium that has pages and no windows takes half the processor time of the whole: Playwright's own where
 * it is there, else a system one, else Debian's package when root.
 *
 * @param {string} browser the whole one, for where there is no such part
 * @returns {string} the path of the program
 */
export function findShell(browser) {
  if (process.env['LATCHKEY_CHROMIUM']) return browser
  if (browser === chromium.executablePath()) return ownShell() ?? browser
  return findProgram([SHELL]) ?? installShell(browser) ?? browser
}

/** Playwright has it in a folder beside its browser, and does not tell the name. */
function ownShell() {
  const path = chromium
    .executablePath()
    .replace(/chromium-(\d+)/, 'chromium_headless_shell-$1')
    .replace(/chrome-(linux64|linux|mac-[a-z0-9]+|win64)(?=[\\/])/, 'chrome-headless-shell-$1')
    .replace(/chrome(?=(\.exe)?$)/, 'chrome-headless-shell')
  return existsSync(path) ? path : undefined
}

/** @param {string} browser */
function installShell(browser) {
  // Other systems than Debian have no such package.
  if (browser === '/usr/bin/chromium') installPackages([SHELL])
  return findProgram([SHELL])
}

function ownBrowser() {
  const path = chromium.executablePath()
  return existsSync(path) ? path : undefined
}

/**
 * @param {string[]} names any of them will do
 * @returns {string | undefined} the path of the first that is there
 */
export function findProgram(names) {
  const folders = ['/usr/bin', '/usr/local/bin', ...(process.env['PATH'] ?? '').split(delimiter)]
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find(isProgram)
}

/** @param {string} path */
function isProgram(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function downloadBrowser() {
  console.log('There is no Chromium yet: trying to download it.')
  run(process.execPath, [
    join(import.meta.dirname, '../../../node_modules/@playwright/test/cli.js'),
    'install',
    'chromium',
  ])
  return ownBrowser()
}

function installBrowser() {
  installPackages(['chromium'])
  return findProgram(SYSTEM_NAMES)
}

/**
 * Installs Debian packages where that is possible, and does nothing elsewhere.
 *
 * @param {string[]} names
 */
export function installPackages(names) {
  if (process.getuid?.() !== 0 || !isProgram('/usr/bin/apt-get')) return
  console.log(`Installing Debian packages: ${names.join(' ')}`)
  run('apt-get', ['update', '-qq'])
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...names])
}

/**
 * @param {string} program
 * @param {string[]} parameters
 */
function run(program, parameters) {
  // A download that is refused says so at length: what matters is whether a browser is there afterwards.
  spawnSync(program, parameters, {
    stdio: 'ignore',
    timeout: 300_000,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
}

/** @returns {never} */
function fail() {
  throw new Error('No Chromium: run `npx playwright install chromium`, or set LATCHKEY_CHROMIUM to the path of one.')
}
