#!/usr/bin/env bash
#
# pg-mem 3.0.14
#
# Expectation: A test on pg-mem shows what Postgres does in the statements that it supports. INSERT ... ON CONFLICT (id)
# DO NOTHING RETURNING gives the inserted row, or no row if there was one already (RETURNING gives only rows that were
# inserted or updated): the usual way to let the first of two win.
#
# Seen: pg-mem gives back the row that was there already, and does the same for DO UPDATE with a WHERE that does not
# hold. Without (id) it gives no row, as Postgres does. NOT IN keeps rows in which the column is null, which Postgres
# leaves out.
#
# Who is hurt: Claims, locks, invitations and tokens for one use: code that asks rows.length === 1 lets both win in the
# test, and code that was made to pass there, by comparing the owner in the row, reads undefined in production, where
# there is no row.
#
# Remedy: PGlite, which is Postgres, for tests of what conflicts.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  pg-mem@3.0.14 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { newDb } from 'pg-mem'

const conflict = "insert into claims (id, owner) values ('a', 'bob') on conflict"
const statements = [
  ['create table claims (id text primary key, owner text, closed boolean, seen int)', []],
  ["insert into claims values ('a', 'ann', true, null)", []],
  [`${conflict} (id) do nothing returning id, owner`, []],
  [`${conflict} do nothing returning id, owner`, []],
  [`${conflict} (id) do update set owner = 'bob' where not claims.closed returning id, owner`, []],
  ["update claims set owner = 'bob' where id = 'a' and not closed returning id, owner", []],
  ['select id, owner from claims', [{ id: 'a', owner: 'ann' }]],
  ['select id from claims where seen <> 5', []],
  ['select id from claims where seen not in (5)', []],
]
const memory = newDb().public
for (const [statement, postgres] of statements) {
  console.log(statement)
  console.log('  Postgres:', JSON.stringify(postgres), '| pg-mem:', JSON.stringify(memory.many(statement)))
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
create table claims (id text primary key, owner text, closed boolean, seen int)
  Postgres: [] | pg-mem: []
insert into claims values ('a', 'ann', true, null)
  Postgres: [] | pg-mem: []
insert into claims (id, owner) values ('a', 'bob') on conflict (id) do nothing returning id, owner
  Postgres: [] | pg-mem: [{"id":"a","owner":"ann"}]
insert into claims (id, owner) values ('a', 'bob') on conflict do nothing returning id, owner
  Postgres: [] | pg-mem: []
insert into claims (id, owner) values ('a', 'bob') on conflict (id) do update set owner = 'bob' where not claims.closed returning id, owner
  Postgres: [] | pg-mem: [{"id":"a","owner":"ann"}]
update claims set owner = 'bob' where id = 'a' and not closed returning id, owner
  Postgres: [] | pg-mem: []
select id, owner from claims
  Postgres: [{"id":"a","owner":"ann"}] | pg-mem: [{"id":"a","owner":"ann"}]
select id from claims where seen <> 5
  Postgres: [] | pg-mem: []
select id from claims where seen not in (5)
  Postgres: [] | pg-mem: [{"id":"a"}]
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: pg-mem 3.0.14'
echo 'expected: no row for the claim that came second'
echo 'seen:         the row of the first'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
