#!/usr/bin/env bash
#
# keyv 5.6.0
#
# Expectation: Two Keyv with a namespace each over one store do not see each other: the iterator of one gives its own
# entries and clear() removes these only, as the README says of namespaces. A ttl is milliseconds, and a setting read
# from the environment ("60000") is converted or refused.
#
# Seen: With a Map as the shared store, clear() of one empties the whole Map, and the iterator gives the entries of the
# namespace that was created last, without those of its own. A ttl given as a string is added to the clock as a text, so
# the entry never expires.
#
# Who is hurt: Servers and tests that keep sessions, codes and a cache in one store and clear the cache: everybody is
# signed out. Codes whose lifetime comes from process.env are good for ever, in development as in production, since get
# and has show nothing unusual.
#
# Remedy: A Map of its own for each Keyv; Number(process.env.TTL) before it is handed over.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  keyv@5.6.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import Keyv from 'keyv'

const store = new Map()
const sessions = new Keyv({ store, namespace: 'sessions' })
const cache = new Keyv({ store, namespace: 'cache' })
await sessions.set('ada', 'signed in')
await cache.set('page', '<h1>')
console.log('keys:', [...store.keys()])
const list = []
for await (const entry of sessions.iterator()) list.push(entry)
console.log('iterator of sessions:', list)
await cache.clear()
console.log('after cache.clear():', [...store.keys()], 'session:', await sessions.get('ada'))

// The clock goes on by an hour for each question.
const codes = new Keyv({ store: new Map() })
for (const ttl of [60_000, '60000']) await codes.set(typeof ttl, 'code', ttl)
const now = Date.now()
Date.now = () => now + 3_600_000
for (const type of ['number', 'string']) console.log(`ttl as a ${type}, an hour later:`, await codes.get(type))
SCRIPT

cat >surprise.txt <<'OUTPUT'
keys: [ 'sessions:ada', 'cache:page' ]
iterator of sessions: [ [ 'page', '<h1>' ] ]
after cache.clear(): [] session: undefined
ttl as a number, an hour later: undefined
ttl as a string, an hour later: code
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: keyv 5.6.0'
echo 'expected: the cache is cleared, the session is left; no value after its ttl'
echo 'seen:     both are cleared, and the value stays'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
