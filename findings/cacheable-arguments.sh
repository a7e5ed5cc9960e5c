#!/usr/bin/env bash
#
# cacheable 2.5.0
#
# Expectation: wrap(function) keeps an answer for each different argument, or refuses an argument it has no key for. A
# ttl of 0 means no expiry in Cacheable and in CacheableMemory, as the README says of both; an entry does not change
# when the object that was stored is changed.
#
# Seen: The key is the JSON of the arguments: every Set, Map, URLSearchParams, Headers or Request is the same one, so
# the second caller gets the answer of the first. The order of keys in an object makes two entries. In CacheableMemory a
# ttl of 0 is expired at once, in Cacheable never. An object that is changed after set is changed in the cache; one from
# get is a copy.
#
# Who is hurt: Servers that wrap a function of a Request or of search parameters: one person reads the page of another
# for as long as the ttl lasts. A move from Cacheable to CacheableMemory turns what never expired into what is never
# there.
#
# Remedy: Strings and numbers as arguments of a wrapped function, the principal among them; createKey in the options of
# wrap; leave ttl out for no expiry.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  cacheable@2.5.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { Cacheable, CacheableMemory } from 'cacheable'

const cache = new Cacheable()
async function wrapped(name, read, first, second) {
  const cached = cache.wrap(async (argument) => read(argument), { keyPrefix: name, ttl: '1h' })
  console.log(`${name}:`, await cached(first), await cached(second))
}
const request = (id) => new Request('https://notes.test/', { headers: { 'x-user': id } })
await wrapped('object', ({ id }) => id, { id: 'ada' }, { id: 'bob' })
await wrapped('Set', ([id]) => id, new Set(['ada']), new Set(['bob']))
const search = (id) => new URLSearchParams({ id })
await wrapped('URLSearchParams', (parameters) => parameters.get('id'), search('ada'), search('bob'))
await wrapped('Request', ({ headers }) => headers.get('x-user'), request('ada'), request('bob'))

const memory = new CacheableMemory()
await cache.set('zero', 'there', 0)
memory.set('zero', 'there', 0)
const list = ['milk']
await cache.set('list', list)
list.push('bread')
console.log('changed after set:', await cache.get('list'))
const now = Date.now()
Date.now = () => now + 60_000
console.log('ttl 0, a minute later: Cacheable', await cache.get('zero'), '| CacheableMemory', memory.get('zero'))
SCRIPT

cat >surprise.txt <<'OUTPUT'
object: ada bob
Set: ada ada
URLSearchParams: ada ada
Request: ada ada
changed after set: [ 'milk', 'bread' ]
ttl 0, a minute later: Cacheable there | CacheableMemory undefined
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: cacheable 2.5.0'
echo 'expected: ada and bob'
echo 'seen:     ada and ada'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
