#!/usr/bin/env bash
#
# @libsql/kysely-libsql 0.4.1, @libsql/client 0.18.0, kysely 0.28.19
#
# Expectation: A database in memory (url ":memory:") lives as long as the Kysely object that was made with it,
# transactions included. So it is with better-sqlite3, with PGlite, and with @libsql/client itself.
#
# Seen: The dialect brings an old client of its own (0.8.1), and after the first transaction, committed or not, the
# database is a new and empty one: "no such table". Given a client that the app made, with the same url, it keeps
# everything.
#
# Who is hurt: Tests, demos and previews in memory: all goes well until the first route that uses a transaction,
# then every request fails, sign-in included, and the error names a migration that did run.
#
# Remedy: new LibsqlDialect({ client: createClient({ url }) }), or a file.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @libsql/kysely-libsql@0.4.1 @libsql/client@0.18.0 kysely@0.28.19 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { createClient } from '@libsql/client'
import { LibsqlDialect } from '@libsql/kysely-libsql'
import { Kysely } from 'kysely'

const url = ':memory:'
for (const [name, options] of Object.entries({ url: { url }, client: { client: createClient({ url }) } })) {
  const database = new Kysely({ dialect: new LibsqlDialect(options) })
  await database.schema.createTable('account').addColumn('id', 'integer').execute()
  await database.transaction().execute((transaction) => transaction.insertInto('account').values({ id: 1 }).execute())
  try {
    console.log(name, 'rows:', (await database.selectFrom('account').selectAll().execute()).length)
  } catch (error) {
    console.log(name, error.message)
  }
}
process.exit(0)
SCRIPT

cat >surprise.txt <<'OUTPUT'
url SQLITE_ERROR: no such table: account
client rows: 1
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @libsql/kysely-libsql 0.4.1, @libsql/client 0.18.0, kysely 0.28.19'
echo 'expected: one row after a committed transaction'
echo 'seen:     no table any more, unless the app makes the client'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
