#!/usr/bin/env bash
#
# @tanstack/db 0.15.2, fractional-indexing 4.0.0
#
# Expectation: A live query with orderBy on a position column gives the rows in the order of the positions. Keys of
# fractional-indexing compare as plain strings, as JavaScript, IndexedDB, SQLite and RxDB compare them.
#
# Seen: orderBy compares strings with localeCompare by default, for which "a0" comes before "Zz". Every row that was
# moved or added in front of the first one is shown behind all others.
#
# Who is hurt: An ordered list that people rearrange offline: append only, as in a test, it is right; the first "move
# to top" sends the row to the bottom. The app then asks for a key between two neighbours that stand the wrong way
# round, and generateKeyBetween throws. The same holds for base62 and base64url ids, and for a cursor that the server
# compares by bytes.
#
# Remedy: orderBy(({ note }) => note.position, { stringSort: "lexical" }), or defaultStringCollation: { stringSort:
# "lexical" } of the collection; on Postgres the column needs COLLATE "C" for the same reason.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @tanstack/db@0.15.2 fractional-indexing@4.0.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { createCollection, createLiveQueryCollection, localOnlyCollectionOptions } from '@tanstack/db'
import { generateKeyBetween } from 'fractional-indexing'

const second = generateKeyBetween(null, null)
const third = generateKeyBetween(second, null)
const first = generateKeyBetween(null, second)
const notes = createCollection(localOnlyCollectionOptions({ getKey: ({ id }) => id }))
for (const [id, position] of Object.entries({ second, third, first })) notes.insert({ id, position })

const positions = { first, second, third }
console.log('positions:', JSON.stringify(positions), 'sort():', [third, first, second].sort().join(' '))
for (const options of [undefined, { stringSort: 'lexical' }]) {
  const list = createLiveQueryCollection({
    startSync: true,
    query: (query) => query.from({ note: notes }).orderBy(({ note }) => note.position, options),
  })
  await list.preload()
  console.log('orderBy', JSON.stringify(options) ?? 'as it is', '->', list.toArray.map(({ id }) => id).join(', '))
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
positions: {"first":"Zz","second":"a0","third":"a1"} sort(): Zz a0 a1
orderBy as it is -> second, third, first
orderBy {"stringSort":"lexical"} -> first, second, third
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @tanstack/db 0.15.2, fractional-indexing 4.0.0'
echo 'expected: first, second, third'
echo 'seen:     the first one is the last'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
