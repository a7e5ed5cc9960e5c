#!/usr/bin/env bash
#
# better-auth 1.7.25, @libsql/client 0.18.0, @libsql/kysely-libsql 0.4.1, drizzle-orm 0.45.4, kysely 0.28.19
#
# Expectation: Tables that Better Auth made and fills by itself (Kysely, SQLite), read beside it by the app's own
# Drizzle with the usual columns, integer in the mode timestamp_ms: the dates are read right, so conditions on them
# are right.
#
# Seen: Better Auth stores dates as text there. Drizzle reads them as the right dates, and compares them as numbers:
# in SQLite a text is greater than any number, so every session "expires after" any date and none before. In the
# mode timestamp the dates read are invalid.
#
# Who is hurt: A list of devices that are signed in shows sessions that ended long ago, a nightly clean-up deletes
# nothing, and reading a row, which is how one checks such a schema, shows nothing wrong. The other way round, after
# a move to the Drizzle adapter, old rows never fall under a date.
#
# Remedy: text() columns, compared with toISOString(), for tables written through Kysely; convert the rows before
# the adapter is changed.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  better-auth@1.7.25 @libsql/client@0.18.0 @libsql/kysely-libsql@0.4.1 drizzle-orm@0.45.4 kysely@0.28.19 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { createClient } from '@libsql/client'
import { LibsqlDialect } from '@libsql/kysely-libsql'
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { gt, lt } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/libsql'
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

const url = 'file:auth.db'
const auth = betterAuth({
  baseURL: 'http://localhost:3000',
  secret: 'K3vN8pQ1rT6wX9zB4dF7hJ2mL5sV0yC3',
  database: { dialect: new LibsqlDialect({ url }), type: 'sqlite' },
  emailAndPassword: { enabled: true },
  telemetry: { enabled: false },
})
await (await getMigrations(auth.options)).runMigrations()
await auth.api.signUpEmail({ body: { name: 'Ada', email: 'ada@notes.test', password: 'correct horse' } })

const client = createClient({ url })
for (const mode of ['timestamp_ms', 'timestamp']) {
  const session = sqliteTable('session', { id: text('id'), expiresAt: integer('expiresAt', { mode }) })
  const database = drizzle(client)
  const [{ expiresAt }] = await database.select().from(session)
  const days = Math.round((expiresAt - Date.now()) / 86_400_000)
  const after = await database.select().from(session).where(gt(session.expiresAt, new Date('2099-01-01')))
  const before = await database.select().from(session).where(lt(session.expiresAt, new Date('2099-01-01')))
  console.log(`${mode}: expires in ${days} days, after 2099: ${after.length}, before: ${before.length}`)
}
process.exit(0)
SCRIPT

cat >surprise.txt <<'OUTPUT'
timestamp_ms: expires in 7 days, after 2099: 1, before: 0
timestamp: expires in NaN days, after 2099: 1, before: 0
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: better-auth 1.7.25, @libsql/client 0.18.0, @libsql/kysely-libsql 0.4.1, drizzle-orm 0.45.4, kysely 0.28.19'
echo 'expected: no session that ends after 2099, one that ends before'
echo 'seen:     one that ends after 2099, none before'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
