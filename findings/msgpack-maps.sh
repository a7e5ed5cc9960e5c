#!/usr/bin/env bash
#
# @msgpack/msgpack 3.1.3, msgpackr 2.1.4
#
# Expectation: A Map that goes through MessagePack comes back with its entries, in one library and from one to the
# other, or encoding throws; an invalid Date is refused; undefined is nil or undefined.
#
# Seen: @msgpack/msgpack writes a Map or a Set as an empty map and an invalid Date as 1 January 1970, without an error.
# msgpackr reads maps into objects by default, so the keys 1 and "1" of its own Map become one. Its undefined arrives in
# the other library as an ExtData object, which is neither null nor undefined.
#
# Who is hurt: Sync messages and stored sessions with MessagePack: a Set of devices or a Map of settings is empty after
# the first round, and a field that was not set is a truthy object on a server with the other library.
#
# Remedy: Object.fromEntries and arrays before encoding; leave undefined fields out; new Packr({ mapsAsObjects: false
# }).
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @msgpack/msgpack@3.1.3 msgpackr@2.1.4 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { decode, encode } from '@msgpack/msgpack'
import { pack, unpack } from 'msgpackr'

console.log('@msgpack/msgpack: Map', decode(encode(new Map([['a', 1]]))), 'Set', decode(encode(new Set([1]))))
console.log('  invalid Date', decode(encode(new Date(Number.NaN))))
console.log('msgpackr: Map', unpack(pack(new Map([[1, 'number'], ['1', 'string']]))))
console.log('@msgpack/msgpack to msgpackr: Map', unpack(encode(new Map([['a', 1]]))))
const { name, settings } = decode(pack({ name: undefined, settings: new Map([['a', 1]]) }))
console.log('msgpackr to @msgpack/msgpack: undefined is', name?.constructor.name, 'Map', settings)
SCRIPT

cat >surprise.txt <<'OUTPUT'
@msgpack/msgpack: Map {} Set {}
  invalid Date 1970-01-01T00:00:00.000Z
msgpackr: Map { '1': 'string' }
@msgpack/msgpack to msgpackr: Map {}
msgpackr to @msgpack/msgpack: undefined is ExtData Map { a: 1 }
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @msgpack/msgpack 3.1.3, msgpackr 2.1.4'
echo 'expected: the entries, or an error'
echo 'seen:     {}, 1970, and ExtData for undefined'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
