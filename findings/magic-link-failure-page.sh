#!/usr/bin/env bash
#
# better-auth 1.7.25
#
# Expectation: /magic-link/verify without callbackURL answers in one way: JSON with the session when the link is good,
# JSON with a code and a status from 400 on when it is used up, as the other routes of Better Auth do. Only a call with
# callbackURL redirects.
#
# Seen: The good link is answered with 200 and JSON. The used-up link is answered with 302 to the start page of the
# server and ?error=INVALID_TOKEN in its address, without a body, also for a request that accepts JSON only.
#
# Who is hurt: Native apps and programs that call the route with fetch, which follows the redirect: they get the start
# page with status 200, or its 404, and JSON.parse fails on "<", so the user is told of a broken server instead of a
# link that was used. The reason is lost with the address, unless response.url is read.
#
# Remedy: fetch(address, { redirect: "manual" }) and read error from the header location, or from response.url where the
# platform does not show it.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  better-auth@1.7.25 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { magicLink } from 'better-auth/plugins'

let token
const auth = betterAuth({
  baseURL: 'https://notes.test',
  secret: 'a-secret-for-this-script-only-0123456789',
  database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
  plugins: [magicLink({ sendMagicLink: (sent) => void (token = sent.token) })],
})
const call = (path, init) => auth.handler(new Request('https://notes.test/api/auth' + path, init))
const post = (body) => ({ method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })

await call('/sign-in/magic-link', post({ email: 'ann@notes.test' }))
for (const name of ['good link', 'used-up link']) {
  const answer = await call('/magic-link/verify?token=' + token, { headers: { accept: 'application/json' } })
  const text = await answer.text()
  const body = text ? 'JSON with ' + Object.keys(JSON.parse(text)).join(', ') : 'no body'
  console.log(`${name}: ${answer.status}, ${answer.headers.get('location') ?? 'no location'}, ${body}`)
}
const other = await call('/sign-in/magic-link', post({}))
console.log(`another route: ${other.status}, no redirect, JSON with ${Object.keys(await other.json()).join(', ')}`)
SCRIPT

cat >surprise.txt <<'OUTPUT'
good link: 200, no location, JSON with token, user, session
used-up link: 302, https://notes.test/?error=INVALID_TOKEN, no body
another route: 400, no redirect, JSON with message, code
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: better-auth 1.7.25'
echo 'expected: JSON with the reason for both'
echo 'seen:         JSON when it works, a redirect to the start page when it fails'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
