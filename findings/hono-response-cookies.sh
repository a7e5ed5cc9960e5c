#!/usr/bin/env bash
#
# hono 4.13.19
#
# Expectation: A cookie that setCookie(c, ...) set, and a header of c.header(...), are on the response of that request,
# whatever the handler returns: after notFound(), after a thrown error and with a middleware that sets them after next()
# they are.
#
# Seen: If the handler returns a Response of its own (new Response, Response.json, Response.redirect, the result of
# fetch or of auth.handler), all cookies and headers set before it are dropped, also those of a middleware before
# next(), and in onError. One other middleware that reads c.res on the way brings them back, as cors() does.
#
# Who is hurt: Sign-in that sets the session cookie and answers with Response.redirect: the person is sent on and is not
# signed in. A middleware that renews a cookie works on routes with c.json and not on those of Better Auth. With cors()
# in development only, production alone is broken.
#
# Remedy: Set cookies after await next() in middleware; in handlers c.redirect, c.json and c.body; for a Response of
# another library c.newResponse(r.body, r), or new Headers and append.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  hono@4.13.19 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { Hono } from 'hono'
import { setCookie } from 'hono/cookie'
import { cors } from 'hono/cors'

const sign = (c) => {
  setCookie(c, 'session', '1')
  c.header('x-request', '7')
}
async function show(label, build) {
  const app = new Hono()
  build(app)
  const { headers } = await app.request('/')
  console.log(`${label}: cookies ${headers.getSetCookie().length}, header ${headers.get('x-request')}`)
}
const handler = (answer) => (app) => app.get('/', (c) => (sign(c), answer(c)))
const before = async (c, next) => (sign(c), await next())
const after = async (c, next) => (await next(), sign(c))

await show('c.json', handler((c) => c.json({})))
await show('c.redirect', handler((c) => c.redirect('/home')))
await show('c.notFound', handler((c) => c.notFound()))
await show('Response.json', handler(() => Response.json({})))
await show('Response.redirect', handler(() => Response.redirect('https://a.example/home')))
await show('middleware before next, c.text', (app) => app.use(before).get('/', (c) => c.text('')))
await show('middleware before next, new Response', (app) => app.use(before).get('/', () => new Response('')))
await show('middleware after next, new Response', (app) => app.use(after).get('/', () => new Response('')))
await show('onError, new Response', (app) => {
  app.use(before).onError(() => new Response('')).get('/', () => {
    throw new Error('no')
  })
})
await show('cors() and new Response', (app) => app.use(cors()).get('/', (c) => (sign(c), new Response(''))))
SCRIPT

cat >surprise.txt <<'OUTPUT'
c.json: cookies 1, header 7
c.redirect: cookies 1, header 7
c.notFound: cookies 1, header 7
Response.json: cookies 0, header null
Response.redirect: cookies 0, header null
middleware before next, c.text: cookies 1, header 7
middleware before next, new Response: cookies 0, header null
middleware after next, new Response: cookies 1, header 7
onError, new Response: cookies 0, header null
cors() and new Response: cookies 1, header 7
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: hono 4.13.19'
echo 'expected: one cookie each time'
echo 'seen:     none with a Response of its own'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
