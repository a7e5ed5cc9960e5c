// `npm run test:expo`: exports a small app (e2e/expo) for Android and the web, offline, with the packed package. It
// installs Expo and React Native in e2e/.expo, which stays; `LATCHKEY_EXPO` names another folder.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const at = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url))
const folder = process.env['LATCHKEY_EXPO'] ?? at('../../.expo')

const PACKAGES = {
  '@better-auth/expo': '^1.7.6',
  'better-auth': '^1.7.25',
  expo: '58.0.26',
  'expo-constants': '58',
  'expo-crypto': '57',
  'expo-file-system': '58',
  'expo-linking': '58',
  'expo-network': '57',
  'expo-secure-store': '57',
  'expo-web-browser': '57',
  react: '19.3.0',
  'react-dom': '19.3.0',
  'react-native': '0.88.1',
  'react-native-web': '0.21',
}

/** Texts of Latchkey that stay in a bundle, with where they are. */
const MARKS = {
  'the client': 'urn:latchkey:local-first',
  'the proof header': 'x-latchkey-proof',
  'what loads later': 'UPGRADE_IN_PROGRESS',
}
const NATIVE_MARKS = { ...MARKS, 'latchkey/expo': 'AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY' }

/** @param {string[]} parameters @param {string} cwd */
const npm = (parameters, cwd) =>
  execFileSync('npm', [...parameters, '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts'], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })

function install() {
  mkdirSync(folder, { recursive: true })
  const manifest = { name: 'notes', version: '1.0.0', private: true, main: 'index.js', dependencies: PACKAGES }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest, null, 2))
  // The peers of Expo's packages contradict each other.
  if (!existsSync(join(folder, 'node_modules/.package-lock.json'))) npm(['install', '--legacy-peer-deps'], folder)
  const [{ filename }] = JSON.parse(npm(['pack', at('../../..'), '--json', '--pack-destination', folder], folder))
  // Without the registry: only the package's own files, and the dependencies that it brings.
  const own = join(folder, 'node_modules/latchkey')
  rmSync(own, { recursive: true, force: true })
  npm(['install', `./${filename}`, '--legacy-peer-deps', '--no-save'], folder)
  cpSync(at('../../expo'), folder, { recursive: true })
}

/** @param {'android' | 'web'} platform @param {Record<string, string>} marks */
function exportFor(platform, marks) {
  const output = join(folder, 'out', platform)
  rmSync(output, { recursive: true, force: true })
  const started = performance.now()
  const parameters = ['expo', 'export', '--platform', platform, '--output-dir', output]
  execFileSync('npx', parameters, {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, CI: '1', EXPO_OFFLINE: '1', EXPO_NO_TELEMETRY: '1', NODE_ENV: 'production' },
  })
  const files = readdirSync(output, { recursive: true, encoding: 'utf8' }).filter((file) => /\.(js|hbc)$/.test(file))
  const codes = files.map((file) => readFileSync(join(output, file), 'latin1'))
  const missing = Object.keys(marks).filter((part) => !codes.some((code) => code.includes(marks[part] ?? '')))
  const size = codes.reduce((sum, code) => sum + code.length, 0)
  const seconds = ((performance.now() - started) / 1000).toFixed(0)
  console.log(`${platform}: ${files.length} bundles, ${(size / 1024).toFixed(0)} kB, ${seconds} s`)
  if (platform === 'android' && !files.some((file) => file.endsWith('.hbc'))) missing.push('bytecode of Hermes')
  if (missing.length > 0) throw new Error(`The bundle for ${platform} lacks ${missing.join(', ')}`)
}

install()
exportFor('android', NATIVE_MARKS)
exportFor('web', MARKS)
