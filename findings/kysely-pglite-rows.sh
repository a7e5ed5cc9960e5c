#!/usr/bin/env bash
#
# kysely-pglite 0.6.1, kysely 0.28.19, @electric-sql/pglite 0.5.17
#
# Expectation: Kysely's dialects report how many rows a statement touched; on PostgreSQL a conditional update whose
# result says 1n has won. PGlite gives the number (affectedRows).
#
# Seen: The dialect does not pass it on. An insert, an update and a delete that each touched one row all say 0n, the
# same as a statement that touched none. With RETURNING the rows are there.
#
# Who is hurt: "Claim this principal if it is free, and require one row": the row is claimed and the caller is told that
# it was taken, or a one-shot token is spent and refused. Nothing throws, and tests that look at the rows alone are
# green.
#
# Remedy: returning('id') and the length of the result, which is right on every PostgreSQL dialect.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  kysely-pglite@0.6.1 kysely@0.28.19 @electric-sql/pglite@0.5.17 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { PGlite } from '@electric-sql/pglite'
import { Kysely } from 'kysely'
import { KyselyPGlite } from 'kysely-pglite'

const client = new PGlite()
await client.exec('create table account (id text primary key, principal text)')
const database = new Kysely({ dialect: new KyselyPGlite(client).dialect })
const claim = () =>
  database.updateTable('account').set({ principal: 'p' }).where('id', '=', 'a').where('principal', 'is', null)

const inserted = await database.insertInto('account').values({ id: 'a' }).executeTakeFirst()
console.log('insert          ', inserted.numInsertedOrUpdatedRows)
const first = await claim().executeTakeFirst()
console.log('claim a free one', first.numUpdatedRows, await database.selectFrom('account').selectAll().execute())
const second = await claim().executeTakeFirst()
console.log('claim it again  ', second.numUpdatedRows)
const deleted = await database.deleteFrom('account').executeTakeFirst()
console.log('delete          ', deleted.numDeletedRows, await database.selectFrom('account').selectAll().execute())
console.log('PGlite itself   ', (await client.query("insert into account values ('b')")).affectedRows)
await client.close()
SCRIPT

cat >surprise.txt <<'OUTPUT'
insert           0n
claim a free one 0n [ { id: 'a', principal: 'p' } ]
claim it again   0n
delete           0n []
PGlite itself    1
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: kysely-pglite 0.6.1, kysely 0.28.19, @electric-sql/pglite 0.5.17'
echo 'expected: 1n, 1n, 0n, 1n'
echo 'seen:     0n each time'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
