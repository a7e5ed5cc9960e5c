#!/usr/bin/env bash
#
# fastify 5.12.8
#
# Expectation: A route with a response schema sends what the handler returns or fails: null stays null, and a value of
# another type is an error.
#
# Seen: Values are made to fit, without a word: null is "" for a string, 0 for a number, false for a boolean and {} for
# an object; 1.9 is 1 for an integer, and the text "false" is true for a boolean. With type: ["string", "null"] or
# nullable: true null stays.
#
# Who is hurt: Answers in which null means something: no expiry becomes 0 and has expired in 1970, an unknown balance is
# 0, a user without a name has an empty one, and the client cannot tell. Tests of the handler alone pass.
#
# Remedy: nullable: true, or type: ["string", "null"], for each field that can be null; check the answer itself in a
# test.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  fastify@5.12.8 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import Fastify from 'fastify'

const properties = {
  name: { type: 'string' },
  expires: { type: 'integer' },
  admin: { type: 'boolean' },
  since: { type: 'string', format: 'date-time' },
  address: { type: 'object', properties: {} },
}
const nullable = Object.fromEntries(Object.entries(properties).map(([key, schema]) => [key, { ...schema, nullable: true }]))
const empty = { name: null, expires: null, admin: null, since: null, address: null }

const app = Fastify()
const route = (path, schema, value) => app.get(path, { schema: { response: { 200: { type: 'object', properties: schema } } } }, async () => value)
app.get('/none', async () => empty)
route('/null', properties, empty)
route('/nullable', nullable, empty)
route('/other', properties, { name: 5, expires: 1.9, admin: 'false' })
for (const path of ['/none', '/null', '/nullable', '/other']) console.log(path, (await app.inject(path)).body)
SCRIPT

cat >surprise.txt <<'OUTPUT'
/none {"name":null,"expires":null,"admin":null,"since":null,"address":null}
/null {"name":"","expires":0,"admin":false,"since":"","address":{}}
/nullable {"name":null,"expires":null,"admin":null,"since":null,"address":null}
/other {"name":"5","expires":1,"admin":true}
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: fastify 5.12.8'
echo 'expected: null'
echo 'seen:     "", 0, false and {}'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
