#!/usr/bin/env bash
#
# unstorage 1.17.6
#
# Expectation: getItem returns the string that setItem was given. Web Storage, Redis clients and the secondary
# storage interfaces of authentication libraries work so.
#
# Seen: A string that reads as JSON comes back as what it reads as: a six-digit code is a number, unless it begins
# with 0; true is a boolean, null is no entry. A ? and what follows it is cut off the key, so two keys with
# different queries are one entry.
#
# Who is hurt: One-time codes, counters and ids in unstorage (the storage of Nitro and Nuxt): comparing the stored
# code with the typed one by === fails for nine codes in ten and passes for the tenth, the one with a leading zero
# that the test used; entries keyed by an address with a query overwrite each other.
#
# Remedy: Store objects, { code }, instead of bare strings; getItemRaw gives the text back. Hash or encode keys.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  unstorage@1.17.6 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { createStorage } from 'unstorage'

const storage = createStorage()
for (const text of ['012345', '123456', '1e5', 'true', 'null', 'NaN']) {
  await storage.setItem('code', text)
  const value = await storage.getItem('code')
  console.log(text, '->', value === null ? 'null' : typeof value, String(value))
}
await storage.clear()
await storage.setItem('callback?person=ada', 'for ada')
await storage.setItem('callback?person=bob', 'for bob')
console.log(await storage.getItem('callback?person=ada'), await storage.getKeys())
SCRIPT

cat >surprise.txt <<'OUTPUT'
012345 -> string 012345
123456 -> number 123456
1e5 -> number 100000
true -> boolean true
null -> null null
NaN -> number NaN
for bob [ 'callback' ]
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: unstorage 1.17.6'
echo 'expected: the strings and the keys that were stored'
echo 'seen:     numbers, booleans, null, and one key for two'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
