#!/usr/bin/env bash
#
# vitest 4.1.12, jsdom 29.1.1, happy-dom 21.0.4, fake-indexeddb 6.2.8, idb-keyval 6.3.0
#
# Expectation: fake-indexeddb in a test with a document: a Blob that is stored comes back as a Blob, or the store
# refuses what it cannot clone; and its errors are DOMExceptions, as in browsers and as in vitest's environment
# node.
#
# Seen: In both environments with a document the Blob comes back as an object without content, and nothing is said.
# A refusal is no instance of the DOMException that the test and the code under test see.
#
# Who is hurt: Attachments, avatars, backups kept as Blobs: tests of "it is still there after a reload" compare
# nothing with nothing. Code that sorts storage errors by instanceof DOMException takes its other branch in tests
# only.
#
# Remedy: Store ArrayBuffers, or run such tests in the environment node or a browser; sort errors by name.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  vitest@4.1.12 jsdom@29.1.1 happy-dom@21.0.4 fake-indexeddb@6.2.8 idb-keyval@6.3.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

writeFileSync(
  'probe.test.mjs',
  `
import 'fake-indexeddb/auto'
import { writeFileSync } from 'node:fs'
import { get, set } from 'idb-keyval'
import { test } from 'vitest'

test('storage', async () => {
  await set('blob', new Blob(['text']))
  const blob = await get('blob')
  const refused = await set('function', () => {}).catch((error) => error)
  writeFileSync(
    'seen.json',
    ['Blob: ' + (blob instanceof Blob) + ' ' + Object.prototype.toString.call(blob) + ' ' + blob.size, refused.name + ': DOMException ' + (refused instanceof DOMException)].join('\\n'),
  )
})
`,
)
for (const environment of ['node', 'jsdom', 'happy-dom']) {
  const run = spawnSync('npx', ['vitest', 'run', '--environment', environment], { encoding: 'utf8' })
  if (run.status !== 0) throw new Error(run.stdout + run.stderr)
  console.log(readFileSync('seen.json', 'utf8').replace(/^/gm, `${environment}: `))
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
node: Blob: true [object Blob] 4
node: DataCloneError: DOMException true
jsdom: Blob: false [object Object] undefined
jsdom: DataCloneError: DOMException false
happy-dom: Blob: false [object Object] undefined
happy-dom: DataCloneError: DOMException false
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: vitest 4.1.12, jsdom 29.1.1, happy-dom 21.0.4, fake-indexeddb 6.2.8, idb-keyval 6.3.0'
echo 'expected: a Blob, and a DOMException'
echo 'seen:     an empty object, and another class of DOMException'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
