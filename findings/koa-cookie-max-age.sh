#!/usr/bin/env bash
#
# koa 3.3.0, cookies 0.9.2, cookie 1.1.1
#
# Expectation: maxAge: 0 writes a cookie that the browser drops at once, as RFC 6265 has it and the package cookie
# writes it (Max-Age=0), on which most frameworks build. Values are decoded when read, as cookie does by default.
#
# Seen: Koa's cookies (the package cookies) treats 0 as no age: the cookie is set anew, with its value, for the rest
# of the browser's session. Only an empty or null value deletes. Values are read as they stand, percent signs
# included.
#
# Who is hurt: A sign-out by ctx.cookies.set("sid", value, { maxAge: 0 }), or a remaining time computed to 0, leaves
# the person signed in; a signed value that another framework wrote percent-encoded does not verify.
#
# Remedy: ctx.cookies.set("sid", null, options) with the options of the cookie, and decodeURIComponent after get.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  koa@3.3.0 cookies@0.9.2 cookie@1.1.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { parseCookie, stringifySetCookie } from 'cookie'
import Koa from 'koa'

const app = new Koa()
app.use((context) => {
  context.cookies.set('sid', 'ada', { maxAge: 0 })
  context.cookies.set('other', null)
  context.body = context.cookies.get('signed')
})
const server = app.listen(0, '127.0.0.1')
await new Promise((resolve) => server.once('listening', resolve))
const cookie = 'signed=ada.c2ln%3D'
const answer = await fetch(`http://127.0.0.1:${server.address().port}/`, { headers: { cookie } })
console.log('cookie, maxAge 0:', stringifySetCookie({ name: 'sid', value: 'ada', maxAge: 0 }))
console.log('koa, maxAge 0:   ', answer.headers.getSetCookie()[0])
console.log('koa, null:       ', answer.headers.getSetCookie()[1])
console.log('cookie reads', parseCookie(cookie).signed, 'koa reads', await answer.text())
server.close()
SCRIPT

cat >surprise.txt <<'OUTPUT'
cookie, maxAge 0: sid=ada; Max-Age=0
koa, maxAge 0:    sid=ada; path=/; httponly
koa, null:        other=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly
cookie reads ada.c2ln= koa reads ada.c2ln%3D
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: koa 3.3.0, cookies 0.9.2, cookie 1.1.1'
echo 'expected: an expired cookie; and a decoded value'
echo 'seen:     a session cookie with the old value; and the raw value'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
