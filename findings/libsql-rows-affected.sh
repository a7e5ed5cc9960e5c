#!/usr/bin/env bash
#
# @libsql/client 0.18.0
#
# Expectation: rowsAffected counts the rows that an INSERT, UPDATE or DELETE changed; so says the type's comment.
# better-sqlite3, pg and PGlite count them with RETURNING too.
#
# Seen: With RETURNING in the statement rowsAffected is 0, though the row was changed and is returned.
#
# Who is hurt: One-shot claims (use this code, take this name, revoke this key, if nobody was faster) are
# conditional updates whose count must be 1. Adding RETURNING to learn the row turns each success into "somebody was
# faster", after the row has been used up.
#
# Remedy: Count result.rows where the statement has RETURNING.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @libsql/client@0.18.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { createClient } from '@libsql/client'

const client = createClient({ url: ':memory:' })
await client.execute('create table code (id integer primary key, used integer not null)')
await client.execute('insert into code values (1, 0), (2, 0)')

const plain = await client.execute('update code set used = 1 where id = 1 and used = 0')
console.log('update              ', 'rowsAffected', plain.rowsAffected, 'rows', plain.rows.length)
const returning = await client.execute('update code set used = 1 where id = 2 and used = 0 returning id')
console.log('update ... returning', 'rowsAffected', returning.rowsAffected, 'rows', returning.rows.length)
const removed = await client.execute('delete from code where id = 1 returning id')
console.log('delete ... returning', 'rowsAffected', removed.rowsAffected, 'rows', removed.rows.length)
console.log('used or gone:', (await client.execute('select 2 - count(*) + total(used) n from code')).rows[0].n)
SCRIPT

cat >surprise.txt <<'OUTPUT'
update               rowsAffected 1 rows 0
update ... returning rowsAffected 0 rows 1
delete ... returning rowsAffected 0 rows 1
used or gone: 2
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @libsql/client 0.18.0'
echo 'expected: rowsAffected 1 in both'
echo 'seen:     0 as soon as the statement has RETURNING'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
