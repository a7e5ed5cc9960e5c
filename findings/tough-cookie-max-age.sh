#!/usr/bin/env bash
#
# tough-cookie 6.1.0
#
# Expectation: A cookie with Max-Age=3600 is gone an hour after it was set, as RFC 6265 says and as a cookie with
# Expires is.
#
# Seen: Max-Age counts from the last time that the cookie was read from the jar: a jar that is asked every half an hour
# keeps it for ever, also over serialize and deserialize, and Max-Age=3600 is shown as a time to live of an hour
# whenever it is asked. Expires is right. The comment of Cookie.expiryTime says that lastAccessed is what Max-Age is
# added to; the README does not.
#
# Who is hurt: Clients and tests of sessions (the jar is that of jsdom, of axios-cookiejar-support and of fetch-cookie):
# a test shows that a person who is active stays signed in, although the server never renews the cookie, and the browser
# signs them out after an hour of work. A crawler or a command line tool goes on sending an expired session, and gets
# 401 where it could sign in again.
#
# Remedy: Servers that set Expires as well do not change it, since Max-Age has precedence; compare cookie.creation with
# cookie.maxAge before a request, or remove maxAge and set expires when the cookie is stored.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  tough-cookie@6.1.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { CookieJar } from 'tough-cookie'

const start = Date.UTC(2026, 0, 1)
let minutes = 0
const RealDate = Date
globalThis.Date = class extends RealDate {
  constructor(...parts) {
    super(...(parts.length ? parts : [Date.now()]))
  }
  static now() {
    return start + minutes * 60_000
  }
}
const url = 'https://notes.test/'
async function wait(cookie, every, until, restore = false) {
  minutes = 0
  let jar = new CookieJar()
  await jar.setCookie(cookie, url)
  while (minutes < until) {
    minutes += every
    if (restore) jar = await CookieJar.deserialize(JSON.stringify(await jar.serialize()))
    if (!(await jar.getCookieString(url))) return `gone after ${minutes} minutes`
  }
  return `there after ${minutes} minutes`
}
const expires = `session=1; Expires=${new RealDate(start + 3_600_000).toUTCString()}`
console.log('Max-Age=3600, asked after 90 minutes:', await wait('session=1; Max-Age=3600', 90, 720))
console.log('Max-Age=3600, asked every 30 minutes:', await wait('session=1; Max-Age=3600', 30, 720))
console.log('the same, saved and read each time:', await wait('session=1; Max-Age=3600', 30, 720, true))
console.log('Expires in an hour, asked every 30 minutes:', await wait(expires, 30, 720))
SCRIPT

cat >surprise.txt <<'OUTPUT'
Max-Age=3600, asked after 90 minutes: gone after 90 minutes
Max-Age=3600, asked every 30 minutes: there after 720 minutes
the same, saved and read each time: there after 720 minutes
Expires in an hour, asked every 30 minutes: gone after 60 minutes
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: tough-cookie 6.1.0'
echo 'expected: gone after an hour'
echo 'seen:     there after twelve hours'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
