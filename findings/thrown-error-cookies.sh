#!/usr/bin/env bash
#
# h3 2.0.8, koa 3.3.0, hono 4.13.19, fastify 5.12.8, @fastify/cookie 11.1.5, light-my-request 6.8.1
#
# Expectation: A handler deletes a stale session cookie and throws a 401: the answer has the 401 and the deleted cookie,
# as in Hono and Fastify.
#
# Seen: H3 and Koa answer an error with headers of its own: all that was set before is gone, the deleted cookie
# included. The same handlers with a returned 401 keep it.
#
# Who is hurt: Sign-out by the server: a session that was ended elsewhere is refused, the cookie stays, and each further
# request brings it again; an app that reloads on 401 goes round in a circle. The same for a cookie that counts
# attempts, and for CORS headers set by hand, without which the page cannot even read the 401.
#
# Remedy: Return the 401 instead of throwing it; in Koa put the headers into error.headers, in h3 into the headers of
# HTTPError.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  h3@2.0.8 koa@3.3.0 hono@4.13.19 fastify@5.12.8 @fastify/cookie@11.1.5 light-my-request@6.8.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import cookie from '@fastify/cookie'
import Fastify from 'fastify'
import { H3, HTTPError, deleteCookie } from 'h3'
import { Hono } from 'hono'
import { deleteCookie as deleteInHono } from 'hono/cookie'
import { HTTPException } from 'hono/http-exception'
import Koa from 'koa'
import inject from 'light-my-request'

const show = (label, status, cookies) => console.log(`${label}: ${status}, cookies in the answer ${cookies.length}`)
const get = async (listener) => {
  const answer = await inject(listener, { url: '/' })
  return [answer.statusCode, [answer.headers['set-cookie'] ?? []].flat()]
}
for (const how of ['thrown', 'returned']) {
  const thrown = how === 'thrown'
  const h3 = new H3()
  h3.get('/', (event) => {
    deleteCookie(event, 'session')
    if (thrown) throw new HTTPError({ status: 401 })
    event.res.status = 401
    return 'no'
  })
  const fromH3 = await h3.request('/')
  show(`h3, ${how}`, fromH3.status, fromH3.headers.getSetCookie())

  const koa = new Koa()
  koa.silent = true
  koa.use((ctx) => {
    ctx.cookies.set('session', null)
    if (thrown) ctx.throw(401)
    ctx.status = 401
    ctx.body = 'no'
  })
  show(`koa, ${how}`, ...(await get(koa.callback())))

  const hono = new Hono()
  hono.get('/', (c) => {
    deleteInHono(c, 'session')
    if (thrown) throw new HTTPException(401)
    return c.text('no', 401)
  })
  const fromHono = await hono.request('/')
  show(`hono, ${how}`, fromHono.status, fromHono.headers.getSetCookie())

  const fastify = Fastify()
  await fastify.register(cookie)
  fastify.get('/', async (request, reply) => {
    reply.clearCookie('session')
    if (thrown) throw Object.assign(new Error('no'), { statusCode: 401 })
    return reply.code(401).send('no')
  })
  const fromFastify = await fastify.inject('/')
  show(`fastify, ${how}`, fromFastify.statusCode, fromFastify.cookies)
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
h3, thrown: 401, cookies in the answer 0
koa, thrown: 401, cookies in the answer 0
hono, thrown: 401, cookies in the answer 1
fastify, thrown: 401, cookies in the answer 1
h3, returned: 401, cookies in the answer 1
koa, returned: 401, cookies in the answer 1
hono, returned: 401, cookies in the answer 1
fastify, returned: 401, cookies in the answer 1
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: h3 2.0.8, koa 3.3.0, hono 4.13.19, fastify 5.12.8, @fastify/cookie 11.1.5, light-my-request 6.8.1'
echo 'expected: the cookie is deleted with the 401'
echo 'seen:     h3 and koa: the cookie stays'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
