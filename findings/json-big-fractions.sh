#!/usr/bin/env bash
#
# json-bigint 1.0.0, lossless-json 4.3.3
#
# Expectation: JSON.parse for large integers: an integer that a number cannot hold is a BigInt with useNativeBigInt,
# everything else is what JSON.parse makes of it. Any text of JSON.stringify can be read.
#
# Seen: What counts is the length of the text. A number of more than 15 characters is handed to BigInt, fractions
# included, so the text of 0.1 + 0.2 throws "Cannot convert 0.30000000000000004 to a BigInt". Integers of 16 digits that
# a number holds exactly, such as the time in microseconds, and those of 15 digits with a minus are BigInt. Without the
# option a fraction becomes a BigNumber object.
#
# Who is hurt: Rows of a sync service or a database whose ids are 64-bit and whose amounts, positions or ratings are
# fractions: it reads for weeks, until one value is the result of a calculation. Records with a time in microseconds
# throw at the first addition: "Cannot mix BigInt and other types".
#
# Remedy: lossless-json with a parser of numbers of your own, or large integers sent as text.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  json-bigint@1.0.0 lossless-json@4.3.3 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import jsonBigInt from 'json-bigint'
import { isInteger, isSafeNumber, parse } from 'lossless-json'

const number = (digits) => (isInteger(digits) && !isSafeNumber(digits) ? BigInt(digits) : Number(digits))
const readers = {
  'JSON.parse': JSON.parse,
  'json-bigint': jsonBigInt.parse,
  'json-bigint, useNativeBigInt': jsonBigInt({ useNativeBigInt: true }).parse,
  'lossless-json': (text) => parse(text, undefined, number),
}
const kind = (value) => (typeof value === 'object' ? value.constructor.name : typeof value)
const values = [0.5, 0.1 + 0.2, 100 / 7, 1764375600123, 1764375600123456, -123456789012345, '9007199254740993']
for (const value of values) {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  console.log(text)
  for (const [name, read] of Object.entries(readers)) {
    try {
      const found = read(`[${text}]`)[0]
      console.log(`  ${name}: ${kind(found)} ${found}`)
    } catch (error) {
      console.log(`  ${name}: ${error.message}`)
    }
  }
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
0.5
  JSON.parse: number 0.5
  json-bigint: number 0.5
  json-bigint, useNativeBigInt: number 0.5
  lossless-json: number 0.5
0.30000000000000004
  JSON.parse: number 0.30000000000000004
  json-bigint: BigNumber 0.30000000000000004
  json-bigint, useNativeBigInt: Cannot convert 0.30000000000000004 to a BigInt
  lossless-json: number 0.30000000000000004
14.285714285714286
  JSON.parse: number 14.285714285714286
  json-bigint: BigNumber 14.285714285714286
  json-bigint, useNativeBigInt: Cannot convert 14.285714285714286 to a BigInt
  lossless-json: number 14.285714285714286
1764375600123
  JSON.parse: number 1764375600123
  json-bigint: number 1764375600123
  json-bigint, useNativeBigInt: number 1764375600123
  lossless-json: number 1764375600123
1764375600123456
  JSON.parse: number 1764375600123456
  json-bigint: BigNumber 1764375600123456
  json-bigint, useNativeBigInt: bigint 1764375600123456
  lossless-json: number 1764375600123456
-123456789012345
  JSON.parse: number -123456789012345
  json-bigint: BigNumber -123456789012345
  json-bigint, useNativeBigInt: bigint -123456789012345
  lossless-json: number -123456789012345
9007199254740993
  JSON.parse: number 9007199254740992
  json-bigint: BigNumber 9007199254740993
  json-bigint, useNativeBigInt: bigint 9007199254740993
  lossless-json: bigint 9007199254740993
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: json-bigint 1.0.0, lossless-json 4.3.3'
echo 'expected: fractions and safe integers are numbers, larger integers are BigInt'
echo 'seen:         0.1 + 0.2 is an error, and a safe integer of 16 digits is BigInt'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
