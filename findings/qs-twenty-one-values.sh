#!/usr/bin/env bash
#
# qs 6.17.1, express 5.3.0, light-my-request 6.6.0
#
# Expectation: A parameter that occurs several times, or with [], is an array of its values, however many there are; the
# limit of 20 is for indices that are written out, such as a[100], as it always was.
#
# Seen: Since 6.14.1 the limit is for all forms: the twenty-first value turns the array into an object with the keys 0
# to 20. In Express with the query parser "extended" twenty ids are an array, twenty-one are not; bodies
# (express.urlencoded) have a higher limit and stay arrays.
#
# Who is hurt: Routes such as /notes?id=1&id=2...: Array.isArray is false, the usual fallback [value] makes one id
# "[object Object]" of them, and the person who selected more than twenty entries gets none. Tests with three values
# pass, and the change came with a patch version.
#
# Remedy: app.set("query parser", (text) => qs.parse(text, { arrayLimit: 1000 })), or the default parser of Express 5;
# Object.values where an object may come.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  qs@6.17.1 express@5.3.0 light-my-request@6.6.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import express from 'express'
import inject from 'light-my-request'
import qs from 'qs'

const text = (name, count) => Array.from({ length: count }, (_, index) => `${name}=${index}`).join('&')
const form = (value) => (Array.isArray(value) ? `array of ${value.length}` : `object of ${Object.keys(value).length}`)
const app = express()
app.set('query parser', 'extended')
app.use(express.urlencoded({ extended: true }))
app.get('/', (request, response) => response.send(form(request.query.id)))
app.post('/', (request, response) => response.send(form(request.body.id)))
const headers = { 'content-type': 'application/x-www-form-urlencoded' }

for (const count of [20, 21]) {
  const { id } = qs.parse(text('id', count))
  const { id: brackets } = qs.parse(text('id[]', count))
  const query = await inject(app, { url: `/?${text('id', count)}` })
  const body = await inject(app, { method: 'POST', url: '/', headers, payload: text('id', count) })
  console.log(`${count} values: id= ${form(id)}, id[]= ${form(brackets)}, Express query: ${query.payload}, body: ${body.payload}`)
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
20 values: id= array of 20, id[]= array of 20, Express query: array of 20, body: array of 20
21 values: id= object of 21, id[]= object of 21, Express query: object of 21, body: array of 21
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: qs 6.17.1, express 5.3.0, light-my-request 6.6.0'
echo 'expected: an array of 21'
echo 'seen:     an object of 21'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
