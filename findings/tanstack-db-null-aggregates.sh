#!/usr/bin/env bash
#
# @tanstack/db 0.15.2, @electric-sql/pglite 0.5.17
#
# Expectation: avg, min and max leave out rows without a value, as count does and as SQL has it: the average of 10, 20
# and null is 15.
#
# Seen: A null or a missing field counts as 0: the average is 10, the minimum 0, and the maximum of -5 and null is 0,
# while count says 2 of 3. A Date that is changed in an update (draft.date.setFullYear(2000)) is not a change: nothing
# is written and nothing says so, although Map, Set and Uint8Array in a draft work.
#
# Who is hurt: Ratings, weights and measurements that not everybody entered: the numbers are plausible and wrong, and
# differ from those that the server computes with SQL from the same rows.
#
# Remedy: where(not(isNull(row.value))) before groupBy; assign a new Date.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @tanstack/db@0.15.2 @electric-sql/pglite@0.5.17 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { PGlite } from '@electric-sql/pglite'
import { avg, count, createCollection, createLiveQueryCollection, localOnlyCollectionOptions, max, min } from '@tanstack/db'

const rows = [
  { id: 1, kind: 'up', value: 10 },
  { id: 2, kind: 'up', value: 20 },
  { id: 3, kind: 'up', value: null },
  { id: 4, kind: 'down', value: -5 },
  { id: 5, kind: 'down', value: null },
]
const collection = createCollection(localOnlyCollectionOptions({ id: 'rows', getKey: (row) => row.id, initialData: rows }))
const live = createLiveQueryCollection({
  startSync: true,
  query: (query) =>
    query
      .from({ row: collection })
      .groupBy(({ row }) => row.kind)
      .select(({ row }) => ({ kind: row.kind, avg: avg(row.value), min: min(row.value), max: max(row.value), count: count(row.value) })),
})
await live.preload()
const byKind = (first, second) => first.kind.localeCompare(second.kind)
const show = (label, list) => console.log(label, list.toSorted(byKind).map((row) => `${row.kind}: avg ${row.avg} min ${row.min} max ${row.max} count ${row.count}`))
show('TanStack DB', live.toArray)

const postgres = await PGlite.create()
await postgres.exec('CREATE TABLE rows (id int, kind text, value int)')
for (const { id, kind, value } of rows) await postgres.query('INSERT INTO rows VALUES ($1, $2, $3)', [id, kind, value])
const sql = 'SELECT kind, avg(value)::float avg, min(value), max(value), count(value)::int FROM rows GROUP BY kind'
show('Postgres   ', (await postgres.query(sql)).rows)
await postgres.close()

const dates = createCollection(localOnlyCollectionOptions({ id: 'dates', getKey: (row) => row.id, initialData: [{ id: 1, date: new Date(0) }] }))
await dates.preload()
await dates.update(1, (draft) => draft.date.setFullYear(2000)).isPersisted.promise
console.log('date after setFullYear(2000):', dates.get(1).date.getUTCFullYear())
SCRIPT

cat >surprise.txt <<'OUTPUT'
TanStack DB [
  'down: avg -2.5 min -5 max 0 count 1',
  'up: avg 10 min 0 max 20 count 2'
]
Postgres    [
  'down: avg -5 min -5 max -5 count 1',
  'up: avg 15 min 10 max 20 count 2'
]
date after setFullYear(2000): 1970
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @tanstack/db 0.15.2, @electric-sql/pglite 0.5.17'
echo 'expected: 15, 10 and -5'
echo 'seen:     10, 0 and 0'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
