#!/usr/bin/env bash
#
# @tanstack/offline-transactions 1.0.53, @tanstack/db 0.8.7
#
# Expectation: The outbox belongs to all tabs of an app. A change that is made without a network waits in it, whichever
# tab makes it, and is sent by the tab that leads.
#
# Seen: Only the tab that leads has an outbox. In every other one, createOfflineTransaction returns an ordinary
# transaction: the change is sent at once, and rolled back when there is no network. The mode of the executor says
# `offline` in both.
#
# Who is hurt: Everybody who writes offline in a second tab: the text appears, disappears, and is stored nowhere. With
# autoCommit, which is the default, the application gets no error unless it awaits isPersisted.
#
# Remedy: Look at isOfflineEnabled, which is false in such a tab, and await the commit there: if it fails, the user still
# has the text to keep.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund \
  @tanstack/offline-transactions@1.0.53 @tanstack/db@0.8.7 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { createCollection, localOnlyCollectionOptions } from '@tanstack/db'
import { startOfflineExecutor } from '@tanstack/offline-transactions'

/** What the locks of a browser decide. */
const election = (isLeader) => ({
  requestLeadership: async () => isLeader,
  releaseLeadership() {},
  isLeader: () => isLeader,
  onLeadershipChange: () => () => {},
})

const offline = { subscribe: () => () => {}, notifyOnline() {}, isOnline: () => false, dispose() {} }

async function write(tab, isLeader) {
  const notes = createCollection(localOnlyCollectionOptions({ getKey: ({ id }) => id }))
  const stored = new Map()
  const executor = startOfflineExecutor({
    collections: { notes },
    mutationFns: { save: () => Promise.reject(new TypeError('fetch failed')) },
    onlineDetector: offline,
    leaderElection: election(isLeader),
    storage: {
      get: async (key) => stored.get(key) ?? null,
      set: async (key, value) => void stored.set(key, value),
      delete: async (key) => void stored.delete(key),
      keys: async () => [...stored.keys()],
      clear: async () => stored.clear(),
    },
  })
  await executor.waitForInit()
  const transaction = executor.createOfflineTransaction({ mutationFnName: 'save', autoCommit: false })
  transaction.mutate(() => notes.insert({ id: 'a', text: 'typed on a train' }))
  const committed = transaction.commit().then(
    () => 'done',
    (error) => error.message,
  )
  const commit = await Promise.race([committed, new Promise((resolve) => setTimeout(resolve, 200, 'waits'))])
  console.log(`${tab}: mode ${executor.mode}, commit: ${commit}, in the outbox: ${stored.size}, shown: ${notes.size}`)
}

await write('the tab that leads', true)
await write('a second tab', false)
process.exit(0)
SCRIPT

cat >surprise.txt <<'OUTPUT'
the tab that leads: mode offline, commit: waits, in the outbox: 1, shown: 1
a second tab: mode offline, commit: fetch failed, in the outbox: 0, shown: 0
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @tanstack/offline-transactions 1.0.53, @tanstack/db 0.8.7'
echo 'expected: the note waits in the outbox, in both tabs'
echo 'seen:     in a second tab it is gone'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
