#!/usr/bin/env bash
#
# ical-generator 10.2.0, node-ical 0.26.1
#
# Expectation: A Date is a moment. An event with start: new Date(...) and timezone: "Europe/Berlin" is written with
# Berlin's time for that moment, or as UTC, and read back as the same moment.
#
# Seen: ical-generator writes the clock of the server's own time zone and puts TZID=Europe/Berlin in front of it. With
# timezone on the calendar it writes the server's clock without any TZID, so each reader takes it for its own local
# time. The README says that a given time is assumed to match the time zone, and passes new Date() in both of its
# examples.
#
# Who is hurt: Invitations and feeds: right on a developer's machine in Berlin, one or two hours wrong from a server in
# UTC. Nothing throws and the file is valid.
#
# Remedy: Leave timezone out where a Date is passed: the event is written in UTC. Where the zone matters (series over a
# change of the clock), pass a DateTime of Luxon and set timezone on the event.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  ical-generator@10.2.0 node-ical@0.26.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import ical from 'ical-generator'
import nodeIcal from 'node-ical'

const start = new Date('2026-03-02T09:00:00Z')
const kinds = { 'no zone': [{}, {}], 'zone on the event': [{}, { timezone: 'Europe/Berlin' }], 'zone on the calendar': [{ timezone: 'Europe/Berlin' }, {}] }

for (const server of ['Europe/Berlin', 'UTC', 'America/New_York']) {
  for (const [name, [calendarOptions, eventOptions]] of Object.entries(kinds)) {
    process.env.TZ = server
    const calendar = ical(calendarOptions)
    calendar.createEvent({ id: 'a', summary: 'Meeting', start, end: start, ...eventOptions })
    const text = calendar.toString()
    process.env.TZ = 'Asia/Tokyo'
    const event = Object.values(nodeIcal.sync.parseICS(text)).find(({ type }) => type === 'VEVENT')
    console.log(`server in ${server}, ${name}: ${text.match(/DTSTART.*/)[0].trim()}, read in Tokyo: ${event.start.toISOString()}`)
  }
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
server in Europe/Berlin, no zone: DTSTART:20260302T090000Z, read in Tokyo: 2026-03-02T09:00:00.000Z
server in Europe/Berlin, zone on the event: DTSTART;TZID=Europe/Berlin:20260302T100000, read in Tokyo: 2026-03-02T09:00:00.000Z
server in Europe/Berlin, zone on the calendar: DTSTART:20260302T100000, read in Tokyo: 2026-03-02T01:00:00.000Z
server in UTC, no zone: DTSTART:20260302T090000Z, read in Tokyo: 2026-03-02T09:00:00.000Z
server in UTC, zone on the event: DTSTART;TZID=Europe/Berlin:20260302T090000, read in Tokyo: 2026-03-02T08:00:00.000Z
server in UTC, zone on the calendar: DTSTART:20260302T090000, read in Tokyo: 2026-03-02T00:00:00.000Z
server in America/New_York, no zone: DTSTART:20260302T090000Z, read in Tokyo: 2026-03-02T09:00:00.000Z
server in America/New_York, zone on the event: DTSTART;TZID=Europe/Berlin:20260302T040000, read in Tokyo: 2026-03-02T03:00:00.000Z
server in America/New_York, zone on the calendar: DTSTART:20260302T040000, read in Tokyo: 2026-03-01T19:00:00.000Z
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: ical-generator 10.2.0, node-ical 0.26.1'
echo 'expected: 09:00 UTC from each server'
echo 'seen:         an hour or six hours early, depending on the server'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
