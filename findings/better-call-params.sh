#!/usr/bin/env bash
#
# better-call 1.4.5, @better-fetch/fetch 1.3.3
#
# Expectation: The parameter of a path arrives at the endpoint as it was sent: the client (@better-fetch/fetch) encodes
# it and the router (better-call, of the same authors) decodes it, as Express, Hono and Fastify do. A route for GET
# answers HEAD as well, as RFC 9110 asks of every server.
#
# Seen: The client encodes, the router does not decode: "Zoë" is "Zo%C3%AB" in context.params, an address has %40 in
# place of @. The query is decoded. Called as a function (auth.api.name) the same endpoint gets the parameter as it is.
# HEAD on a route for GET is 404.
#
# Who is hurt: Authors of Better Auth plugins with a path such as /devices/:name or /members/:email: everything works
# with ids and in tests that call auth.api, and a row is not found, or a second one is made, once a name has a letter
# outside ASCII, a space or an @. Monitors that ask for /api/auth/ok with HEAD report the server as down.
#
# Remedy: decodeURIComponent in the endpoint when context.request is there, or names in the query or the body; GET in
# the monitor.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  better-call@1.4.5 @better-fetch/fetch@1.3.3 zod@4.6.7 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { createFetch } from '@better-fetch/fetch'
import { createEndpoint, createRouter } from 'better-call'
import { z } from 'zod'

const options = { method: 'GET', query: z.object({ q: z.string() }) }
const note = createEndpoint('/notes/:title', options, async ({ params, query }) => ({ title: params.title, q: query.q }))
const router = createRouter({ note })
const customFetchImpl = (url, init) => router.handler(new Request(url, init))
const client = createFetch({ baseURL: 'https://api.test', customFetchImpl })

for (const title of ['milk', 'Zoë', 'ada@notes.test', 'two words', '50%']) {
  const { data } = await client('/notes/:title', { params: { title }, query: { q: title } })
  console.log(`sent ${title}: query ${data.q}, parameter ${data.title}`)
}
console.log('called as a function:', (await note({ params: { title: 'Zoë' }, query: { q: '' } })).title)
for (const method of ['GET', 'HEAD']) {
  console.log(method, (await router.handler(new Request('https://api.test/notes/milk?q=', { method }))).status)
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
sent milk: query milk, parameter milk
sent Zoë: query Zoë, parameter Zo%C3%AB
sent ada@notes.test: query ada@notes.test, parameter ada%40notes.test
sent two words: query two words, parameter two%20words
sent 50%: query 50%, parameter 50%25
called as a function: Zoë
GET 200
HEAD 404
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: better-call 1.4.5, @better-fetch/fetch 1.3.3'
echo 'expected: parameter Zoë, HEAD 200'
echo 'seen:     parameter Zo%C3%AB, HEAD 404'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
