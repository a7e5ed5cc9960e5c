#!/usr/bin/env bash
#
# node-object-hash 3.1.1, object-hash 3.0.0
#
# Expectation: A hash of an object tells different objects apart: a list of one text with a comma is not a list of two
# texts, as object-hash has it.
#
# Seen: node-object-hash joins the parts without quotes: ["a,b"] and ["a","b"] have one hash, { a: "1", b: "2" } and {
# a: "1,b:2" } too. Its defaults also make 1 and "1", null and undefined, [1, 2] and [2, 1] equal. coerce: false removes
# all but the last, sort: false the last only.
#
# Who is hurt: Caches and change checks by this hash: a changed order, a changed type or a comma in a text is no change,
# so the stale entry is given, and two requests with different input share an answer.
#
# Remedy: hasher({ coerce: false, sort: { array: false } }), or a hash over canonical JSON (canonicalize).
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  node-object-hash@3.1.1 object-hash@3.0.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { hasher } from 'node-object-hash'
import objectHash from 'object-hash'

const pairs = [
  [['a,b'], ['a', 'b']],
  [{ a: '1', b: '2' }, { a: '1,b:2' }],
  [{ a: 1 }, { a: '1' }],
  [{ a: null }, { a: undefined }],
  [[1, 2], [2, 1]],
]
const same = (hash) => pairs.map(([first, second]) => hash(first) === hash(second)).join(' ')
for (const options of [{}, { sort: false }, { coerce: false }, { coerce: false, sort: false }]) {
  console.log(`node-object-hash ${JSON.stringify(options)}: equal ${same((value) => hasher(options).hash(value))}`)
}
console.log(`object-hash: equal ${same((value) => objectHash(value))}`)
SCRIPT

cat >surprise.txt <<'OUTPUT'
node-object-hash {}: equal true true true true true
node-object-hash {"sort":false}: equal true true true true false
node-object-hash {"coerce":false}: equal false false false false true
node-object-hash {"coerce":false,"sort":false}: equal false false false false false
object-hash: equal false false false false false
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: node-object-hash 3.1.1, object-hash 3.0.0'
echo 'expected: different hashes'
echo 'seen:     one hash'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
