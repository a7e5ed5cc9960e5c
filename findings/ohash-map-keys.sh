#!/usr/bin/env bash
#
# ohash 2.0.12
#
# Expectation: Values that differ have different hashes: a Map whose key is the number 1 and one whose key is the string
# "1" are different, as they are for the elements of a Set, the values of an object and the elements of an array.
#
# Seen: The keys of a Map that are texts are hashed like numbers, without quotation marks: 1 and "1" are the same key.
# isEqual and diff say that such Maps are equal. A bigint is told apart.
#
# Who is hurt: Caches keyed by hash(state): rows kept in a Map by id share an entry with others whose ids are texts, so
# that after a change of driver (one that returns bigint columns as strings) what was made for the other type is served.
#
# Remedy: Hash [...map] in place of the Map, sorted if the order does not count.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  ohash@2.0.12 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { hash } from 'ohash'
import { diff, isEqual } from 'ohash/utils'

const number = new Map([[1, 'milk']])
const same = {
  'a string': new Map([['1', 'milk']]),
  'a bigint': new Map([[1n, 'milk']]),
  'another value': new Map([[1, 'bread']]),
}
for (const [name, map] of Object.entries(same)) console.log(`Map, ${name}:`, hash(number) === hash(map))
console.log('Set, a string:', hash(new Set([1])) === hash(new Set(['1'])))
console.log('array, a string:', hash([1]) === hash(['1']))
console.log('entries, a string:', hash([...number]) === hash([['1', 'milk']]))
console.log('isEqual:', isEqual(number, same['a string']))
console.log('differences:', diff({ rows: number }, { rows: same['a string'] }).length)
SCRIPT

cat >surprise.txt <<'OUTPUT'
Map, a string: true
Map, a bigint: false
Map, another value: false
Set, a string: false
array, a string: false
entries, a string: false
isEqual: true
differences: 0
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: ohash 2.0.12'
echo 'expected: different hashes for the keys 1 and "1"'
echo 'seen:     one hash'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
