#!/usr/bin/env bash
#
# cbor2 2.3.0, cborg 6.1.5, cbor 10.0.12
#
# Expectation: cbor2, the successor of cbor, encodes a Buffer as a byte string, as cbor and every other library do: a
# Buffer is a Uint8Array.
#
# Seen: A Buffer becomes the map {type: "Buffer", data: [...]}, as in JSON: its class is not registered, so toJSON is
# called. It is decoded as that object. A Uint8Array is a byte string, unlike in cbor, where it is tagged. An Error is
# {} without a word. The README shows how Buffer is registered, as an example of how a class can be.
#
# Who is hurt: Servers in Node that move from cbor to cbor2: keys, hashes and credential ids from crypto, fs or a
# database, all Buffers, are five times as long and are no bytes for any other reader; a COSE key made so is refused.
# Tests with Uint8Array pass.
#
# Remedy: registerEncoder for Buffer at the start of the program, or new Uint8Array(buffer) at every place.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  cbor2@2.3.0 cborg@6.1.5 cbor@10.0.12 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import cbor from 'cbor'
import { decode, encode } from 'cbor2'
import * as cborg from 'cborg'

const hex = (bytes) => Buffer.from(bytes).toString('hex')
for (const [name, value] of Object.entries({ Uint8Array: Uint8Array.of(1, 2), Buffer: Buffer.of(1, 2) })) {
  console.log(`${name}: cborg ${hex(cborg.encode(value))}, cbor ${hex(cbor.encode(value))}, cbor2 ${hex(encode(value))}`)
  console.log('  decoded by cbor2:', decode(encode(value)))
}
console.log('an Error:', decode(encode(new Error('no connection'))))
SCRIPT

cat >surprise.txt <<'OUTPUT'
Uint8Array: cborg 420102, cbor d840420102, cbor2 420102
  decoded by cbor2: Uint8Array(2) [ 1, 2 ]
Buffer: cborg 420102, cbor 420102, cbor2 a26474797065664275666665726464617461820102
  decoded by cbor2: { type: 'Buffer', data: [ 1, 2 ] }
an Error: {}
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: cbor2 2.3.0, cborg 6.1.5, cbor 10.0.12'
echo 'expected: 42 01 02'
echo 'seen:     a map with the text "Buffer"'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
