#!/usr/bin/env bash
#
# @levischuck/tiny-cbor 0.2.11
#
# Expectation: A text is encoded with the length of its UTF-8 bytes, as RFC 8949 says, and can be decoded again. Bytes
# are decoded where the Uint8Array begins, also if it is a view of a larger buffer, as every Buffer of Node may be.
#
# Seen: The length in the header is that of the JavaScript string, so any text with a letter outside ASCII is not
# well-formed CBOR: the decoder of the same package reports an error, and so does every other one. A map with such a
# text anywhere in it is lost as a whole. A view is read from the start of its buffer: the same three bytes are [9, 9]
# as a copy and [1, 2] as a view, without an error if the lengths agree.
#
# Who is hurt: Passkey servers and wallets that took the decoder that comes with @simplewebauthn/server for data of
# their own: names are stored that nothing can read, found out when the first person with an accent signs up. A message
# that was received as a part of a larger one is taken for another.
#
# Remedy: cborg or cbor2 for data of one's own; Uint8Array.from(bytes) for every decodeCBOR (slice of a Buffer is a
# view), and encodeCBOR only for bytes, numbers and ASCII.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @levischuck/tiny-cbor@0.2.11 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { decodeCBOR, encodeCBOR } from '@levischuck/tiny-cbor'

const attempt = (act) => {
  try {
    return act()
  } catch (error) {
    return `error: ${error.message}`
  }
}
const hex = (bytes) => Buffer.from(bytes).toString('hex')
for (const name of ['Zoe', 'Zoë', '名前']) {
  const bytes = encodeCBOR(name)
  const decoded = attempt(() => decodeCBOR(bytes))
  console.log(`${name}: length in the header ${bytes[0] & 31}, bytes that follow ${bytes.length - 1}:`, decoded)
}
console.log('in a map:', attempt(() => decodeCBOR(encodeCBOR(new Map([['name', 'Zoë'], ['age', 7]])))))

// 82 01 02 is the array [1, 2], and 82 09 09 is [9, 9].
const stored = Uint8Array.of(0x82, 1, 2, 0x82, 9, 9)
console.log('a copy of the second half:', hex(stored.slice(3)), decodeCBOR(stored.slice(3)))
console.log('a view of the second half:', hex(stored.subarray(3)), decodeCBOR(stored.subarray(3)))
SCRIPT

cat >surprise.txt <<'OUTPUT'
Zoe: length in the header 3, bytes that follow 3: Zoe
Zoë: length in the header 3, bytes that follow 4: error: Data was decoded, but the whole stream was not processed 4 != 5
名前: length in the header 2, bytes that follow 6: error: Data was decoded, but the whole stream was not processed 3 != 7
in a map: error: Map is not supported or well formed
a copy of the second half: 820909 [ 9, 9 ]
a view of the second half: 820909 [ 1, 2 ]
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @levischuck/tiny-cbor 0.2.11'
echo 'expected: Zoë, and [9, 9] twice'
echo 'seen:     bytes that are no CBOR, and [1, 2] for the view'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
