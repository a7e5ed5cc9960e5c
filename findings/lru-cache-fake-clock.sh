#!/usr/bin/env bash
#
# lru-cache 11.5.3, quick-lru 7.3.0, vitest 4.1.12
#
# Expectation: vi.useFakeTimers() fakes Date and performance.now(), and advanceTimersByTime moves both, so a cache made
# after it drops an entry when its ttl has gone by. quick-lru, in the same test, does.
#
# Seen: For two reasons. lru-cache keeps the performance object that was global when its module was loaded, and vitest
# puts another in its place, so the cache goes on reading the real clock. And vitest's performance.now() starts at 0, a
# start that lru-cache takes for "no lifetime": an entry that is set before the clock has moved is kept for ever even
# with a clock that looks up the global.
#
# Who is hurt: A cache of sessions, keys or revoked tokens: the test "after its lifetime it is asked for again" fails,
# or, worse, the test "an old entry is not used" passes only with the real clock and is dropped. Nothing says that the
# clock is another.
#
# Remedy: Give the cache the other clock in tests, perf: { now: () => Date.now() }; it is faked and never 0.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  lru-cache@11.5.3 quick-lru@7.3.0 vitest@4.1.12 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >clock.test.mjs <<'TEST'
import { LRUCache } from 'lru-cache'
import QuickLRU from 'quick-lru'
import { appendFileSync } from 'node:fs'
import { test, vi } from 'vitest'

test('an entry with a lifetime of one second, one hour later', () => {
  vi.useFakeTimers()
  const caches = {
    'quick-lru': new QuickLRU({ maxSize: 10, maxAge: 1000 }),
    'lru-cache': new LRUCache({ max: 10, ttl: 1000 }),
    'lru-cache, performance looked up': new LRUCache({ max: 10, ttl: 1000, perf: { now: () => performance.now() } }),
    'lru-cache, Date looked up': new LRUCache({ max: 10, ttl: 1000, perf: { now: () => Date.now() } }),
  }
  const start = performance.now()
  for (const cache of Object.values(caches)) cache.set('key', 'kept')
  vi.advanceTimersByTime(3_600_000)
  appendFileSync('out.txt', `performance.now() moved by ${performance.now() - start}\n`)
  for (const [name, cache] of Object.entries(caches)) appendFileSync('out.txt', `${name}: ${cache.get('key')}\n`)
})
TEST

cat >run.mjs <<'SCRIPT'
import { readFileSync } from 'node:fs'
import { startVitest } from 'vitest/node'

const vitest = await startVitest('test', [], { watch: false, reporters: [{}], silent: true })
await vitest.close()
process.stdout.write(readFileSync('out.txt', 'utf8'))
process.exit()
SCRIPT

cat >surprise.txt <<'OUTPUT'
performance.now() moved by 3600000
quick-lru: undefined
lru-cache: kept
lru-cache, performance looked up: kept
lru-cache, Date looked up: undefined
OUTPUT

rm -f out.txt; node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: lru-cache 11.5.3, quick-lru 7.3.0, vitest 4.1.12'
echo 'expected: both caches forget the entry after a fake hour'
echo 'seen:     lru-cache keeps it'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
