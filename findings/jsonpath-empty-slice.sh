#!/usr/bin/env bash
#
# jsonpath-plus 10.4.0, json-p3 2.3.1
#
# Expectation: A path that RFC 9535 (JSONPath, 2024) defines selects what the RFC says, as in json-p3, or is an error.
# [0:n] gives the first n elements, so none for [0:0]; [?@.size>8] is the plain form of a filter; [?(@.pinned)] asks
# whether there is such a member.
#
# Seen: jsonpath-plus gives all elements for [0:0] and [:0], and no element for each filter without parentheses around
# its expression, for [-1] and for [::-1], all without an error. With parentheses it tests the value: members that are
# false, 0, "" or null count as missing, and "10" is greater than 8.
#
# Who is hurt: Paths that come from users, from a rule set or from another service that follows the RFC: a page of size
# 0 exports everything, "without the pinned ones" includes those that were unpinned, and a filter that finds nothing
# looks like an empty list.
#
# Remedy: json-p3 or another library that passes the compliance tests of the RFC; else parentheses, !== undefined for
# existence, and a check of slices before they are put together.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  jsonpath-plus@10.4.0 json-p3@2.3.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { query } from 'json-p3'
import { JSONPath } from 'jsonpath-plus'

const notes = [{ id: 1, pinned: false, size: 5 }, { id: 2, pinned: null, size: '10' }, { id: 3, size: 20 }]
const selectors = ['0:2', '0:1', '0:0', ':0', '-1:', '-1', '::-1', '?@.size>8', '?(@.size>8)', '?@.pinned', '?(@.pinned)', '?(!@.pinned)']
for (const selector of selectors) {
  const path = `$.notes[${selector}].id`
  console.log(path, '| json-p3:', query(path, { notes }).values().join(), '| jsonpath-plus:', JSONPath({ path, json: { notes } }).join())
}
const path = '$.notes[?(@.pinned !== undefined)].id'
console.log(path, '| jsonpath-plus:', JSONPath({ path, json: { notes } }).join())
SCRIPT

cat >surprise.txt <<'OUTPUT'
$.notes[0:2].id | json-p3: 1,2 | jsonpath-plus: 1,2
$.notes[0:1].id | json-p3: 1 | jsonpath-plus: 1
$.notes[0:0].id | json-p3:  | jsonpath-plus: 1,2,3
$.notes[:0].id | json-p3:  | jsonpath-plus: 1,2,3
$.notes[-1:].id | json-p3: 3 | jsonpath-plus: 3
$.notes[-1].id | json-p3: 3 | jsonpath-plus: 
$.notes[::-1].id | json-p3: 3,2,1 | jsonpath-plus: 
$.notes[?@.size>8].id | json-p3: 3 | jsonpath-plus: 
$.notes[?(@.size>8)].id | json-p3: 3 | jsonpath-plus: 2,3
$.notes[?@.pinned].id | json-p3: 1,2 | jsonpath-plus: 
$.notes[?(@.pinned)].id | json-p3: 1,2 | jsonpath-plus: 
$.notes[?(!@.pinned)].id | json-p3: 3 | jsonpath-plus: 1,2,3
$.notes[?(@.pinned !== undefined)].id | jsonpath-plus: 1,2
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: jsonpath-plus 10.4.0, json-p3 2.3.1'
echo 'expected: what RFC 9535 says, or an error for a form that is not supported'
echo 'seen:         everything for [0:0], nothing for filters without parentheses, nulls taken for missing'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
