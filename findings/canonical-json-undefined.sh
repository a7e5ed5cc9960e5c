#!/usr/bin/env bash
#
# canonicalize 4.0.0, json-canonicalize 3.0.1
#
# Expectation: A canonical form (RFC 8785) of what JSON.stringify writes: a member whose value is a function, or
# whose toJSON gives undefined, is left out, and in a list it is null. Whatever comes out is JSON; what cannot be
# written throws, as NaN does.
#
# Seen: Both libraries leave out a member that is undefined, but write the word undefined for a function or an
# undefined toJSON, and canonicalize writes an empty list for such an element. The result is no JSON, or JSON of
# another value.
#
# Who is hurt: Signed records: an object with a method, or a library object that hides itself from JSON, signs and
# verifies in one's own process and is refused by each reader that parses before it verifies; with the empty list
# two different records have one canonical form.
#
# Remedy: canonicalize(JSON.parse(JSON.stringify(value))).
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  canonicalize@4.0.0 json-canonicalize@3.0.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { canonicalize as jsonCanonicalize } from 'json-canonicalize'
import canonicalize from 'canonicalize'

const hidden = { toJSON: () => undefined }
const values = { member: { a: 1, b: hidden }, method: { a: 1, b() {} }, plain: { a: 1, b: undefined }, list: [hidden] }
for (const [name, value] of Object.entries(values)) {
  console.log(name, '|', JSON.stringify(value), '|', canonicalize(value), '|', jsonCanonicalize(value))
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
member | {"a":1} | {"a":1,"b":undefined} | {"a":1,"b":undefined}
method | {"a":1} | {"a":1,"b":undefined} | {"a":1,"b":undefined}
plain | {"a":1} | {"a":1} | {"a":1}
list | [null] | [] | [undefined]
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: canonicalize 4.0.0, json-canonicalize 3.0.1'
echo 'expected: a form that JSON.parse reads, equal to JSON.stringify here'
echo 'seen:     the word undefined in it, or a list that is shorter'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
