#!/usr/bin/env bash
#
# ts-ics 2.4.6, rrule 2.8.1
#
# Expectation: A recurrence is expanded as RFC 5545 says: a monthly event on the 31st is on the 31st and skips shorter
# months, one on 29 February is in leap years, and the first date is the start. rrule does that.
#
# Seen: extendByRecurrenceRule of ts-ics goes from date to date: after 31 January and 28 February every later one is on
# the 28th, a birthday on 29 February is on the 28th for ever. With BYDAY=2TU or -1FR the start itself is missing.
# Weekly rules and the 15th of the month are right.
#
# Who is hurt: Rent, salaries, billing days and reminders at the end of a month: all but the first are on a wrong day,
# and the first meeting of a "second Tuesday" series is not shown. The text of the calendar is right, so other apps show
# other dates.
#
# Remedy: Expand with rrule, rrule-temporal or ical.js; keep ts-ics for reading and writing.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  ts-ics@2.4.6 rrule@2.8.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import rrule from 'rrule'
import { extendByRecurrenceRule } from 'ts-ics'

const days = (dates) => dates.map((date) => date.toISOString().slice(5, 10)).join(' ')
const cases = [
  ['20260131', 'FREQ=MONTHLY;COUNT=4', { frequency: 'MONTHLY', count: 4 }],
  ['20240229', 'FREQ=YEARLY;COUNT=3', { frequency: 'YEARLY', count: 3 }],
  ['20260113', 'FREQ=MONTHLY;BYDAY=2TU;COUNT=3', { frequency: 'MONTHLY', count: 3, byDay: [{ day: 'TU', occurrence: 2 }] }],
  ['20260130', 'FREQ=MONTHLY;BYDAY=-1FR;COUNT=3', { frequency: 'MONTHLY', count: 3, byDay: [{ day: 'FR', occurrence: -1 }] }],
  ['20260115', 'FREQ=MONTHLY;COUNT=3', { frequency: 'MONTHLY', count: 3 }],
]
for (const [day, text, rule] of cases) {
  const start = new Date(`${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}T09:00:00Z`)
  console.log(`${day} ${text}`)
  console.log(`  ts-ics ${days(extendByRecurrenceRule(rule, { start }))}`)
  console.log(`  rrule  ${days(rrule.rrulestr(`DTSTART:${day}T090000Z\nRRULE:${text}`).all())}`)
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
20260131 FREQ=MONTHLY;COUNT=4
  ts-ics 01-31 02-28 03-28 04-28
  rrule  01-31 03-31 05-31 07-31
20240229 FREQ=YEARLY;COUNT=3
  ts-ics 02-29 02-28 02-28
  rrule  02-29 02-29 02-29
20260113 FREQ=MONTHLY;BYDAY=2TU;COUNT=3
  ts-ics 02-10 03-10 04-14
  rrule  01-13 02-10 03-10
20260130 FREQ=MONTHLY;BYDAY=-1FR;COUNT=3
  ts-ics 02-27 03-27 04-24
  rrule  01-30 02-27 03-27
20260115 FREQ=MONTHLY;COUNT=3
  ts-ics 01-15 02-15 03-15
  rrule  01-15 02-15 03-15
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: ts-ics 2.4.6, rrule 2.8.1'
echo 'expected: the 31st of January, March and May'
echo 'seen:     31 January, then always the 28th'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
