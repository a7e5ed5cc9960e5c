#!/usr/bin/env bash
#
# cbor-x 1.6.9, cborg 6.1.5, cbor 10.0.12
#
# Expectation: The present in milliseconds, an integer that JavaScript holds exactly, is written as a CBOR integer
# and read as a number. RFC 8949 (4.2.2) advises integers for integral values, and cborg and cbor do so.
#
# Seen: cbor-x writes integers above 32 bits as floating point, and reads the integers that the other two write as
# BigInt.
#
# Who is hurt: Records passed between two libraries: a strict reader that expects an integer refuses the timestamp;
# created + 1000 throws "Cannot mix BigInt and other types" for records of the other library and for no own one; a
# signature over the bytes does not survive decoding and encoding again.
#
# Remedy: Seconds instead of milliseconds (as in CWT), or Encoder with { int64AsNumber: true } for reading and a
# BigInt for writing; sign bytes that are kept, never bytes that were encoded anew.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  cbor-x@1.6.9 cborg@6.1.5 cbor@10.0.12 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import cbor from 'cbor'
import * as cborX from 'cbor-x'
import * as cborg from 'cborg'

const libraries = { 'cbor-x': cborX, cborg, cbor }
const created = 1_764_375_600_000
for (const [writer, { encode }] of Object.entries(libraries)) {
  const bytes = encode(created)
  const read = Object.entries(libraries).map(([reader, { decode }]) => `${reader}: ${typeof decode(bytes)}`)
  console.log(writer, 'writes', Buffer.from(bytes).toString('hex'), 'read by', read.join(', '))
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
cbor-x writes fb4279accfb1b80000 read by cbor-x: number, cborg: number, cbor: number
cborg writes 1b0000019accfb1b80 read by cbor-x: bigint, cborg: number, cbor: number
cbor writes 1b0000019accfb1b80 read by cbor-x: bigint, cborg: number, cbor: number
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: cbor-x 1.6.9, cborg 6.1.5, cbor 10.0.12'
echo 'expected: an integer, read as a number'
echo 'seen:     a double in one library, and BigInt where it reads the others'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
