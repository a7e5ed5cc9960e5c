#!/usr/bin/env bash
#
# bson 7.3.4
#
# Expectation: EJSON writes whatever BSON can hold so that EJSON.parse gives it back; both belong to one package.
# BSON.serialize takes a Buffer and a Uint8Array as binary data, so EJSON.stringify writes $binary for them, as it
# writes $date for a Date.
#
# Seen: EJSON.stringify writes an object of numbers for both, relaxed and canonical, and EJSON.parse gives this object
# back. Only an instance of Binary becomes $binary. Nothing throws.
#
# Who is hurt: Exports, backups and test fixtures of a MongoDB collection or a local store that are made from the app's
# own records instead of what the driver has read: keys, signatures and CRDT updates in them are objects without a
# length once they are imported, and they are noticed at the first use.
#
# Remedy: new Binary(bytes) before EJSON.stringify, or EJSON.stringify(BSON.deserialize(BSON.serialize(record))).
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  bson@7.3.4 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { BSON, Binary, EJSON } from 'bson'

const bytes = Uint8Array.of(1, 2, 255)
const values = { Uint8Array: bytes, Buffer: Buffer.from(bytes), Binary: new Binary(bytes), Date: new Date(0) }
for (const [name, value] of Object.entries(values)) {
  const viaBson = BSON.deserialize(BSON.serialize({ value })).value
  for (const relaxed of [true, false]) {
    const text = EJSON.stringify({ value }, { relaxed })
    const kind = relaxed ? 'relaxed' : 'canonical'
    console.log(`${name}, ${kind}: ${text}, parsed: ${EJSON.parse(text).value.constructor.name}, via BSON: ${viaBson.constructor.name}`)
  }
}
const record = { value: bytes }
console.log('after a round through BSON:', EJSON.stringify(BSON.deserialize(BSON.serialize(record))))
SCRIPT

cat >surprise.txt <<'OUTPUT'
Uint8Array, relaxed: {"value":{"0":1,"1":2,"2":255}}, parsed: Object, via BSON: Binary
Uint8Array, canonical: {"value":{"0":{"$numberInt":"1"},"1":{"$numberInt":"2"},"2":{"$numberInt":"255"}}}, parsed: Object, via BSON: Binary
Buffer, relaxed: {"value":{"0":1,"1":2,"2":255}}, parsed: Object, via BSON: Binary
Buffer, canonical: {"value":{"0":{"$numberInt":"1"},"1":{"$numberInt":"2"},"2":{"$numberInt":"255"}}}, parsed: Object, via BSON: Binary
Binary, relaxed: {"value":{"$binary":{"base64":"AQL/","subType":"00"}}}, parsed: Binary, via BSON: Binary
Binary, canonical: {"value":{"$binary":{"base64":"AQL/","subType":"00"}}}, parsed: Binary, via BSON: Binary
Date, relaxed: {"value":{"$date":"1970-01-01T00:00:00Z"}}, parsed: Date, via BSON: Date
Date, canonical: {"value":{"$date":{"$numberLong":"0"}}}, parsed: Date, via BSON: Date
after a round through BSON: {"value":{"$binary":{"base64":"AQL/","subType":"00"}}}
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: bson 7.3.4'
echo 'expected: $binary, and bytes again after parse'
echo 'seen:         an object of numbers, while serialize and deserialize keep the bytes'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
