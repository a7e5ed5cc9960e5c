#!/usr/bin/env bash
#
# @preact/signals-core 1.14.5
#
# Expectation: Setting a signal to the value that it has notifies nobody, for NaN too, as with a state of React, a ref
# of Vue, an atom of nanostores or a box of MobX, which compare with Object.is.
#
# Seen: Values are compared with ===: each assignment of NaN to a signal that is NaN runs all effects again, and a
# computed signal that gives NaN does so whenever anything it reads changes. Setting 0 to -0 notifies nobody.
#
# Who is hurt: Panels that show a ratio of nothing yet (0 / 0) or a date that is not valid: they are drawn at each tick,
# an effect that saves its state writes each time, and one that recomputes a NaN it reads ends in "Cycle detected".
#
# Remedy: Keep null in place of NaN; or assign only if !Object.is(signal.peek(), value).
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @preact/signals-core@1.14.5 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { computed, effect, signal } from '@preact/signals-core'

const runsOf = (first, next) => {
  const value = signal(first)
  let runs = 0
  effect(() => {
    void value.value
    runs++
  })
  value.value = next
  value.value = next
  return runs
}
console.log('5, twice 5:', runsOf(5, 5))
console.log('NaN, twice NaN:', runsOf(NaN, NaN))
console.log('0, twice -0:', runsOf(0, -0))

const done = signal(0)
const ratio = computed(() => (done.value * 0) / 0)
let runs = 0
effect(() => {
  void ratio.value
  runs++
})
done.value = 1
done.value = 2
console.log('a computed NaN, two changes:', runs)
SCRIPT

cat >surprise.txt <<'OUTPUT'
5, twice 5: 1
NaN, twice NaN: 3
0, twice -0: 1
a computed NaN, two changes: 3
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @preact/signals-core 1.14.5'
echo 'expected: one run of an effect while the value stays NaN'
echo 'seen:     a run for each assignment'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
