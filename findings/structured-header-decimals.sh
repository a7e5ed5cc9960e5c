#!/usr/bin/env bash
#
# structured-headers 2.1.0
#
# Expectation: serializeItem writes a structured field (RFC 9651): a decimal has one to three digits after the point,
# and what it writes its own parser reads.
#
# Seen: A number whose fraction is rounded away ends in a point: 2.00001 is "2.", 0.0001 is "0.", -0.0004 is "-0.".
# parseItem and every other parser refuse that, and with one such member the whole dictionary or list is lost. 2.5 and
# 0.29999 are right, so a test passes.
#
# Who is hurt: Header fields with measured numbers, such as a duration in seconds, and signed HTTP messages (RFC 9421)
# that cover them: about one number in a thousand makes a field that the other side refuses.
#
# Remedy: Round before writing: an integer where the third decimal is zero, Math.round(n * 1000) / 1000.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  structured-headers@2.1.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { parseDictionary, parseItem, serializeDictionary, serializeItem } from 'structured-headers'

const read = (parse, text) => {
  try {
    return JSON.stringify(parse(text))
  } catch (error) {
    return error.message
  }
}
for (const number of [2.5, 0.29999, 2.00001, 0.0001, -0.0004]) {
  const text = serializeItem(number)
  console.log(`${number}: "${text}", read: ${read(parseItem, text)}`)
}
const header = serializeDictionary(new Map([['u', [3, new Map()]], ['t', [2.00001, new Map()]]]))
console.log(`${header}: ${read(parseDictionary, header)}`)
SCRIPT

cat >surprise.txt <<'OUTPUT'
2.5: "2.5", read: [2.5,{}]
0.29999: "0.3", read: [0.3,{}]
2.00001: "2.", read: Parse error: Decimal cannot end on a period at offset 2
0.0001: "0.", read: Parse error: Decimal cannot end on a period at offset 2
-0.0004: "-0.", read: Parse error: Decimal cannot end on a period at offset 3
u=3, t=2.: Parse error: Decimal cannot end on a period at offset 9
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: structured-headers 2.1.0'
echo 'expected: 2.00001 is written as 2.0 and read back'
echo 'seen:     it is written as "2.", which no parser reads'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
