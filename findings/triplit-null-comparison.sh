#!/usr/bin/env bash
#
# @triplit/client 1.0.50
#
# Expectation: A comparison with < or <= leaves out rows where the field is null or missing, as SQL, IndexedDB and most
# query languages do, and as > and >= do here. like finds a text in a note of several lines.
#
# Seen: null and missing are less than every number, date and text: Where("expires", "<", now) finds the rows that never
# expire. % in like stops at a line break, so a note of two lines is found by none of its words.
#
# Who is hurt: Clean-up and reminder queries: what has no expiry or no due date is taken for overdue, and deleted with
# it. Searches miss the long notes only.
#
# Remedy: A second condition ["expires", "isDefined", true] and ["expires", "!=", null]; for texts filter the result.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @triplit/client@1.0.50 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { Schema, TriplitClient } from '@triplit/client'

const fields = { id: Schema.Id(), expires: Schema.Date({ nullable: true }), note: Schema.Optional(Schema.String()) }
const schema = Schema.Collections({ items: { schema: Schema.Schema(fields) } })
const client = new TriplitClient({ schema, storage: 'memory', autoConnect: false })
await client.insert('items', { id: 'expired', expires: new Date('2026-01-01'), note: 'first line' })
await client.insert('items', { id: 'later', expires: new Date('2027-01-01'), note: 'first line\nsecond line' })
await client.insert('items', { id: 'never', expires: null })

const now = new Date('2026-06-01')
const find = async (...where) => (await client.fetch(client.query('items').Where(...where))).map(({ id }) => id).sort().join(', ')
console.log('expires < now:', await find('expires', '<', now))
console.log('expires > now:', await find('expires', '>', now))
console.log('note < "g":   ', await find('note', '<', 'g'))
console.log('with != null: ', await find([['expires', '<', now], ['expires', '!=', null]]))
console.log('like "first%":', await find('note', 'like', 'first%'))
console.log('like "%line": ', await find('note', 'like', '%line'))
process.exit(0)
SCRIPT

cat >surprise.txt <<'OUTPUT'
expires < now: expired, never
expires > now: later
note < "g":    expired, later, never
with != null:  expired
like "first%": expired
like "%line":  expired
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @triplit/client 1.0.50'
echo 'expected: the expired row'
echo 'seen:     the expired row and those without an expiry'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
