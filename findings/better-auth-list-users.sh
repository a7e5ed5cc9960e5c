#!/usr/bin/env bash
#
# better-auth 1.7.25, @libsql/kysely-libsql 0.4.1
#
# Expectation: /admin/list-users answers with an error if the query to the database fails: a column to sort or filter by
# that does not exist is 400 or 500, as in the other routes.
#
# Seen: Every error of the database is caught: the answer is 200 with no users and a total of 0, and nothing is logged.
# A misspelt sortBy or filterField looks like an empty server, and so does every other failure of that query.
#
# Who is hurt: Operators whose table of users is sorted by a column of another name (created, for createdAt) and who
# find nobody; jobs that page through list-users to delete, export or bill, and take the empty page for the end: they
# finish with success. Tests of the same query with the memory adapter pass.
#
# Remedy: Treat total 0 as an error, since the admin who asks is a user; in jobs read through auth.$context and
# internalAdapter.listUsers, which throws.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  better-auth@1.7.25 @libsql/kysely-libsql@0.4.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { LibsqlDialect } from '@libsql/kysely-libsql'
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { admin } from 'better-auth/plugins'

const options = {
  baseURL: 'http://localhost:3000',
  secret: 'K3vN8pQ1rT6wX9zB4dF7hJ2mL5sV0yC3',
  database: { dialect: new LibsqlDialect({ url: 'file:users.db' }), type: 'sqlite' },
  emailAndPassword: { enabled: true },
  databaseHooks: { user: { create: { before: async (user) => ({ data: { ...user, role: 'admin' } }) } } },
  logger: { level: 'error', log: (level, message) => console.log('logged:', level, message) },
  plugins: [admin()],
  telemetry: { enabled: false },
}
const { runMigrations } = await getMigrations(options)
await runMigrations()
const auth = betterAuth(options)
const body = { name: 'Ann', email: 'ann@notes.test', password: 'correct horse' }
const { headers: answer } = await auth.api.signUpEmail({ body, returnHeaders: true })
const headers = new Headers({ cookie: answer.getSetCookie()[0].split(';')[0] })
for (const query of ['', '?sortBy=createdAt', '?sortBy=created', '?filterField=plan&filterValue=free']) {
  const response = await auth.handler(new Request(`http://localhost:3000/api/auth/admin/list-users${query}`, { headers }))
  const { users, total } = await response.json()
  console.log(`list-users${query}: ${response.status}, ${users.length} users, total ${total}`)
}
const { internalAdapter } = await auth.$context
const direct = await internalAdapter.listUsers(10, 0, { field: 'created', direction: 'asc' }).catch((error) => error.message)
console.log('internalAdapter:', direct)
process.exit(0)
SCRIPT

cat >surprise.txt <<'OUTPUT'
list-users: 200, 1 users, total 1
list-users?sortBy=createdAt: 200, 1 users, total 1
list-users?sortBy=created: 200, 0 users, total 0
list-users?filterField=plan&filterValue=free: 200, 0 users, total 0
internalAdapter: Field created not found in model user
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: better-auth 1.7.25, @libsql/kysely-libsql 0.4.1'
echo 'expected: an error'
echo 'seen:     200, no users, total 0'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
