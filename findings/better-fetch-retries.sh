#!/usr/bin/env bash
#
# @better-fetch/fetch 1.3.3
#
# Expectation: retry: 2 repeats a request that was lost on the way, and perhaps one that got 503. A 401 or a 422 is an
# answer, which is not repeated, the less so for a POST.
#
# Seen: The other way round: a lost connection is rejected after the first request, whatever retry says. Every answer
# that is not 2xx is repeated for every method, a POST that got 401 or 422 as well, and it does so at once with the same
# headers.
#
# Who is hurt: Apps that set fetchOptions: { retry } in the client of Better Auth, which is made of this package, for
# the sake of phones that lose their connection: nothing becomes better there. A wrong password is sent three times,
# counts three times towards the limit of the server, and the third answer may be 429 in place of the reason.
#
# Remedy: retry: { type, attempts, delay, shouldRetry: (response) => response !== null && response.status >= 500 }, and
# a loop of one's own around the call for lost connections.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @better-fetch/fetch@1.3.3 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { betterFetch } from '@better-fetch/fetch'

const answers = {
  'lost connection': () => Promise.reject(new TypeError('fetch failed')),
  401: async () => new Response(null, { status: 401 }),
  422: async () => new Response(null, { status: 422 }),
  503: async () => new Response(null, { status: 503 }),
}
const retry = { type: 'linear', attempts: 2, delay: 1 }
for (const method of ['GET', 'POST']) {
  for (const [name, answer] of Object.entries(answers)) {
    let requests = 0
    const customFetchImpl = () => {
      requests += 1
      return answer()
    }
    const result = await betterFetch('https://api.test/notes', { method, retry, customFetchImpl }).then(
      ({ error }) => `error ${error.status}`,
      (error) => `rejected: ${error.message}`,
    )
    console.log(`${method}, ${name}: ${requests} requests, ${result}`)
  }
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
GET, 401: 3 requests, error 401
GET, 422: 3 requests, error 422
GET, 503: 3 requests, error 503
GET, lost connection: 1 requests, rejected: fetch failed
POST, 401: 3 requests, error 401
POST, 422: 3 requests, error 422
POST, 503: 3 requests, error 503
POST, lost connection: 1 requests, rejected: fetch failed
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @better-fetch/fetch 1.3.3'
echo 'expected: 3 requests for the lost connection, 1 for 401 and 422'
echo 'seen:     1 request for the lost connection, 3 for 401 and 422'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
