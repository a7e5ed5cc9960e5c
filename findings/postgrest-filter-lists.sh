#!/usr/bin/env bash
#
# @supabase/postgrest-js 2.109.0, @electric-sql/pglite 0.5.17
#
# Expectation: The filters of supabase-js take JavaScript values and do the quoting: in() any text, contains() and
# overlaps() any array of texts, gte() a Date, not(column, "in", array) an array.
#
# Seen: in() puts quotation marks around a value with a comma, but does not escape those inside, so a text with both
# ends early. contains() and overlaps() join the array with commas: ["a, b"] asks for two tags, a and b, which finds
# other rows; an empty text and null are the same. A Date is String(date) in the time zone of the browser, which
# Postgres refuses. not(..., "in", array) lacks its parentheses, while notIn has them.
#
# Who is hurt: Apps with tags or names that people type: a filter by the tag "milk, 2%" finds the rows with both "milk"
# and "2%" and not its own; one name with a quotation mark and a comma makes the whole list an error. A filter by date
# fails in every zone.
#
# Remedy: JSON columns for tags with contains(column, JSON.stringify(list)), or a function in the database (rpc with
# POST); date.toISOString(); notIn.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @supabase/postgrest-js@2.109.0 @electric-sql/pglite@0.5.17 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { PGlite } from '@electric-sql/pglite'
import { PostgrestClient } from '@supabase/postgrest-js'

process.env.TZ = 'Europe/Berlin'
let query
const fetch = async (url) => {
  query = new URL(url).searchParams
  return Response.json([])
}
const table = () => new PostgrestClient('https://db.test', { fetch }).from('notes').select()
async function show(name, column, filter) {
  await filter(table())
  console.log(`${name}: ${query.get(column)}`)
  return query.get(column)
}
await show('in', 'title', (rows) => rows.in('title', ['a, b', 'say "a"', 'say "a, b"']))
await show('not in', 'title', (rows) => rows.not('title', 'in', ['a', 'b']))
await show('notIn', 'title', (rows) => rows.notIn('title', ['a', 'b']))
const tags = await show('contains', 'tags', (rows) => rows.contains('tags', ['milk, 2%']))
await show('contains nothing', 'tags', (rows) => rows.contains('tags', ['', null]))
const since = await show('gte', 'since', (rows) => rows.gte('since', new Date(Date.UTC(2026, 5, 5))))

const db = new PGlite()
const { rows } = await db.query('select $1::text[] as tags', [tags.slice('cs.'.length)])
console.log('the tags as Postgres reads them:', rows[0].tags)
const date = await db.query('select $1::text::timestamptz as since', [since.slice('gte.'.length)]).catch((error) => error.message)
console.log('the date as Postgres reads it:', date)
process.exit(0)
SCRIPT

cat >surprise.txt <<'OUTPUT'
in: in.("a, b",say "a","say "a, b"")
not in: not.in.a,b
notIn: not.in.(a,b)
contains: cs.{milk, 2%}
contains nothing: cs.{,}
gte: gte.Fri Jun 05 2026 02:00:00 GMT+0200 (Central European Summer Time)
the tags as Postgres reads them: [ 'milk', '2%' ]
the date as Postgres reads it: time zone "gmt+0200" not recognized
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @supabase/postgrest-js 2.109.0, @electric-sql/pglite 0.5.17'
echo 'expected: quoted values and ISO dates'
echo 'seen:     values cut at commas and quotation marks, and dates as the browser prints them'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
