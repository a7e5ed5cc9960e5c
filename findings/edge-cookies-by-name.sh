#!/usr/bin/env bash
#
# @edge-runtime/cookies 6.0.0, hono 4.13.19
#
# Expectation: A response can set two cookies of one name that differ in path or domain, as RFC 6265 has it, and delete
# an old one while it sets a new one. A cookie whose value cannot be decoded is there with its text.
#
# Seen: The cookies of a response are kept by name: only the last call counts, so of "delete the one of /app" and "set
# the one of /" one is sent. A cookie with a % that begins no escape is not in the request at all, where Hono and cookie
# give its text. If a request has two cookies of a name, the last counts, which is the one with the shorter path.
# Next.js 16.4.5 (NextResponse.cookies, cookies()) has a copy of the package and does the same.
#
# Who is hurt: Apps that move their session cookie to another path or to the parent domain: the old cookie stays in the
# browser beside the new one, and which of the two a server reads depends on its framework; people are signed out, or
# cannot sign out.
#
# Remedy: response.headers.append("set-cookie", ...) for one of the two; encodeURIComponent for every value.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @edge-runtime/cookies@6.0.0 hono@4.13.19 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { RequestCookies, ResponseCookies } from '@edge-runtime/cookies'
import { Hono } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'

const old = { path: '/app', maxAge: 0 }
const response = new Response()
const cookies = new ResponseCookies(response.headers)
cookies.set('session', '', old)
cookies.set('session', 'new', { path: '/' })
console.log('edge-runtime:', response.headers.getSetCookie().map((line) => line.split('; Expires')[0]))

const app = new Hono()
app.get('/set', (context) => {
  setCookie(context, 'session', '', old)
  setCookie(context, 'session', 'new', { path: '/' })
  return context.text('')
})
app.get('/get', (context) => context.json({ discount: getCookie(context, 'discount'), session: getCookie(context, 'session') }))
console.log('hono:        ', (await app.request('/set')).headers.getSetCookie())

const headers = new Headers({ cookie: 'discount=50%; session=of /app; session=of /' })
const request = new RequestCookies(headers)
console.log('edge-runtime:', { discount: request.get('discount')?.value, session: request.get('session')?.value })
console.log('hono:        ', await (await app.request('/get', { headers })).json())
SCRIPT

cat >surprise.txt <<'OUTPUT'
edge-runtime: [ 'session=new; Path=/' ]
hono:         [ 'session=; Max-Age=0; Path=/app', 'session=new; Path=/' ]
edge-runtime: { discount: undefined, session: 'of /' }
hono:         { discount: '50%', session: 'of /app' }
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @edge-runtime/cookies 6.0.0, hono 4.13.19'
echo 'expected: two Set-Cookie lines, and the text 50%'
echo 'seen:     one line, and no cookie'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
