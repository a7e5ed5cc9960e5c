#!/usr/bin/env bash
#
# csv-stringify 6.9.0, papaparse 5.7.1
#
# Expectation: false is written into a CSV file as a word or a 0, distinct from "no answer", and a Date as a date.
# papaparse writes false and the ISO form.
#
# Seen: csv-stringify writes true as 1 and false as nothing, the same as null, undefined and the empty text. A Date
# becomes the number of its milliseconds; papaparse writes bytes as the list of their numbers, csv-stringify as a JSON
# object.
#
# Who is hurt: An export of a person's data, or a move of accounts through CSV: "marketing mails: false" and "never
# asked" are one empty field, and a reader that takes 1 for true takes no field for the default, which may be true.
#
# Remedy: cast: { boolean: String, date: (date) => date.toISOString() } in csv-stringify; bytes as base64url before
# either writer sees them.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  csv-stringify@6.9.0 papaparse@5.7.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { stringify } from 'csv-stringify/sync'
import Papa from 'papaparse'

const person = { mails: false, terms: true, never: null, asked: undefined, empty: '', count: 0, at: new Date(1_764_375_600_000), key: new Uint8Array([1, 2]) }
console.log('csv-stringify:')
console.log(stringify([person], { header: true }).trim())
console.log('papaparse:')
console.log(Papa.unparse([person]).replace('\r', ''))
SCRIPT

cat >surprise.txt <<'OUTPUT'
csv-stringify:
mails,terms,never,asked,empty,count,at,key
,1,,,,0,1764375600000,"{""0"":1,""1"":2}"
papaparse:
mails,terms,never,asked,empty,count,at,key
false,true,,,,0,2025-11-29T00:20:00.000Z,"1,2"
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: csv-stringify 6.9.0, papaparse 5.7.1'
echo 'expected: a word or a 0 for false'
echo 'seen:     an empty field, as for null'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
