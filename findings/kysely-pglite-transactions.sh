#!/usr/bin/env bash
#
# kysely-pglite 0.6.1, kysely 0.28.19, @electric-sql/pglite 0.5.17, drizzle-orm 0.45.4
#
# Expectation: A transaction that resolves is in the database. PGlite has one connection, so a dialect makes the second
# transaction wait for the first, as Kysely's own SQLite dialect does with its mutex and Drizzle with PGlite's.
#
# Seen: The second one's begin and insert land in the first one's transaction. It reports success, the first rolls back,
# and both rows are gone. A plain insert beside a transaction that fails is lost in the same way.
#
# Who is hurt: A local-first app on PGlite: a sync transaction that fails takes along what the person wrote in that
# moment, after the app said "saved". An adapter that binds an account in a transaction undoes a neighbour's sign-up.
#
# Remedy: One mutex of your own around every query and transaction, or PGlite's client.transaction(), or a driver that
# uses it.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  kysely-pglite@0.6.1 kysely@0.28.19 @electric-sql/pglite@0.5.17 drizzle-orm@0.45.4 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { PGlite } from '@electric-sql/pglite'
import { drizzle } from 'drizzle-orm/pglite'
import { sql } from 'drizzle-orm'
import { Kysely } from 'kysely'
import { KyselyPGlite } from 'kysely-pglite'

const begin = {
  drizzle(client) {
    const database = drizzle(client)
    return (body) => database.transaction((tx) => body((id) => tx.execute(sql`insert into note values (${id})`)))
  },
  'kysely-pglite'(client) {
    const database = new Kysely({ dialect: new KyselyPGlite(client).dialect })
    return (body) =>
      database.transaction().execute((tx) => body((id) => tx.insertInto('note').values({ id }).execute()))
  },
}

for (const [name, make] of Object.entries(begin)) {
  const client = new PGlite()
  await client.exec('create table note (id text primary key)')
  const transaction = make(client)
  let inserted
  let finish
  const started = new Promise((resolve) => (inserted = resolve))
  const end = new Promise((resolve) => (finish = resolve))
  const failing = transaction(async (insert) => {
    await insert('of the failing one')
    inserted()
    await end
    throw new Error('rolled back')
  })
  await started
  const other = transaction((insert) => insert('of the other one'))
  setTimeout(finish, 200)
  const outcomes = await Promise.allSettled([failing, other])
  const { rows } = await client.query('select id from note')
  console.log(name.padEnd(14), outcomes.map(({ status }) => status).join(', '), rows)
  await client.close()
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
drizzle        rejected, fulfilled [ { id: 'of the other one' } ]
kysely-pglite  rejected, fulfilled [ { id: 'of the failing one' }, { id: 'of the other one' } ]
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: kysely-pglite 0.6.1, kysely 0.28.19, @electric-sql/pglite 0.5.17, drizzle-orm 0.45.4'
echo 'expected: the row of the transaction that succeeded is there'
echo 'seen:     it is gone with Kysely's dialect, there with Drizzle'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
