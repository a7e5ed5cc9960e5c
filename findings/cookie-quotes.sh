#!/usr/bin/env bash
#
# cookie 0.7.2, cookie 1.1.1, hono 4.13.19, @fastify/cookie 11.1.5, fastify 5.12.8
#
# Expectation: A value in double quotes, as Python's http.cookies and Java servers write any value with a space, a
# comma or a slash, is read without them: cookie 0.7 (Express) does so, Hono does, and RFC 6265 allows the quotes
# around a value.
#
# Seen: cookie 1 and 2, and @fastify/cookie in its current release, keep the quotes as part of the value.
#
# Who is hurt: A session or preference cookie set by one service and read by another: the same cookie has two values
# in two frameworks, a signature over it does not verify and a lookup finds nothing, from an update of cookie on.
#
# Remedy: Values in base64url or percent-encoded, which nobody quotes; or a decode function that takes the quotes
# off.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  cookie-0@npm:cookie@0.7.2 cookie@1.1.1 hono@4.13.19 @fastify/cookie@11.1.5 fastify@5.12.8 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import fastifyCookie from '@fastify/cookie'
import { parseCookie } from 'cookie'
import cookie0 from 'cookie-0'
import fastify from 'fastify'
import { Hono } from 'hono'
import { getCookie } from 'hono/cookie'

const cookie = 'sid="a/b"'
const hono = new Hono().get('/', (context) => context.text(getCookie(context, 'sid')))
const server = fastify()
await server.register(fastifyCookie)
server.get('/', (request, reply) => reply.send(request.cookies.sid))

console.log('cookie 0.7.2   ', cookie0.parse(cookie).sid)
console.log('Hono           ', await (await hono.request('/', { headers: { cookie } })).text())
console.log('cookie 1.1.1   ', parseCookie(cookie).sid)
console.log('@fastify/cookie', (await server.inject({ url: '/', headers: { cookie } })).body)
SCRIPT

cat >surprise.txt <<'OUTPUT'
cookie 0.7.2    a/b
Hono            a/b
cookie 1.1.1    "a/b"
@fastify/cookie "a/b"
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: cookie 0.7.2, cookie 1.1.1, hono 4.13.19, @fastify/cookie 11.1.5, fastify 5.12.8'
echo 'expected: four readers, one value'
echo 'seen:     two with the quotes and two without'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
