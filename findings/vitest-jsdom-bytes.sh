#!/usr/bin/env bash
#
# vitest 4.1.12, jsdom 29.1.1, jose 6.2.18
#
# Expectation: Under vitest's environment jsdom, unlike Jest's, tests share Node's realm, so the classes of bytes
# are Node's: what TextEncoder and Buffer give is a Uint8Array, WebCrypto takes the ArrayBuffer of a Blob, Response
# takes the Blob, and jose signs.
#
# Seen: vitest puts jsdom's Uint8Array and Blob in place of Node's and leaves TextEncoder and Buffer: what these
# give is not an instance of Uint8Array, and jose refuses it, "must be ... Uint8Array. Received an instance of
# Uint8Array". WebCrypto refuses a Blob's ArrayBuffer, although instanceof says that it is one, and Response a Blob.
#
# Who is hurt: Tests of everything that signs, hashes or checks bytes with instanceof, with messages that contradict
# themselves; and code that falls back on another implementation after a refusal is tested in the fallback only,
# without a sign of it.
#
# Remedy: Tests of such code in the environment node, by a comment at the top of the file; in libraries
# ArrayBuffer.isView instead of instanceof.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  vitest@4.1.12 jsdom@29.1.1 jose@6.2.18 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

writeFileSync(
  'probe.test.mjs',
  `
import { writeFileSync } from 'node:fs'
import { SignJWT } from 'jose'
import { test } from 'vitest'

async function attempt(name, run) {
  try {
    return name + ': ' + (await run())
  } catch (error) {
    return name + ': ' + error.name + ', ' + error.message
  }
}
test('bytes', async () => {
  const bytes = new TextEncoder().encode('a secret of at least thirty-two bytes')
  const buffer = await new Blob(['text']).arrayBuffer()
  const lines = [
    await attempt('TextEncoder gives a Uint8Array', () => bytes instanceof Uint8Array),
    await attempt('Buffer is a Uint8Array', () => Buffer.from('text') instanceof Uint8Array),
    await attempt('jose', () => new SignJWT({}).setProtectedHeader({ alg: 'HS256' }).sign(bytes)),
    await attempt('Blob gives an ArrayBuffer', () => buffer instanceof ArrayBuffer),
    await attempt('digest', () => crypto.subtle.digest('SHA-256', buffer)),
    await attempt('Response', () => new Response(new Blob(['text'])).text()),
  ]
  writeFileSync('seen.json', lines.join('\\n'))
})
`,
)
for (const environment of ['jsdom']) {
  const run = spawnSync('npx', ['vitest', 'run', '--environment', environment], { encoding: 'utf8' })
  if (run.status !== 0) throw new Error(run.stdout + run.stderr)
  console.log(readFileSync('seen.json', 'utf8').replace(/^/gm, `${environment}: `))
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
jsdom: TextEncoder gives a Uint8Array: false
jsdom: Buffer is a Uint8Array: false
jsdom: jose: TypeError, Key for the HS256 algorithm must be one of type CryptoKey, KeyObject, JSON Web Key, or Uint8Array. Received an instance of Uint8Array
jsdom: Blob gives an ArrayBuffer: true
jsdom: digest: TypeError, Failed to execute 'digest' on 'SubtleCrypto': 2nd argument is not instance of ArrayBuffer, Buffer, TypedArray, or DataView.
jsdom: Response: TypeError, object.stream is not a function
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: vitest 4.1.12, jsdom 29.1.1, jose 6.2.18'
echo 'expected: bytes are Uint8Array and ArrayBuffer of Node, accepted'
echo 'seen:     bytes of another realm, refused with contradictory words'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
