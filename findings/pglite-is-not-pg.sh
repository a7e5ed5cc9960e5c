#!/usr/bin/env bash
#
# @electric-sql/pglite 0.5.17, @electric-sql/pglite-socket 0.2.17, pg 8.23.1
#
# Expectation: A test that gives its queries to PGlite instead of pg sees what production will see: the same SQL,
# the same parameters, the same rows. (The script asks one and the same database both ways.)
#
# Seen: A bigint and count(*) are a number in PGlite, or a BigInt when too large, and a string in pg. An array given
# for a json column is stored by PGlite and refused by pg, which writes it as a Postgres array. A date is midnight
# UTC in PGlite and local midnight in pg.
#
# Who is hurt: Code tested with PGlite: count === 0 holds in the test and never in production, a list of a person's
# principals in a jsonb column fails on the first insert, a birthday or an expiry date moves by a day east of
# Greenwich.
#
# Remedy: Set the parsers of one to those of the other (types of pg, parsers of PGlite), pass JSON.stringify(list)
# and cast counts to int; run the tests of the storage layer against pg.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @electric-sql/pglite@0.5.17 @electric-sql/pglite-socket@0.2.17 pg@8.23.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { PGlite } from '@electric-sql/pglite'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'
import pg from 'pg'

process.env.TZ = 'Europe/Berlin'
const database = await PGlite.create()
const server = new PGLiteSocketServer({ db: database, host: '127.0.0.1', port: 0 })
await server.start()
const port = Number(server.getServerConn().split(':').pop())
const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', password: 'x', database: 'postgres' })
await client.connect()
await database.exec('create table account (id int, aliases jsonb)')

const query = "select count(*) as count, 9007199254740993::bigint as large, '2026-01-02'::date as day from account"
const describe = (value) => (value instanceof Date ? value.toISOString() : `${typeof value} ${value}`)

async function report(name, run) {
  const { count, large, day } = (await run(query)).rows[0]
  console.log(`${name}: count(*) ${describe(count)}, bigint ${describe(large)}, date ${describe(day)}`)
  try {
    await run('insert into account values (1, $1)', [['first', 'second']])
    console.log(`${name}: array for jsonb stored`)
  } catch (error) {
    console.log(`${name}: array for jsonb refused, ${error.message}`)
  }
  await run('delete from account')
}

await report('PGlite', (...query) => database.query(...query))
await report('pg    ', (...query) => client.query(...query))
await client.end()
await server.stop()
process.exit(0)
SCRIPT

cat >surprise.txt <<'OUTPUT'
PGlite: count(*) number 0, bigint bigint 9007199254740993, date 2026-01-02T00:00:00.000Z
PGlite: array for jsonb stored
pg    : count(*) string 0, bigint string 9007199254740993, date 2026-01-01T23:00:00.000Z
pg    : array for jsonb refused, invalid input syntax for type json
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @electric-sql/pglite 0.5.17, @electric-sql/pglite-socket 0.2.17, pg 8.23.1'
echo 'expected: one query gives one answer through both clients'
echo 'seen:     other types, another day, and one refusal'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
