#!/usr/bin/env bash
#
# broadcast-channel 7.4.0
#
# Expectation: A polyfill that has the name and the interface of BroadcastChannel passes what BroadcastChannel passes:
# structured clones. Its native and simulated methods do so, and the README says nothing else.
#
# Seen: The method that Node uses by default writes JSON. A Uint8Array is { "0": 1, "1": 2 }, a Date is a string, a Map
# is {}, NaN is null. Nothing throws.
#
# Who is hurt: Tabs that share a signed challenge, a public key or a Yjs update work in the browser, and in tests under
# Node the receiver verifies a key of length undefined. The localStorage fallback of old browsers does the same to
# users.
#
# Remedy: Send strings (base64url for bytes), or use the built-in BroadcastChannel, which Node has had since version 18.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  broadcast-channel@7.4.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { BroadcastChannel as Polyfill } from 'broadcast-channel'

const message = { key: new Uint8Array([1, 2]), at: new Date(0), names: new Map([['a', 1]]), skew: NaN }
const show = (label, data) => console.log(label, data)

const native = [new BroadcastChannel('auth'), new BroadcastChannel('auth')]
await new Promise((resolve) => {
  native[1].onmessage = (event) => resolve(show('built in:', event.data))
  native[0].postMessage(message)
})

const polyfill = [new Polyfill(`auth-${process.pid}`), new Polyfill(`auth-${process.pid}`)]
await new Promise((resolve) => {
  polyfill[1].onmessage = (data) => resolve(show(`${polyfill[0].type}:`, data))
  polyfill[0].postMessage(message)
})
await Promise.all(polyfill.map((channel) => channel.close()))
process.exit()
SCRIPT

cat >surprise.txt <<'OUTPUT'
built in: {
  key: Uint8Array(2) [ 1, 2 ],
  at: 1970-01-01T00:00:00.000Z,
  names: Map(1) { 'a' => 1 },
  skew: NaN
}
node: {
  key: Uint8Array(2) [ 1, 2 ],
  at: 1970-01-01T00:00:00.000Z,
  names: Map(1) { 'a' => 1 },
  skew: NaN
}
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: broadcast-channel 7.4.0'
echo 'expected: structured clone, as the name says'
echo 'seen:     JSON'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
