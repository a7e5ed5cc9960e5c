#!/usr/bin/env bash
#
# kysely-pglite 0.6.1, kysely 0.28.19, @electric-sql/pglite 0.5.17, drizzle-orm 0.45.4
#
# Expectation: A transaction that resolves is in the database, and one that rejects is not. PGlite has one connection,
# so a dialect makes the second transaction wait for the first, as Kysely's own SQLite dialect does with its mutex and
# Drizzle with PGlite's.
#
# Seen: The second one's begin and insert land in the first one's transaction, and whichever ends first ends both. If
# the first rolls back, the second reports success and its row is gone; if the second commits, the first reports failure
# and its row is there. A plain insert beside a failing transaction is lost in the same way.
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

function signal() {
  let send
  const sent = new Promise((resolve) => (send = resolve))
  return { send, sent }
}

for (const [name, make] of Object.entries(begin))
  for (const first of ['rollback', 'commit']) {
    const client = new PGlite()
    await client.exec('create table note (id text primary key)')
    const transaction = make(client)
    const [started, rollback, commit] = [signal(), signal(), signal()]
    const failing = transaction(async (insert) => {
      await insert('failing')
      started.send()
      await rollback.sent
      throw new Error('rolled back')
    })
    await started.sent
    const other = transaction(async (insert) => {
      await insert('other')
      await commit.sent
    })
    // A dialect with a mutex has not begun the other one by now; one without has inserted its row.
    await new Promise((resolve) => setTimeout(resolve, 300))
    if (first === 'rollback') {
      rollback.send()
      await failing.catch(() => {})
      commit.send()
    } else {
      commit.send()
      await Promise.race([other, new Promise((resolve) => setTimeout(resolve, 300))])
      rollback.send()
    }
    const outcomes = await Promise.allSettled([failing, other])
    const { rows } = await client.query('select id from note order by id')
    const there = rows.map(({ id }) => id).join(', ') || 'none'
    console.log(`${name}, ${first} first:`, outcomes.map(({ status }) => status).join(', '), '| rows:', there)
    await client.close()
  }
SCRIPT

cat >surprise.txt <<'OUTPUT'
drizzle, rollback first: rejected, fulfilled | rows: other
drizzle, commit first: rejected, fulfilled | rows: other
kysely-pglite, rollback first: rejected, fulfilled | rows: none
kysely-pglite, commit first: rejected, fulfilled | rows: failing, other
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: kysely-pglite 0.6.1, kysely 0.28.19, @electric-sql/pglite 0.5.17, drizzle-orm 0.45.4'
echo 'expected: the row of the transaction that succeeded, and no other'
echo 'seen:     with Drizzle so; with the dialect for Kysely neither or both rows are there'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
