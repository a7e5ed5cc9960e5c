// Runs the derivation, the tokens and @noble of the built package in the engines of phones, against the vectors.
// `node e2e/tools/campaigns/engines.mjs [--hermes PATH] [--jsc PATH]`: Hermes is in the npm package hermes-engine-cli,
// `jsc` in Debian's libjavascriptcoregtk-4.0-bin. Prints a row for each engine; one that is not there is named so.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import ts from 'typescript'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const { build } = createRequire(createRequire(import.meta.url).resolve('@size-limit/esbuild'))('esbuild')
const { values } = parseArgs({
  options: { hermes: { type: 'string', default: 'hermes' }, jsc: { type: 'string', default: 'jsc' } },
})
const vectors = readFileSync(join(root, 'lib/vectors/latchkey-v1.json'), 'utf8')

// What React Native gives to an app, as far as this needs it.
const SHIM = `
var crypto = {}
var TextEncoder = function () {}
TextEncoder.prototype.encode = function (text) {
  return Uint8Array.from(unescape(encodeURIComponent(text)), function (c) { return c.charCodeAt(0) })
}
var DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
var btoa = function (text) {
  var out = ''
  for (var i = 0; i < text.length; i += 3) {
    var n = (text.charCodeAt(i) << 16) | ((text.charCodeAt(i + 1) || 0) << 8) | (text.charCodeAt(i + 2) || 0)
    for (var k = 0; k < 4; k++) out += i + k > text.length ? '=' : DIGITS[(n >> (18 - 6 * k)) & 63]
  }
  return out
}
var atob = function (text) {
  var bits = 0, count = 0, out = ''
  for (var i = 0; i < text.length && text[i] !== '='; i++) {
    bits = ((bits << 6) | DIGITS.indexOf(text[i])) & 0xffff
    count += 6
    if (count >= 8) out += String.fromCharCode((bits >> (count -= 8)) & 255)
  }
  return out
};
`
const PROGRAM = `
import { openDeviceKey } from './dist/lib/identity/device-key.js'
import { parseSecret } from './dist/lib/identity/secret.js'
import { nobleSuite } from './dist/lib/identity/noble.js'
import { mintToken } from './dist/lib/tokens/mint.js'
const VECTORS = ${vectors}
async function run() {
  let passed = 0
  const begun = Date.now()
  let first = 0
  for (const { secret, x, principal, now, token } of VECTORS.identities) {
    const key = await openDeviceKey(parseSecret(secret), nobleSuite)
    first ||= Date.now() - begun
    const minted = await mintToken(key, { audience: 'https://notes.example', now })
    if (key.x === x && key.principal === principal && minted === token) passed++
  }
  print(JSON.stringify({ passed, of: VECTORS.identities.length, first }))
}
run().catch((error) => print('failed: ' + error + error.stack))
`
const folder = mkdtempSync(join(tmpdir(), 'latchkey-engines-'))
try {
  const stdin = { contents: PROGRAM, resolveDir: root }
  const { outputFiles } = await build({ stdin, bundle: true, format: 'iife', target: 'es2020', write: false })
  const modern = outputFiles[0].text
  // As Metro does for Hermes: without classes and block scopes. TypeScript would make powers of BigInt `Math.pow`.
  const powers = modern.replace(/\b(\d+)n \*\* (\d+)n/g, (_, base, power) => `${BigInt(base) ** BigInt(power)}n`)
  const compilerOptions = { target: ts.ScriptTarget.ES5, downlevelIteration: true, ignoreDeprecations: '6.0' }
  const old = () => ts.transpileModule(powers, { compilerOptions }).outputText
  console.log('engine  vectors  first key')
  for (const [name, command, code] of [
    ['jsc', values.jsc, () => modern],
    ['hermes', values.hermes, old],
  ]) {
    const file = join(folder, `${name}.js`)
    writeFileSync(file, SHIM + code())
    const { stdout, stderr, error } = spawnSync(command, [file], { encoding: 'utf8' })
    const row = /^\{.*\}$/m.exec(stdout ?? '')?.[0]
    if (error || !row) console.log(`${name.padEnd(7)} ${error ? 'is not there' : `${stdout}${stderr}`.slice(0, 600)}`)
    else {
      const { passed, of, first } = JSON.parse(row)
      console.log(`${name.padEnd(7)} ${`${passed}/${of}`.padEnd(8)} ${first} ms`)
      if (passed !== of) process.exitCode = 1
    }
  }
} finally {
  rmSync(folder, { recursive: true })
}
