#!/usr/bin/env bash
#
# h3 1.15.11
#
# Expectation: setCookie appends a cookie unless the same one was set before: a cookie with Partitioned and one without
# are two cookies for a browser, and both are sent.
#
# Seen: Two cookies of one name, path and domain are one for setCookie, whether partitioned or not: the second replaces
# the first, so that the response to "delete the old one, set the partitioned one" has only the new cookie.
#
# Who is hurt: An embedded app that moves its session to partitioned cookies (CHIPS): the old cookie is never deleted,
# the browser sends both under one name, and the server reads either, so that a person who signed out is still signed
# in, or signs in and is not.
#
# Remedy: Delete the old cookie with appendResponseHeader(event, "set-cookie", ...); or give the partitioned cookie
# another name.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  h3@1.15.11 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { appendResponseHeader, createApp, deleteCookie, eventHandler, setCookie, toWebHandler } from 'h3'

const cookiesOf = async (handler) => {
  const answer = toWebHandler(createApp().use(eventHandler((event) => (handler(event), 'done'))))
  return (await answer(new Request('http://app.example/'))).headers.getSetCookie()
}
const session = { path: '/', secure: true, sameSite: 'none' }

const print = (name, cookies) => {
  console.log(`${name}: ${cookies.length}`)
  for (const cookie of cookies) console.log(`  ${cookie}`)
}
print(
  'deleted, and set with Partitioned',
  await cookiesOf((event) => {
    deleteCookie(event, 'session', session)
    setCookie(event, 'session', 'new', { ...session, partitioned: true })
  }),
)
print(
  'the same with another path',
  await cookiesOf((event) => {
    deleteCookie(event, 'session', { ...session, path: '/app' })
    setCookie(event, 'session', 'new', { ...session, partitioned: true })
  }),
)
print(
  'deleted by a header',
  await cookiesOf((event) => {
    setCookie(event, 'session', 'new', { ...session, partitioned: true })
    appendResponseHeader(event, 'set-cookie', 'session=; Max-Age=0; Path=/; Secure; SameSite=None')
  }),
)
SCRIPT

cat >surprise.txt <<'OUTPUT'
deleted, and set with Partitioned: 1
  session=new; Path=/; Secure; SameSite=None; Partitioned
the same with another path: 2
  session=; Max-Age=0; Path=/app; Secure; SameSite=None
  session=new; Path=/; Secure; SameSite=None; Partitioned
deleted by a header: 2
  session=new; Path=/; Secure; SameSite=None; Partitioned
  session=; Max-Age=0; Path=/; Secure; SameSite=None
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: h3 1.15.11'
echo 'expected: both cookies'
echo 'seen:     the second one alone'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
