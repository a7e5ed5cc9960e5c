#!/usr/bin/env bash
#
# dayjs 1.11.23, luxon 3.7.2
#
# Expectation: With the timezone plugin, nine in the morning in Berlin plus one day is nine in the morning in Berlin,
# and what is shown is what is stored: format(), toISOString() and valueOf() name one moment.
#
# Seen: Over a change of the clocks the shown text is right and the moment is an hour off: format("HH:mm") says 09:00,
# toISOString() is 10:00 in Berlin, and after a round trip through the database 10:00 is shown. add, set and month()
# alike; the offset stays that of the first date, "+01:00" in July.
#
# Who is hurt: Reminders, expiry dates and calendars: all dates that are computed in one half of the year for the other
# are stored an hour wrong, and the screen that computed them shows nothing of it.
#
# Remedy: Go through the text: dayjs.tz(date.add(1, "day").format("YYYY-MM-DDTHH:mm:ss"), zone), or use Luxon or
# Temporal.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  dayjs@1.11.23 luxon@3.7.2 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import dayjs from 'dayjs'
import timezone from 'dayjs/plugin/timezone.js'
import utc from 'dayjs/plugin/utc.js'
import { DateTime } from 'luxon'

dayjs.extend(utc)
dayjs.extend(timezone)
const zone = 'Europe/Berlin'

function show(label, date) {
  const stored = date.toISOString()
  console.log(`${label}: shown ${date.format()}, stored ${stored}, read back ${dayjs(stored).tz(zone).format()}`)
}
show('start           ', dayjs.tz('2026-03-28 09:00', zone))
show('plus a day      ', dayjs.tz('2026-03-28 09:00', zone).add(1, 'day'))
show('plus six months ', dayjs.tz('2026-01-15 09:00', zone).add(6, 'month'))
show('in July         ', dayjs.tz('2026-01-15 09:00', zone).month(6))
console.log(`Luxon plus a day: ${DateTime.fromISO('2026-03-28T09:00', { zone }).plus({ days: 1 }).toUTC().toISO()}`)
SCRIPT

cat >surprise.txt <<'OUTPUT'
start           : shown 2026-03-28T09:00:00+01:00, stored 2026-03-28T08:00:00.000Z, read back 2026-03-28T09:00:00+01:00
plus a day      : shown 2026-03-29T09:00:00+01:00, stored 2026-03-29T08:00:00.000Z, read back 2026-03-29T10:00:00+02:00
plus six months : shown 2026-07-15T09:00:00+01:00, stored 2026-07-15T08:00:00.000Z, read back 2026-07-15T10:00:00+02:00
in July         : shown 2026-07-15T09:00:00+01:00, stored 2026-07-15T08:00:00.000Z, read back 2026-07-15T10:00:00+02:00
Luxon plus a day: 2026-03-29T07:00:00.000Z
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: dayjs 1.11.23, luxon 3.7.2'
echo 'expected: 09:00 in Berlin on both days'
echo 'seen:     09:00 is shown, 10:00 is stored'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
