#!/usr/bin/env bash
#
# @supabase/auth-js 2.119.0
#
# Expectation: A session whose access token has expired and cannot be renewed at the moment is kept: after a 429, a 408,
# or the page of a captive portal or a proxy the next attempt may succeed. Only the answer of the server that the
# refresh token is not valid ends it.
#
# Seen: Everything but a lost connection and a 5xx such as 503 ends it: after 429, 408, and HTML with 403, 404 or 511
# the session is removed from storage, the event is SIGNED_OUT, and the refresh token, still valid on the server, is
# gone. A 503 is tried again and the session stays. Issue 2145 of supabase-js is about it; since then an access token
# that has not expired is kept.
#
# Who is hurt: People in a hotel or a train whose network answers with its own page, people behind one address that has
# used up its limit for token renewals, and everyone while a firewall or a proxy in front of the server misbehaves: all
# signed out, and guests (signInAnonymously) lose their account for good, since nothing else leads to it.
#
# Remedy: A fetch of one's own in the options that turns answers without the JSON of the server, 408 and 429 into a
# rejection, which counts as a lost connection; a copy of the refresh token of anonymous users.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @supabase/auth-js@2.119.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { GoTrueClient } from '@supabase/auth-js'

console.error = () => {}
const now = Math.floor(Date.now() / 1000)
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
const access_token = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: 'ada', exp: now - 60 })}.c2ln`
const times = { expires_at: now - 60, expires_in: 3600 }
const session = { access_token, refresh_token: 'a', ...times, token_type: 'bearer', user: { id: 'ada' } }
const json = (status, body) => () => Response.json(body, { status })
const page = (status) => () => new Response('<html>Welcome</html>', { status, headers: { 'content-type': 'text/html' } })
const answers = {
  'a refresh token that is not valid': json(400, { code: 'refresh_token_not_found', message: 'Invalid Refresh Token' }),
  '503, unavailable': json(503, {}),
  '429, too many requests': json(429, { code: 'over_request_rate_limit', message: 'Request rate limit reached' }),
  '408, request timeout': json(408, {}),
  '511, captive portal': page(511),
  '403 of a proxy': page(403),
  '404 of a proxy': page(404),
}
for (const [name, answer] of Object.entries(answers)) {
  const kept = new Map([['session', JSON.stringify(session)]])
  const storage = {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  }
  const events = []
  const options = { url: 'https://db.test/auth/v1', storageKey: 'session', autoRefreshToken: false, detectSessionInUrl: false }
  let asked
  const second = new Promise((resolve) => (asked = resolve))
  let requests = 0
  const fetch = async () => {
    requests += 1
    if (requests === 2) asked()
    return answer()
  }
  const client = new GoTrueClient({ ...options, storage, fetch })
  client.onAuthStateChange((event) => events.push(event))
  await Promise.race([client.getSession(), second])
  const signedOut = events.filter((event) => event === 'SIGNED_OUT')
  console.log(`${name}: session ${kept.has('session') ? 'kept' : 'removed'}, events ${signedOut}`)
}
process.exit(0)
SCRIPT

cat >surprise.txt <<'OUTPUT'
a refresh token that is not valid: session removed, events SIGNED_OUT
503, unavailable: session kept, events 
429, too many requests: session removed, events SIGNED_OUT
408, request timeout: session removed, events SIGNED_OUT
511, captive portal: session removed, events SIGNED_OUT
403 of a proxy: session removed, events SIGNED_OUT
404 of a proxy: session removed, events SIGNED_OUT
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @supabase/auth-js 2.119.0'
echo 'expected: kept'
echo 'seen:     removed, SIGNED_OUT'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
