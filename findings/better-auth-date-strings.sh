#!/usr/bin/env bash
#
# better-auth 1.7.25
#
# Expectation: A field of the type string is a string wherever it is read: the database, auth.api, the client, whose
# types say so; with or without secondary storage. JSON has no dates, and createdAt is turned into a Date by its
# field's type.
#
# Seen: Better Auth turns every string that looks like an ISO date into a Date, whatever its field: in the client's
# answers always, and on the server as soon as there is secondary storage, where users and sessions are kept as
# JSON, or a cookie cache with the strategy jwt or jwe (compact: not). Sent on, it is another text.
#
# Who is hurt: A person whose name or note is a timestamp, a version or an id of that form: name.toLowerCase is not
# a function, on the server only in production, where Redis is. Claims, cache keys and comparisons made from such a
# field differ between the two ways of reading a session.
#
# Remedy: Check the type where a field is used; keep strings of such a form behind a prefix; let tests use secondary
# storage where production does.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  better-auth@1.7.25 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { createAuthClient } from 'better-auth/client'

function start(secondaryStorage) {
  return betterAuth({
    baseURL: 'http://localhost:3000',
    secret: 'K3vN8pQ1rT6wX9zB4dF7hJ2mL5sV0yC3',
    database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    emailAndPassword: { enabled: true },
    telemetry: { enabled: false },
    user: { additionalFields: { note: { type: 'string' } } },
    secondaryStorage,
  })
}
const map = new Map()
const storage = {
  get: (key) => map.get(key) ?? null,
  set: (key, value) => void map.set(key, value),
  delete: (key) => void map.delete(key),
}
for (const [name, auth] of Object.entries({ database: start(), 'secondary storage': start(storage) })) {
  let cookie = ''
  const customFetchImpl = async (url, init) => {
    const headers = new Headers(init.headers)
    headers.set('cookie', cookie)
    headers.set('origin', 'http://localhost:3000')
    const answer = await auth.handler(new Request(url, { ...init, headers }))
    cookie = answer.headers.getSetCookie().map((line) => line.split(';')[0]).join('; ') || cookie
    return answer
  }
  const client = createAuthClient({ baseURL: 'http://localhost:3000', fetchOptions: { customFetchImpl } })
  await client.signUp.email({ name: 'Ada', email: 'ada@notes.test', password: 'correct horse', note: '2026-01-02T03:04:05Z' })
  const atServer = await auth.api.getSession({ headers: new Headers({ cookie }) })
  const atClient = await client.getSession()
  for (const [place, note] of [['server', atServer.user.note], ['client', atClient.data.user.note]]) {
    console.log(`${name}, ${place}: ${note.constructor.name} ${JSON.stringify(note)}`)
  }
}
process.exit(0)
SCRIPT

cat >surprise.txt <<'OUTPUT'
database, server: String "2026-01-02T03:04:05Z"
database, client: Date "2026-01-02T03:04:05.000Z"
secondary storage, server: Date "2026-01-02T03:04:05.000Z"
secondary storage, client: Date "2026-01-02T03:04:05.000Z"
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: better-auth 1.7.25'
echo 'expected: a string field is a string'
echo 'seen:     a Date, if the string looks like one'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
