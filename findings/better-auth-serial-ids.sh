#!/usr/bin/env bash
#
# better-auth 1.7.25 with @libsql/kysely-libsql 0.4.1 (a SQLite file)
#
# Expectation: with generateId: 'serial', each user gets a number that no user had before, as a serial column of
# Postgres gives.
#
# Seen: Better Auth's migration makes the column `integer not null primary key`, without AUTOINCREMENT. SQLite then
# gives the highest number again once its user is deleted: the next person has the id of the deleted one.
#
# Who is hurt: Rows, files, invitations and audit entries of a deleted user that an app kept under the id belong to a
# stranger afterwards; so do unexpired tokens whose `sub` is the id. On Postgres, where an app runs in production,
# the same code does not show it.
#
# Remedy: Leave the option out, or make the tables with AUTOINCREMENT.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  better-auth@1.7.25 @libsql/kysely-libsql@0.4.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { LibsqlDialect } from '@libsql/kysely-libsql'
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'

const options = {
  baseURL: 'http://localhost:3000',
  secret: 'K3vN8pQ1rT6wX9zB4dF7hJ2mL5sV0yC3',
  database: { dialect: new LibsqlDialect({ url: 'file:users.db' }), type: 'sqlite' },
  advanced: { database: { generateId: 'serial' } },
  emailAndPassword: { enabled: true },
  user: { deleteUser: { enabled: true } },
  telemetry: { enabled: false },
}
const { runMigrations } = await getMigrations(options)
await runMigrations()
const auth = betterAuth(options)
const password = 'correct horse'
const signUp = async (name) => {
  const body = { name, email: `${name}@notes.test`, password }
  const { headers, response } = await auth.api.signUpEmail({ body, returnHeaders: true })
  const cookie = headers.getSetCookie().map((line) => line.split(';')[0]).join('; ')
  console.log(`${name}: ${response.user.id}`)
  return new Headers({ cookie })
}
await signUp('ada')
const headers = await signUp('bob')
await auth.api.deleteUser({ headers, body: { password } })
console.log('bob is deleted')
await signUp('eve')
process.exit(0)
SCRIPT

cat >surprise.txt <<'OUTPUT'
ada: 1
bob: 2
bob is deleted
eve: 2
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: better-auth 1.7.25, @libsql/kysely-libsql 0.4.1'
echo 'expected: eve: 3'
echo 'seen:     eve has the id of bob'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
