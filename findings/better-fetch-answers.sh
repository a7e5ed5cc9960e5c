#!/usr/bin/env bash
#
# @better-fetch/fetch 1.3.3
#
# Expectation: An answer of type text/plain is a text, 204 is no data, JSON that was cut off is an error, and the text
# of a 502 is in the error. A Date in query is sent in the form of ISO 8601.
#
# Seen: A text that is valid JSON is parsed whatever its type: a number of twenty digits loses its last ones, "true"
# becomes true. JSON that cannot be parsed is given as a string in data, with error null, so the code that asks only for
# error goes on with a text in place of an object. 204 is "". An application/jwt is a Blob. The text of an error is
# gone. A Date is sent in quotation marks, since it goes through JSON.stringify.
#
# Who is hurt: Apps that use $fetch of the Better Auth client for their own routes: ids and one-time codes sent as text
# come back as other ones, a page that lost its connection half-way shows undefined in place of an error, and a server
# that parses since=%222026-...%22 refuses it or, with new Date, gets an Invalid Date.
#
# Remedy: output with a schema, or a check of typeof data; date.toISOString() in the query; ids and codes as strings in
# JSON.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @better-fetch/fetch@1.3.3 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { betterFetch } from '@better-fetch/fetch'

async function ask(name, body, type, status = 200) {
  const customFetchImpl = async () => new Response(body, { status, headers: type ? { 'content-type': type } : {} })
  const { data, error } = await betterFetch('https://api.test/', { customFetchImpl })
  const shown = data instanceof Blob ? 'Blob' : `${typeof data} ${JSON.stringify(data)}`
  console.log(`${name}: data ${shown}, error ${JSON.stringify(error)}`)
}
await ask('a code as text', '12345678', 'text/plain')
await ask('a large number as text', '12345678901234567890', 'text/plain')
await ask('the word true as text', 'true', 'text/plain')
await ask('204', null, undefined, 204)
await ask('JSON that was cut off', '{"id": 1, "na', 'application/json')
await ask('a token, application/jwt', 'e30.e30.c2ln', 'application/jwt')
await ask('502 with a text', 'upstream is down', 'text/plain', 502)

await betterFetch('https://api.test/notes', {
  query: { since: new Date(0) },
  customFetchImpl: async (url) => {
    const since = new URL(url).searchParams.get('since')
    console.log('a Date in the query:', since, 'read by the server:', String(new Date(since)))
    return new Response('[]')
  },
})
SCRIPT

cat >surprise.txt <<'OUTPUT'
a code as text: data number 12345678, error null
a large number as text: data number 12345678901234567000, error null
the word true as text: data boolean true, error null
204: data string "", error null
JSON that was cut off: data string "{\"id\": 1, \"na", error null
a token, application/jwt: data Blob, error null
502 with a text: data object null, error {"status":502,"statusText":""}
a Date in the query: "1970-01-01T00:00:00.000Z" read by the server: Invalid Date
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @better-fetch/fetch 1.3.3'
echo 'expected: texts, an error for the JSON that was cut off, and an ISO date'
echo 'seen:     a number, a boolean, a text without an error, and a date in quotation marks'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
