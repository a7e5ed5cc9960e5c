#!/usr/bin/env bash
#
# ofetch 1.5.1, ky 1.14.3
#
# Expectation: A client that repeats requests answered with 429 and 503 by itself reads Retry-After, as ky and got do:
# the header is why these codes can be retried at all.
#
# Seen: ofetch does not read it. With the defaults a GET is sent again in the same millisecond; with retry: 3 four
# requests arrive before the second that the server asked for is over, POST included. The README gives the codes and the
# delay of 0 and does not mention the header.
#
# Who is hurt: Sign-in and token routes with a limiter: each refusal counts twice or four times, windows that slide
# never end, and all tabs of a person behind one address lock each other out.
#
# Remedy: retry: 0 on routes of authentication, or retryDelay as a function that reads
# context.response.headers.get('retry-after').
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  ofetch@1.5.1 ky@1.14.3 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { ofetch } from 'ofetch'
import ky from 'ky'
import { createServer } from 'node:http'

const times = []
const server = createServer((request, response) => {
  times.push(performance.now())
  response.writeHead(429, { 'retry-after': '1', 'content-type': 'application/json' }).end('{}')
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const url = `http://127.0.0.1:${server.address().port}/token`

async function measure(label, send) {
  times.length = 0
  const status = await send().catch((error) => error.response?.status ?? error.message)
  const waits = times.slice(1).map((time, index) => (time - times[index] > 900 ? 'waited' : 'at once'))
  console.log(label.padEnd(22), status, `requests: ${times.length}`, waits.join(', '))
}

await measure('ky, retry 1', () => ky(url, { retry: 1 }))
await measure('ofetch', () => ofetch(url))
await measure('ofetch, retry 3', () => ofetch(url, { retry: 3 }))
await measure('ofetch, POST, retry 3', () => ofetch(url, { method: 'POST', retry: 3 }))
server.close()
process.exit()
SCRIPT

cat >surprise.txt <<'OUTPUT'
ky, retry 1            429 requests: 2 waited
ofetch                 429 requests: 2 at once
ofetch, retry 3        429 requests: 4 at once, at once, at once
ofetch, POST, retry 3  429 requests: 4 at once, at once, at once
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: ofetch 1.5.1, ky 1.14.3'
echo 'expected: the second request comes after the second that the server asked for'
echo 'seen:     ofetch sends all of them at once'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
