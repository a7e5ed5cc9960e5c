#!/usr/bin/env bash
#
# workbox-background-sync 7.4.1, fake-indexeddb 6.2.8
#
# Expectation: A queue for failed requests keeps a request until the server has taken it: a 401, 429 or 503 at the
# replay puts it back, as a lost connection does.
#
# Seen: Any answer at all takes the request out of the queue. Only a rejected fetch puts it back. The headers are
# those of the day on which the request was queued, Authorization included.
#
# Who is hurt: Writes that were queued offline for longer than an access token lives: at the first reconnection each
# is sent with its expired token, answered 401 and deleted; the queue is empty, the sync event counts as done, nobody
# is told. A server that answers 503 for a minute after a deploy loses the writes of everyone who reconnects in it.
#
# Remedy: An onSync of one's own that shifts an entry, sets a fresh Authorization, and on anything but 2xx calls
# unshiftRequest(entry) and throws; or queue the change, not the request, in the page's own store.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  workbox-background-sync@7.4.1 fake-indexeddb@6.2.8 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import 'fake-indexeddb/auto'

globalThis.self = globalThis
self.registration = { scope: 'https://notes.test/', sync: { async register() {} } }
self.addEventListener = () => {}
self.location = new URL('https://notes.test/sw.js')
self.__WB_DISABLE_DEV_LOGS = true
const { Queue } = await import('workbox-background-sync/Queue.js')

const queue = new Queue('writes')
for (const status of [200, 401, 503, 'no connection']) {
  await queue.pushRequest({
    request: new Request('https://notes.test/notes', { method: 'POST', body: 'a note', headers: { authorization: 'Bearer of-monday' } }),
  })
  let sent
  globalThis.fetch = async (request) => {
    sent = request.headers.get('authorization')
    if (status === 'no connection') throw new TypeError('Failed to fetch')
    return new Response(null, { status })
  }
  await queue.replayRequests().catch(() => {})
  console.log('replay with', sent, '->', status, '-> left in the queue:', await queue.size())
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
replay with Bearer of-monday -> 200 -> left in the queue: 0
replay with Bearer of-monday -> 401 -> left in the queue: 0
replay with Bearer of-monday -> 503 -> left in the queue: 0
replay with Bearer of-monday -> no connection -> left in the queue: 1
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: workbox-background-sync 7.4.1, fake-indexeddb 6.2.8'
echo 'expected: 1 left after 401 and 503'
echo 'seen:     0 left, whatever the server answers'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
