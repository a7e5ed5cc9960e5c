#!/usr/bin/env bash
#
# iso8601-duration 2.1.4, ical.js 2.2.1, luxon 3.7.2, tinyduration 3.4.1
#
# Expectation: A duration with a minus is negative, as iCalendar (RFC 5545), ISO 8601-2, XML Schema, Temporal and Luxon
# have it, or it is an error, as P0.5M and 15M are here.
#
# Seen: iso8601-duration takes "-PT15M" for PT15M: parse has no sign, toSeconds gives 900, end() a time that is 15
# minutes later. tinyduration, Luxon and ical.js give the sign.
#
# Who is hurt: Reminders: the usual alarm of a calendar event is TRIGGER:-PT15M, and it goes off a quarter of an hour
# after the start. Grace periods and clock corrections written with a minus count in the other direction.
#
# Remedy: Take the sign off before parsing and apply it afterwards, or use tinyduration, Luxon or Temporal.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  iso8601-duration@2.1.4 ical.js@2.2.1 luxon@3.7.2 tinyduration@3.4.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import ICAL from 'ical.js'
import { end, parse, toSeconds } from 'iso8601-duration'
import { DateTime, Duration } from 'luxon'
import tiny from 'tinyduration'

const alarm = ICAL.parse('BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT15M\r\nEND:VALARM')
const trigger = new ICAL.Component(alarm).getFirstPropertyValue('trigger')
const start = new Date('2026-03-02T09:00:00Z')

for (const text of [trigger.toString(), '-P1D']) {
  const duration = parse(text)
  console.log(`${text}: iso8601-duration ${toSeconds(duration)} s, end ${end(duration, start).toISOString()}`)
  console.log(`  luxon ${Duration.fromISO(text).as('seconds')} s, end ${DateTime.fromJSDate(start).toUTC().plus(Duration.fromISO(text)).toISO()}`)
  console.log(`  ical.js ${ICAL.Duration.fromString(text).toSeconds()} s, tinyduration ${JSON.stringify(tiny.parse(text))}`)
}
for (const text of ['P0.5M', '15M']) {
  try {
    console.log(text, toSeconds(parse(text)))
  } catch (error) {
    console.log(`${text}: ${error.message}`)
  }
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
-PT15M: iso8601-duration 900 s, end 2026-03-02T09:15:00.000Z
  luxon -900 s, end 2026-03-02T08:45:00.000Z
  ical.js -900 s, tinyduration {"minutes":15,"negative":true}
-P1D: iso8601-duration 86400 s, end 2026-03-03T09:00:00.000Z
  luxon -86400 s, end 2026-03-01T09:00:00.000Z
  ical.js -86400 s, tinyduration {"days":1,"negative":true}
P0.5M: invalid duration: P0.5M
15M: invalid duration: 15M
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: iso8601-duration 2.1.4, ical.js 2.2.1, luxon 3.7.2, tinyduration 3.4.1'
echo 'expected: fifteen minutes before, or an error'
echo 'seen:         fifteen minutes after'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
