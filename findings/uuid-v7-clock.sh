#!/usr/bin/env bash
#
# uuid 14.0.3, ulid 3.0.2, uuidv7 1.2.1
#
# Expectation: A UUIDv7 or ULID carries the time at which it was made. A clock that was wrong for a moment (a laptop
# before its first synchronisation, a test with a faked date) spoils the ids of that moment.
#
# Seen: v7() of uuid and monotonicFactory() of ulid never go back: after one id from a clock that was a year ahead,
# all ids of the process carry that time, a year ahead, until it is reached or the process ends. uuidv7 takes the
# right time again once the difference is more than ten seconds.
#
# Who is hurt: A long-running tab or server that made one id before its clock was set: rows sorted by id stand in
# front of everything that others write for as long as it runs, a cursor "after the newest id" skips what comes from
# right clocks, and "created at" read from the id is false. In a test suite one faked year shows in every later test
# of the file.
#
# Remedy: Keep the creation time in a column of its own and take cursors from the server; v7({ msecs: Date.now() }) of
# uuid uses the time that it is given; ulid() without the factory has no memory.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  uuid@14.0.3 ulid@3.0.2 uuidv7@1.2.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { decodeTime, monotonicFactory, ulid } from 'ulid'
import { v7 } from 'uuid'
import { uuidv7 } from 'uuidv7'

const now = Date.now
const year = 365 * 24 * 60 * 60 * 1000
const timeOf = (id) => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)
const monotonic = monotonicFactory()
const writers = {
  'uuid v7()': () => timeOf(v7()),
  'uuid v7({ msecs })': () => timeOf(v7({ msecs: Date.now() })),
  'ulid monotonicFactory()': () => decodeTime(monotonic()),
  'ulid()': () => decodeTime(ulid()),
  uuidv7: () => timeOf(uuidv7()),
}

for (const [name, write] of Object.entries(writers)) {
  Date.now = () => now() + year
  write()
  Date.now = now
  const ahead = Math.round((write() - Date.now()) / year)
  console.log(name, '-> ahead of the right clock:', ahead === 1 ? 'a year' : ahead + 0)
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
uuid v7() -> ahead of the right clock: a year
uuid v7({ msecs }) -> ahead of the right clock: 0
ulid monotonicFactory() -> ahead of the right clock: a year
ulid() -> ahead of the right clock: 0
uuidv7 -> ahead of the right clock: 0
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: uuid 14.0.3, ulid 3.0.2, uuidv7 1.2.1'
echo 'expected: ids of the right time once the clock is right'
echo 'seen:     ids of the wrong time for the life of the process'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
