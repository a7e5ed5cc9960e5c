#!/usr/bin/env bash
#
# itty-router 6.0.0, hono 4.13.19
#
# Expectation: A parameter of the path is decoded, as the query is, and as Hono does on the same edge runtimes.
# withContent puts the parsed body into request.content; JSON that is not valid is an error, and a form is an object of
# its fields. A handler that returns null answers with null.
#
# Seen: Parameters stay encoded: "Zo%C3%AB". Invalid JSON with the content type application/json is given as a text, so
# content.title is undefined instead of a 400. A form is a FormData, which is {} as soon as it becomes JSON. null falls
# through to the next route and ends as 404, while false, 0 and "" are answers.
#
# Who is hurt: Workers that store what they get: an empty note for each request that was cut off, names with %20; and
# clients that read 404 for a note that is there with the value null, and make it anew.
#
# Remedy: decodeURIComponent for parameters; typeof request.content, or await request.json() of one's own; json(null) in
# place of null.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  itty-router@6.0.0 hono@4.13.19 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { Hono } from 'hono'
import { AutoRouter, withContent } from 'itty-router'

const router = AutoRouter()
router.get('/notes/:title', ({ params, query }) => ({ parameter: params.title, query: query.title }))
router.post('/notes', withContent, ({ content }) => ({ type: typeof content, content, title: content?.title ?? 'undefined' }))
for (const value of [null, false, 0]) router.get(`/${value}`, () => value)
const hono = new Hono()
hono.get('/notes/:title', (context) => context.json({ parameter: context.req.param('title'), query: context.req.query('title') }))

const ask = async (path, init) => {
  const response = await router.fetch(new Request(`https://notes.test${path}`, init))
  return `${response.status} ${await response.text()}`
}
const path = '/notes/Zo%C3%AB%20B?title=Zo%C3%AB%20B'
console.log('itty-router:', await ask(path))
console.log('hono:       ', 200, await (await hono.request(path)).text())
for (const [type, body] of [
  ['application/json', '{"title":"milk"}'],
  ['application/json', '{"title":"mi'],
  ['application/x-www-form-urlencoded', 'title=milk'],
]) {
  console.log(`${body}:`, await ask('/notes', { method: 'POST', body, headers: { 'content-type': type } }))
}
for (const value of [null, false, 0]) console.log(`returns ${value}:`, await ask(`/${value}`))
SCRIPT

cat >surprise.txt <<'OUTPUT'
itty-router: 200 {"parameter":"Zo%C3%AB%20B","query":"Zoë B"}
hono:        200 {"parameter":"Zoë B","query":"Zoë B"}
{"title":"milk"}: 200 {"type":"object","content":{"title":"milk"},"title":"milk"}
{"title":"mi: 200 {"type":"string","content":"{\"title\":\"mi","title":"undefined"}
title=milk: 200 {"type":"object","content":{},"title":"undefined"}
returns null: 404 {"status":404,"error":"Not Found"}
returns false: 200 false
returns 0: 200 0
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: itty-router 6.0.0, hono 4.13.19'
echo 'expected: Zoë, an error, null'
echo 'seen:     Zo%C3%AB, a text, 404'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
