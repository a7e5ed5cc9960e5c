#!/usr/bin/env bash
#
# msw 2.15.0
#
# Expectation: A mocked response sets a cookie: in Node, where fetch has no cookie jar, nothing is sent back; or,
# with a jar, a later request carries sid=ada, unless it says credentials: "omit", and the attributes stay with the
# jar. How the headers of the response are written down makes no difference. A new server starts clean.
#
# Seen: Every later request has the cookie, credentials: "omit" included, and its Cookie header is the whole
# Set-Cookie line, twice: Path is a cookie to whoever parses it. Of two Set-Cookie lines only the first is kept.
# close and a new server change nothing, the jar lives as long as the process. With the same headers in a Headers
# object nothing is kept at all.
#
# Who is hurt: Tests of sign-in and sign-out: a test passes since an earlier one signed in; a request that must go
# out without credentials has them; of a session and a cache cookie one is missing; a strict parser of cookies in
# the handler fails; and wrapping the headers changes all that.
#
# Remedy: Give mocked cookies in a Headers object and send the Cookie header from the test; or hosts of its own for
# each test, as the jar is by host.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  msw@2.15.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { http, HttpResponse } from 'msw'
import { setupServer } from 'msw/node'

const cookies = [
  ['set-cookie', 'sid=ada; Path=/'],
  ['set-cookie', 'cache=1; Path=/'],
]
function serve(title, host, headers) {
  const server = setupServer(
    http.get(`http://${host}/sign-in`, () => HttpResponse.json({}, { headers })),
    http.get(`http://${host}/me`, ({ request }) => {
      console.log(title, '|', request.credentials, '|', request.headers.get('cookie'))
      return HttpResponse.json({})
    }),
  )
  server.listen()
  return server
}
const first = serve('array  ', 'notes.test', cookies)
await fetch('http://notes.test/sign-in')
await fetch('http://notes.test/me')
await fetch('http://notes.test/me', { credentials: 'omit' })
first.close()

const second = serve('later  ', 'notes.test', cookies)
await fetch('http://notes.test/me')
second.close()

const third = serve('Headers', 'other.test', new Headers(cookies))
await fetch('http://other.test/sign-in')
await fetch('http://other.test/me')
third.close()
SCRIPT

cat >surprise.txt <<'OUTPUT'
array   | same-origin | sid=ada; Path=/; sid=ada; Path=/
array   | omit | sid=ada; Path=/; sid=ada; Path=/
later   | same-origin | sid=ada; Path=/; sid=ada; Path=/
Headers | same-origin | null
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: msw 2.15.0'
echo 'expected: sid=ada at most, nothing with credentials: omit'
echo 'seen:     the attributes as cookies, twice, always, after close as well; or nothing'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
