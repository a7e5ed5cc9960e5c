#!/usr/bin/env bash
#
# cbor 10.0.12, cborg 6.1.5
#
# Expectation: A Uint8Array is a CBOR byte string, as COSE, WebAuthn and CWT have it; a Buffer with the same bytes,
# being a Uint8Array, gives the same encoding.
#
# Seen: cbor writes a Buffer as a byte string and a Uint8Array under tag 64 (typed arrays, RFC 8746). cborg refuses
# the tag.
#
# Who is hurt: A COSE key or a signed structure whose bytes come from WebCrypto or @noble (Uint8Array) instead of
# node:crypto (Buffer): two encodings of one value, so signatures and thumbprints differ between server and browser,
# and strict readers refuse one of them. Tests with Buffer never see it.
#
# Remedy: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) before cbor, or cborg.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  cbor@10.0.12 cborg@6.1.5 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import cbor from 'cbor'
import * as cborg from 'cborg'

for (const bytes of [Buffer.from([1, 2]), new Uint8Array([1, 2])]) {
  const encoded = cbor.encode(bytes)
  let read
  try {
    read = `bytes ${cborg.decode(encoded)}`
  } catch (error) {
    read = error.message
  }
  console.log(bytes.constructor.name, 'cborg:', Buffer.from(cborg.encode(bytes)).toString('hex'), 'cbor:', encoded.toString('hex'), '- cborg reads it:', read)
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
Buffer cborg: 420102 cbor: 420102 - cborg reads it: bytes 1,2
Uint8Array cborg: 420102 cbor: d840420102 - cborg reads it: CBOR decode error: tag not supported (64)
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: cbor 10.0.12, cborg 6.1.5'
echo 'expected: equal bytes, equal encoding'
echo 'seen:     Uint8Array gets a tag that Buffer does not, and another library refuses it'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
