#!/usr/bin/env bash
#
# arktype 2.2.10, valibot 1.5.0, zod 4.6.7
#
# Expectation: string.date.iso.parse of ArkType gives a date or an error: what passes validation is a valid Date.
#
# Seen: It checks the text against the forms of ISO 8601 and hands it to new Date, which knows fewer of them: the basic
# form 20260101T120000Z, the week 2026-W01-1 and the decimal comma pass, and the value is an Invalid Date.
# string.date.parse, which takes more forms, refuses these. 30 February passes in both and is 2 March. valibot and zod
# refuse the first three; valibot lets the 30 February pass.
#
# Who is hurt: Servers that take dates from calendars and other programs, which write the basic form: the row gets NaN
# or "Invalid Date", the error comes from toISOString or the database far from the input, as a 500 in place of a 400.
#
# Remedy: string.date.parse, or a narrow: (date) => !Number.isNaN(+date).
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  arktype@2.2.10 valibot@1.5.0 zod@4.6.7 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { type } from 'arktype'
import * as v from 'valibot'
import { z } from 'zod'

const show = (value) => (value instanceof type.errors ? 'error' : Number.isNaN(+value) ? 'Invalid Date' : value.toISOString())
const iso = type('string.date.iso.parse')
const any = type('string.date.parse')
for (const text of ['2026-01-01T12:00:00Z', '20260101T120000Z', '2026-W01-1', '2026-01-01T12:00:00,5Z', '2026-02-30T12:00:00Z']) {
  const valibot = v.is(v.pipe(v.string(), v.isoTimestamp()), text)
  const zod = z.iso.datetime().safeParse(text).success
  console.log(`${text}: iso.parse ${show(iso(text))}, date.parse ${show(any(text))}, valibot ${valibot}, zod ${zod}`)
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
2026-01-01T12:00:00Z: iso.parse 2026-01-01T12:00:00.000Z, date.parse 2026-01-01T12:00:00.000Z, valibot true, zod true
20260101T120000Z: iso.parse Invalid Date, date.parse error, valibot false, zod false
2026-W01-1: iso.parse Invalid Date, date.parse error, valibot false, zod false
2026-01-01T12:00:00,5Z: iso.parse Invalid Date, date.parse error, valibot false, zod false
2026-02-30T12:00:00Z: iso.parse 2026-03-02T12:00:00.000Z, date.parse 2026-03-02T12:00:00.000Z, valibot true, zod false
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: arktype 2.2.10, valibot 1.5.0, zod 4.6.7'
echo 'expected: an error'
echo 'seen:     Invalid Date, as a valid value'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
