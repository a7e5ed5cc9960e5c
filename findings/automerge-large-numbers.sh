#!/usr/bin/env bash
#
# @automerge/automerge 3.5.0
#
# Expectation: A number in an Automerge document is a JavaScript number: what is read equals what was written, on each
# device, as with fractions, dates, and in Yjs. What cannot be kept is refused, as undefined, maps and URLs are.
#
# Seen: Whole numbers from Number.MAX_SAFE_INTEGER on are BigInt when they are read, already on the device that wrote
# them. Beyond 64 bits they are cut to 9223372036854775807n without an error, Number.MAX_VALUE included.
#
# Who is hurt: MAX_SAFE_INTEGER and MAX_VALUE as "no limit" or "last in the list", times in nanoseconds and 64-bit
# ids: value + 1 throws "Cannot mix BigInt and other types", JSON.stringify of the document throws, value ===
# Number.MAX_VALUE is false, so "no limit" is a limit. Numbers of everyday size never show it.
#
# Remedy: null for "no limit", strings for ids, milliseconds for times; new Automerge.Float64(value) keeps a large
# number a number.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @automerge/automerge@3.5.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import * as Automerge from '@automerge/automerge'

const values = {
  'MAX_SAFE_INTEGER - 1': Number.MAX_SAFE_INTEGER - 1,
  MAX_SAFE_INTEGER: Number.MAX_SAFE_INTEGER,
  '1e19': 1e19,
  MAX_VALUE: Number.MAX_VALUE,
  'Float64(MAX_VALUE)': new Automerge.Float64(Number.MAX_VALUE),
}
for (const [name, value] of Object.entries(values)) {
  const written = Automerge.change(Automerge.init(), (doc) => {
    doc.value = value
  })
  const { value: read } = Automerge.load(Automerge.save(written))
  console.log(name, '->', typeof written.value, '-> on another device:', typeof read, read, Number(read) === Number(value.value ?? value))
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
MAX_SAFE_INTEGER - 1 -> number -> on another device: number 9007199254740990 true
MAX_SAFE_INTEGER -> bigint -> on another device: bigint 9007199254740991n true
1e19 -> bigint -> on another device: bigint 9223372036854775807n false
MAX_VALUE -> bigint -> on another device: bigint 9223372036854775807n false
Float64(MAX_VALUE) -> number -> on another device: number 1.7976931348623157e+308 true
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @automerge/automerge 3.5.0'
echo 'expected: the numbers that were written'
echo 'seen:     BigInt from MAX_SAFE_INTEGER on, cut to 64 bits without an error'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
