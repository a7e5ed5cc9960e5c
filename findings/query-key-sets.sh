#!/usr/bin/env bash
#
# @tanstack/query-core 5.108.4
#
# Expectation: Two query keys with different content are two queries, or a key that cannot be compared is an error, as
# with a BigInt.
#
# Seen: A Set, a Map, URLSearchParams or Headers in a key is {} in its hash, and NaN is null: every Set is the same key,
# so the second query is answered with the data of the first without asking the server.
#
# Who is hurt: Lists filtered by a Set of ids or by the search parameters of the page: the first filter wins for as long
# as its data is fresh, also after a change of person when the principal is inside such an object.
#
# Remedy: [...set].sort(), [...map], params.toString() in the key; the principal as a text of its own.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @tanstack/query-core@5.108.4 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { hashKey, QueryClient } from '@tanstack/query-core'

const client = new QueryClient()
const ask = (ids) => client.fetchQuery({ queryKey: ['items', ids], queryFn: async () => [...ids].join(), staleTime: 60_000 })
console.log('arrays:', await ask(['a']), await ask(['b']))
console.log('Sets:  ', await ask(new Set(['a'])), await ask(new Set(['b'])))
for (const [first, second] of [
  [new Map([['a', 1]]), new Map([['a', 2]])],
  [new URLSearchParams('page=1'), new URLSearchParams('page=2')],
  [new Headers({ a: '1' }), new Headers({ a: '2' })],
  [Number.NaN, null],
]) {
  console.log(first?.constructor.name, hashKey([first]), 'equal:', hashKey([first]) === hashKey([second]))
}
try {
  hashKey([1n])
} catch (error) {
  console.log('BigInt:', error.message)
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
arrays: a b
Sets:   a a
Map [{}] equal: true
URLSearchParams [{}] equal: true
Headers [{}] equal: true
Number [null] equal: true
BigInt: Do not know how to serialize a BigInt
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @tanstack/query-core 5.108.4'
echo 'expected: two queries'
echo 'seen:     one query, with the answer of the first'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
