#!/usr/bin/env bash
#
# better-auth 1.7.25 with @libsql/kysely-libsql 0.4.1 (a SQLite file)
#
# Expectation: /list-sessions lists all live sessions of the user, and certainly the one that asks.
#
# Seen: it lists the first hundred rows that the database gives, which on SQLite are the oldest. With 121 sessions,
# the one that asks and the twenty before it are not in the list. So it is in internalAdapter.listSessions.
#
# Who is hurt: A page "where you are signed in" that marks this device by its token marks none, and does not show the
# sign-ins that the user looks for: the newest. Test accounts, kiosks and programs that sign in for each run get there
# first. A plugin that goes through internalAdapter.listSessions sees a hundred.
#
# Remedy: Raise advanced.database.defaultFindManyLimit, or query the sessions yourself, newest first.
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
  // Only to be done sooner.
  emailAndPassword: {
    enabled: true,
    password: { hash: async (password) => password, verify: async ({ hash, password }) => hash === password },
  },
  telemetry: { enabled: false },
}
const { runMigrations } = await getMigrations(options)
await runMigrations()
const auth = betterAuth(options)
const body = { name: 'Ada', email: 'ada@notes.test', password: 'correct horse' }
await auth.api.signUpEmail({ body })
for (let count = 1; count < 120; count++) await auth.api.signInEmail({ body })
const { headers, response } = await auth.api.signInEmail({ body, returnHeaders: true })
const cookie = headers.getSetCookie().map((line) => line.split(';')[0]).join('; ')
const listed = await auth.api.listSessions({ headers: new Headers({ cookie }) })
console.log('sign-ins:', 121)
console.log('listed:', listed.length)
console.log('the one that asks is listed:', listed.some(({ token }) => token === response.token))
process.exit(0)
SCRIPT

cat >surprise.txt <<'OUTPUT'
sign-ins: 121
listed: 100
the one that asks is listed: false
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: better-auth 1.7.25, @libsql/kysely-libsql 0.4.1'
echo 'expected: 121 sessions, the one that asks among them'
echo 'seen:     100 sessions without it'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
