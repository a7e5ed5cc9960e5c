#!/usr/bin/env bash
#
# mt940-js 1.0.0, mt940js 1.3.5, tslib 2.9.1
#
# Expectation: In a bank statement (MT940) the value date has a year and the booking date has month and day only: a
# payment valued on 31 December 2025 and booked on 2 January was booked in 2026.
#
# Seen: Both libraries give the booking date the year of the value date: 31 December 2025, booked 2 January 2025; 2
# January 2026, booked 31 December 2026.
#
# Who is hurt: Ledgers and imports that go by the booking date: around each new year payments land twelve months early
# or in the future, in a closed year, or outside the range that was asked for, and the balance of the year is wrong.
#
# Remedy: Of the three years around the value date take the one that puts the booking nearest to it. mt940-js also needs
# tslib, which it does not name.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  mt940-js@1.0.0 mt940js@1.3.5 tslib@2.9.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import * as js from 'mt940-js'
import mt940 from 'mt940js'

const statement = (dates) => [
  ':20:STARTUMS',
  ':25:10020030/1234567',
  ':28C:1/1',
  ':60F:C251230EUR1000,00',
  `:61:${dates}C7,00NTRFREF1`,
  ':86:Invoice 42',
  ':62F:C260105EUR1007,00',
  '-',
  '',
].join('\r\n')

for (const dates of ['2512311231', '2512310102', '2601021231']) {
  const [first] = await js.read(Buffer.from(statement(dates)))
  const [second] = new mt940.Parser().parse(statement(dates))
  const day = (date) => date.toISOString().slice(0, 10)
  console.log(`${dates}: mt940-js valued ${first.transactions[0].valueDate}, booked ${first.transactions[0].entryDate}`)
  console.log(`  mt940js valued ${day(second.transactions[0].date)}, booked ${day(second.transactions[0].entryDate)}`)
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
2512311231: mt940-js valued 2025-12-31, booked 2025-12-31
  mt940js valued 2025-12-31, booked 2025-12-31
2512310102: mt940-js valued 2025-12-31, booked 2025-01-02
  mt940js valued 2025-12-31, booked 2025-01-02
2601021231: mt940-js valued 2026-01-02, booked 2026-12-31
  mt940js valued 2026-01-02, booked 2026-12-31
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: mt940-js 1.0.0, mt940js 1.3.5, tslib 2.9.1'
echo 'expected: booked on 2026-01-02 and 2025-12-31'
echo 'seen:     booked on 2025-01-02 and 2026-12-31'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
