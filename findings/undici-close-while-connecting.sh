#!/usr/bin/env bash
#
# undici 6.29.1 and 7.30.2 (the WebSocket of Node 20 to 24), next to ws 8.23.0
#
# Expectation: close() on a socket that is still connecting leads to `close` with code 1006, after which readyState is
# 3 and stays 3, as the standard says and as browsers and ws do.
#
# Seen: undici 6 tells of two errors, within the call and when the server hangs up, and never of the close; readyState
# stays 2. undici 7 tells of error and close within the call, while readyState is 3; afterwards it is 2 again, and
# stays there.
#
# Who is hurt: What closes a socket in order to open the next one with a fresh token, and waits for `close` (6) or
# looks at readyState (both): it waits for ever, in tests, on servers and in command-line programs. A listener that
# opens the next socket runs before close() has returned (7).
#
# Remedy: Drop the listeners and the reference when you call close(), and do not wait for the socket.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund \
  undici6@npm:undici@6.29.1 undici7@npm:undici@7.30.2 ws@8.23.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { createServer } from 'node:http'

async function closeEarly(name) {
  const { WebSocket } = await import(name)
  const server = createServer()
  // The server has the request and does not answer it yet.
  const asked = new Promise((resolve) => server.once('upgrade', (_, socket) => resolve(socket.on('error', () => {}))))
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const socket = new WebSocket(`ws://127.0.0.1:${server.address().port}`)
  const seen = []
  for (const type of ['open', 'error', 'close'])
    socket.addEventListener(type, (event) => seen.push([type, event.code, `(${socket.readyState})`].filter(Boolean).join(' ')))
  const connection = await asked
  socket.close()
  seen.push('returned')
  connection.destroy()
  await new Promise((resolve) => server.close(resolve))
  await new Promise((resolve) => setTimeout(resolve, 500))
  console.log(`${name}: ${seen.join(', ')}; then readyState ${socket.readyState}`)
}

for (const name of ['undici6', 'undici7', 'ws']) await closeEarly(name)
process.exit(0)
SCRIPT

cat >surprise.txt <<'OUTPUT'
undici6: error (0), returned, error (2); then readyState 2
undici7: error (3), close 1006 (3), returned; then readyState 2
ws: returned, error (2), close 1006 (3); then readyState 3
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: undici 6.29.1, undici 7.30.2, ws 8.23.0'
echo 'expected: a close event after close() has returned, and readyState 3'
echo 'seen:     undici 6 has no close event; the readyState of undici 7 goes from 3 back to 2'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
