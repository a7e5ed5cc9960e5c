#!/usr/bin/env bash
#
# graphql-ws 6.4.2, graphql 16.11.0, ws 8.23.0
#
# Expectation: connectionParams is a function so that each connection asks for a fresh token, and shouldRetry: () =>
# true is documented as "the client will keep retrying". A server that ends a connection when its token is over closes
# with 4401, the code that applications take for HTTP's 401; the client connects again with the next token.
#
# Seen: 4401 and 1008 are final: one connection, connectionParams asked once, shouldRetry not asked at all. 4403,
# "forbidden", is retried with fresh parameters. A comment in the type of retryAttempts lists 4401 as meaning "tried
# subscribing before connect ack"; 1008 is not in it.
#
# Who is hurt: A subscription works until the first access token is over, then stops for good in every open tab; a test
# with one short connection does not show it.
#
# Remedy: End a connection at expiry with 4403 or a code of your own such as 4499, and reserve 4401 for what no new
# token can mend.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  graphql-ws@6.4.2 graphql@16.11.0 ws@8.23.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { createClient } from 'graphql-ws'
import { WebSocket, WebSocketServer } from 'ws'

async function attempt(code) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: (offered) => [...offered][0] })
  await new Promise((resolve) => server.on('listening', resolve))
  let connections = 0
  server.on('connection', (socket) => {
    connections += 1
    socket.on('message', (text) => {
      const { id, type } = JSON.parse(text)
      if (type === 'connection_init') socket.send('{"type":"connection_ack"}')
      if (type !== 'subscribe') return
      if (connections === 1) socket.close(code, 'token expired')
      else socket.send(JSON.stringify({ id, type: 'complete' }))
    })
  })
  let tokens = 0
  let asked = 0
  const client = createClient({
    url: `ws://127.0.0.1:${server.address().port}`,
    webSocketImpl: WebSocket,
    connectionParams: () => ({ token: ++tokens }),
    shouldRetry: () => Boolean(++asked),
    retryWait: async () => {},
  })
  const outcome = await new Promise((resolve) =>
    client.subscribe(
      { query: 'subscription { notes }' },
      { next() {}, error: (event) => resolve(`error ${event.code}`), complete: () => resolve('complete') },
    ),
  )
  console.log(code, { connections, tokens, asked, outcome })
}

for (const code of [4499, 4403, 4401, 1008]) await attempt(code)
process.exit()
SCRIPT

cat >surprise.txt <<'OUTPUT'
4499 { connections: 2, tokens: 2, asked: 1, outcome: 'complete' }
4403 { connections: 2, tokens: 2, asked: 1, outcome: 'complete' }
4401 { connections: 1, tokens: 1, asked: 0, outcome: 'error 4401' }
1008 { connections: 1, tokens: 1, asked: 0, outcome: 'error 1008' }
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: graphql-ws 6.4.2, graphql 16.11.0, ws 8.23.0'
echo 'expected: all three codes lead to a new connection with new parameters'
echo 'seen:     4401 and 1008 end the client, 4403 does not'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
