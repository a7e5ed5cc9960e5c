#!/usr/bin/env bash
#
# jotai 2.20.3
#
# Expectation: atomWithStorage is the stored value: an update that appends to a stored list keeps the list.
#
# Seen: Until a component subscribes, the atom is its initial value, for get as well as for the previous value of an
# update, and the update is written: adding to a stored list of two leaves a list of one. The same in a write-only atom
# that reads it. With getOnInit: true, or after a subscription, it is right.
#
# Who is hurt: Settings, outboxes and drafts in local storage that are written from an effect, a route loader or a
# handler before the component that shows them is mounted: the first write of each visit removes what was kept.
#
# Remedy: getOnInit: true where there is no server rendering; store.sub(atom, () => {}) before the first write.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  jotai@2.20.3 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { atom, createStore } from 'jotai/vanilla'
import { atomWithStorage, createJSONStorage } from 'jotai/vanilla/utils'

function setup(options) {
  const kept = { list: JSON.stringify(['milk', 'bread']) }
  const storage = createJSONStorage(() => ({
    getItem: (key) => kept[key] ?? null,
    setItem: (key, value) => {
      kept[key] = value
    },
    removeItem: (key) => {
      delete kept[key]
    },
  }))
  return { kept, list: atomWithStorage('list', [], storage, options), store: createStore() }
}
const add = (list) => [...list, 'eggs']

const plain = setup()
console.log('read:', plain.store.get(plain.list))
plain.store.set(plain.list, add)
console.log('stored after an update:', plain.kept.list)

const derived = setup()
derived.store.set(atom(null, (get, set) => set(derived.list, add(get(derived.list)))))
console.log('stored after a write-only atom:', derived.kept.list)

const mounted = setup()
mounted.store.sub(mounted.list, () => {})
mounted.store.set(mounted.list, add)
console.log('after a subscription:', mounted.kept.list)

const early = setup({ getOnInit: true })
early.store.set(early.list, add)
console.log('with getOnInit:', early.kept.list)
SCRIPT

cat >surprise.txt <<'OUTPUT'
read: []
stored after an update: ["eggs"]
stored after a write-only atom: ["eggs"]
after a subscription: ["milk","bread","eggs"]
with getOnInit: ["milk","bread","eggs"]
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: jotai 2.20.3'
echo 'expected: milk, bread and eggs'
echo 'seen:     eggs'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
