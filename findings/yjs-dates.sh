#!/usr/bin/env bash
#
# yjs 13.6.33
#
# Expectation: A shared type takes any JSON value, bytes and bigints, and refuses others: a Map, a Set, an ArrayBuffer
# or an Error throws "Unexpected content type". What it does take is the same on each device; the types list bigint
# without a range.
#
# Seen: A Date is accepted. The writer reads it back as a Date, also in toJSON(), until the document is loaded anew; the
# others get {}. A bigint above 64 bits arrives as its low 64 bits: 2n ** 70n + 5n is 5n.
#
# Who is hurt: "expires" or "last seen" as a Date works in every test on one document; on the second device, and on the
# first after a reload, it is an object without getTime. Ids or public keys kept as bigint arrive as other numbers.
#
# Remedy: Store times as numbers and large integers as strings or bytes, and test with two documents and an update
# between them.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  yjs@13.6.33 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import * as Y from 'yjs'

const one = new Y.Doc()
const two = new Y.Doc()
const values = {
  date: new Date(0),
  nested: { seen: new Date(0) },
  large: 2n ** 70n + 5n,
  small: 2n ** 60n,
  bytes: new Uint8Array([1]),
}
const map = one.getMap('map')
for (const [key, value] of Object.entries(values)) map.set(key, value)
try {
  map.set('set', new Set([1]))
} catch (error) {
  console.log('a Set:', error.message)
}
Y.applyUpdate(two, Y.encodeStateAsUpdate(one))
for (const key of Object.keys(values)) console.log(key, '|', map.get(key), '|', two.getMap('map').get(key))
SCRIPT

cat >surprise.txt <<'OUTPUT'
a Set: Unexpected content type
date | 1970-01-01T00:00:00.000Z | {}
nested | { seen: 1970-01-01T00:00:00.000Z } | { seen: {} }
large | 1180591620717411303429n | 5n
small | 1152921504606846976n | 1152921504606846976n
bytes | Uint8Array(1) [ 1 ] | Uint8Array(1) [ 1 ]
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: yjs 13.6.33'
echo 'expected: both devices read the same'
echo 'seen:     the Date is {} and 2n ** 70n + 5n is 5n on the second device'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
