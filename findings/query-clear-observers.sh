#!/usr/bin/env bash
#
# @tanstack/query-core 5.108.4
#
# Expectation: queryClient.clear() at sign-out forgets everything: what is on the screen is empty or loads again for the
# next person.
#
# Seen: A mounted query keeps the old result and its own removed query: the screen shows the data of the person who
# left, although getQueryData gives undefined. Nothing that follows reaches it: invalidateQueries and resetQueries find
# an empty cache, setQueryData writes into a new query that the screen does not watch. resetQueries instead of clear
# loads again.
#
# Who is hurt: Apps that switch accounts without a reload, in headers, menus and lists that stay mounted: the name and
# the data of the previous person stay until the component is mounted anew. A test that asks the cache passes.
#
# Remedy: queryClient.resetQueries() in place of clear(), which empties the others too; or remount the tree with the
# principal as its key.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @tanstack/query-core@5.108.4 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { QueryClient, QueryObserver } from '@tanstack/query-core'

const rest = () => new Promise((resolve) => setTimeout(resolve, 20))
let person = 'first'
async function mounted() {
  person = 'first'
  const client = new QueryClient()
  client.mount()
  const screen = new QueryObserver(client, { queryKey: ['me'], queryFn: async () => person })
  screen.subscribe(() => {})
  await rest()
  person = 'second'
  return { client, screen, shown: () => screen.getCurrentResult().data }
}

const { client, shown } = await mounted()
client.clear()
await rest()
console.log('after clear: shown', shown(), 'in the cache', client.getQueryData(['me']))
await client.invalidateQueries()
await client.resetQueries()
await rest()
console.log('after invalidateQueries and resetQueries: shown', shown())
client.setQueryData(['me'], 'second')
await rest()
console.log('after setQueryData: shown', shown(), 'in the cache', client.getQueryData(['me']))

const other = await mounted()
await other.client.resetQueries()
console.log('resetQueries instead of clear: shown', other.shown())
SCRIPT

cat >surprise.txt <<'OUTPUT'
after clear: shown first in the cache undefined
after invalidateQueries and resetQueries: shown first
after setQueryData: shown first in the cache second
resetQueries instead of clear: shown second
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @tanstack/query-core 5.108.4'
echo 'expected: nothing, or the data of the next person'
echo 'seen:     the data of the previous person'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
