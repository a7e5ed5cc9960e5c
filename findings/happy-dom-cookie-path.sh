#!/usr/bin/env bash
#
# happy-dom 21.0.4, jsdom 29.1.1
#
# Expectation: At http://localhost/ a cookie without Path has the default path / (RFC 6265, 5.1.4): "sid=1" and
# "sid=2; Path=/" are one cookie, and either form deletes the other, as in browsers and jsdom.
#
# Seen: In happy-dom they are two cookies of one name. A cookie that a server or script set with Path=/ cannot be
# replaced or deleted without Path, and the other way round.
#
# Who is hurt: Tests of sign-out and consent in happy-dom: the cookie is still there after code that is right in
# browsers has deleted it, and of two values of one name the older comes first.
#
# Remedy: Write Path=/ out in every document.cookie of the app, or use jsdom for these tests.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  happy-dom@21.0.4 jsdom@29.1.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { Window } from 'happy-dom'
import { JSDOM } from 'jsdom'

const documents = {
  jsdom: () => new JSDOM('', { url: 'http://localhost/' }).window.document,
  'happy-dom': () => new Window({ url: 'http://localhost/' }).document,
}
const past = 'Expires=Thu, 01 Jan 1970 00:00:00 GMT'
const steps = [
  ['sid=1', 'sid=2; Path=/'],
  ['sid=1; Path=/', `sid=; ${past}`],
  ['sid=1', `sid=; ${past}; Path=/`],
]
for (const [name, open] of Object.entries(documents)) {
  for (const cookies of steps) {
    const document = open()
    for (const cookie of cookies) document.cookie = cookie
    console.log(`${name}: ${cookies.join(' then ').replaceAll(past, '(past)')}: ${JSON.stringify(document.cookie)}`)
  }
}
process.exit(0)
SCRIPT

cat >surprise.txt <<'OUTPUT'
jsdom: sid=1 then sid=2; Path=/: "sid=2"
jsdom: sid=1; Path=/ then sid=; (past): ""
jsdom: sid=1 then sid=; (past); Path=/: ""
happy-dom: sid=1 then sid=2; Path=/: "sid=1; sid=2"
happy-dom: sid=1; Path=/ then sid=; (past): "sid=1"
happy-dom: sid=1 then sid=; (past); Path=/: "sid=1"
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: happy-dom 21.0.4, jsdom 29.1.1'
echo 'expected: one cookie'
echo 'seen:     two, of which one cannot be deleted'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
