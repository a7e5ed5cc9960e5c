#!/usr/bin/env bash
#
# @signaldb/core 1.8.1, @seald-io/nedb 4.1.2
#
# Expectation: An index makes a query faster and changes nothing in its answer.
#
# Seen: SignalDB: with an index a number and its text are the same, {code: 1} finds "1" and the other way round, and an
# element of an array is no longer found. NeDB: a document whose array has two values in a range is found twice, count
# says so too. Without the index both are right. In SignalDB {$or: []} finds everything, where MongoDB reports an error.
#
# Who is hurt: Apps that add the index once there is enough data: tags no longer find their notes, an account number
# "007" and 7 ... "7" and 7 are one person, a list in the interface has the same key twice, a sum counts a row twice.
# The queries are the same as in the tests.
#
# Remedy: SignalDB: one type for each indexed field, no arrays in it. NeDB: no range over an indexed array, or answers
# made unique by _id.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @signaldb/core@1.8.1 @seald-io/nedb@4.1.2 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import Datastore from '@seald-io/nedb'
import { Collection, createIndex } from '@signaldb/core'

const documents = [
  { id: 'number', code: 7 },
  { id: 'text', code: '7' },
  { id: 'array', code: [5, 7] },
]
for (const indices of [[], [createIndex('code')]]) {
  const collection = new Collection({ indices })
  for (const document of documents) collection.insert(structuredClone(document))
  const find = (selector) => collection.find(selector).fetch().map(({ id }) => id).join(' ')
  const answers = [7, '7'].map((code) => `${typeof code}: ${find({ code })}`)
  console.log(`SignalDB, ${indices.length} index:`, answers.join('; '))
  if (indices.length === 0) console.log('  $or of nothing:', find({ $or: [] }))
}
for (const indexed of [false, true]) {
  const store = new Datastore()
  if (indexed) await store.ensureIndexAsync({ fieldName: 'code' })
  await store.insertAsync(documents.map(({ id, code }) => ({ _id: id, code })))
  const found = await store.findAsync({ code: { $gt: 1 } })
  const count = await store.countAsync({ code: { $gt: 1 } })
  console.log(`NeDB, ${indexed ? 'an' : 'no'} index:`, found.map(({ _id }) => _id).toSorted().join(' '), '| count', count)
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
SignalDB, 0 index: number: number array; string: text
  $or of nothing: number text array
SignalDB, 1 index: number: number text; string: number text
NeDB, no index: array number | count 2
NeDB, an index: array array number | count 3
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @signaldb/core 1.8.1, @seald-io/nedb 4.1.2'
echo 'expected: the same answers with and without an index'
echo 'seen:     other answers'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
