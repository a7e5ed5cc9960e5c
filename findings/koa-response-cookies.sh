#!/usr/bin/env bash
#
# koa 3.3.0, light-my-request 6.8.1
#
# Expectation: ctx.body = response, which Koa 3 takes, sends the headers of the Response: each Set-Cookie as a header of
# its own, beside the cookies that were set before.
#
# Seen: Several Set-Cookie headers become one with a comma between them, which a browser reads as one cookie: the second
# is gone, and its attributes are those of the first. Cookies of ctx.cookies.set and a Vary of before are replaced. One
# cookie alone is right.
#
# Who is hurt: An auth library with a fetch handler mounted in Koa (ctx.body = await auth.handler(request)): sign-in
# sets the session cookie and not the second one, such as the cached session or the hint of the last method, and
# sign-out deletes one of them.
#
# Remedy: Copy by hand: ctx.append("set-cookie", cookie) for each of response.headers.getSetCookie(), the other headers
# by ctx.set, and ctx.body = response.body.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  koa@3.3.0 light-my-request@6.8.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import Koa from 'koa'
import inject from 'light-my-request'

const answer = (...cookies) => {
  const headers = new Headers({ vary: 'Accept' })
  for (const cookie of cookies) headers.append('set-cookie', cookie)
  return new Response('ok', { headers })
}
async function show(label, handler) {
  const app = new Koa()
  app.use(handler)
  const { headers } = await inject(app.callback(), { url: '/' })
  console.log(`${label}: ${JSON.stringify(headers['set-cookie'])}, vary ${headers.vary}`)
}
const token = 'token=1; Path=/; HttpOnly'
const data = 'data=2; Path=/'
await show('one cookie', (ctx) => {
  ctx.body = answer(token)
})
await show('two cookies', (ctx) => {
  ctx.body = answer(token, data)
})
await show('two by ctx.cookies', (ctx) => {
  ctx.cookies.set('token', '1').set('data', '2')
  ctx.body = 'ok'
})
await show('one before', (ctx) => {
  ctx.cookies.set('seen', '1')
  ctx.set('vary', 'Origin')
  ctx.body = answer(token)
})
SCRIPT

cat >surprise.txt <<'OUTPUT'
one cookie: "token=1; Path=/; HttpOnly", vary Accept
two cookies: "token=1; Path=/; HttpOnly, data=2; Path=/", vary Accept
two by ctx.cookies: ["token=1; path=/; httponly","data=2; path=/; httponly"], vary undefined
one before: "token=1; Path=/; HttpOnly", vary Accept
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: koa 3.3.0, light-my-request 6.8.1'
echo 'expected: token and data as two headers'
echo 'seen:     one header with a comma'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
