#!/usr/bin/env bash
#
# drizzle-orm 0.45.4, @electric-sql/pglite 0.5.17
#
# Expectation: jsonb holds any JSON value, and what was written comes back: the string "123456" is stored as a JSON
# string (jsonb_typeof says so) and read as one. PGlite's own query gives it so.
#
# Seen: The column's reader gets the string that the driver has parsed and parses it once more. Where that works the
# result is kept, where it throws the string is; so the type of a value depends on its characters.
#
# Who is hurt: One-time codes, phone numbers and ids in a settings column: "012345" stays a string and "123456" is a
# number, which no longer equals what the person typed; digits beyond 2^53 are rounded. A cursor or a token that is JSON
# text comes back as an object.
#
# Remedy: Put strings into an object ({ code }), or use a text column.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  drizzle-orm@0.45.4 @electric-sql/pglite@0.5.17 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { PGlite } from '@electric-sql/pglite'
import { sql } from 'drizzle-orm'
import { integer, jsonb, pgTable } from 'drizzle-orm/pg-core'
import { drizzle } from 'drizzle-orm/pglite'

const client = new PGlite()
await client.exec('create table setting (id int, value jsonb)')
const setting = pgTable('setting', { id: integer(), value: jsonb() })
const database = drizzle(client)

const values = ['word', '012345', '123456', '12345678901234567890', '{"cursor":1}']
for (const [id, value] of values.entries()) await database.insert(setting).values({ id, value })
const { rows } = await client.query('select value, jsonb_typeof(value) as type from setting order by id')
const read = await database.select().from(setting).orderBy(sql`id`)
for (const [id, value] of values.entries())
  console.log('written', JSON.stringify(value), '| stored:', rows[id].type, '| PGlite:', typeof rows[id].value, '| Drizzle:', read[id].value)
await client.close()
SCRIPT

cat >surprise.txt <<'OUTPUT'
written "word" | stored: string | PGlite: string | Drizzle: word
written "012345" | stored: string | PGlite: string | Drizzle: 012345
written "123456" | stored: string | PGlite: string | Drizzle: 123456
written "12345678901234567890" | stored: string | PGlite: string | Drizzle: 12345678901234567000
written "{\"cursor\":1}" | stored: string | PGlite: string | Drizzle: { cursor: 1 }
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: drizzle-orm 0.45.4, @electric-sql/pglite 0.5.17'
echo 'expected: five strings'
echo 'seen:     two strings, two numbers and an object'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
