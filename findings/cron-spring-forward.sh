#!/usr/bin/env bash
#
# croner 11.0.1, cron-parser 5.10.6, cron 4.4.0
#
# Expectation: The three libraries agree on the day on which 02:00 to 03:00 does not exist: a job at 02:30 runs once, at
# the same moment, and a job for every second hour runs at 04:00, since 03:00 is no even hour.
#
# Seen: The job at 02:30 runs at 03:00 in croner and cron and at 03:30 in cron-parser. Every second hour: cron-parser
# and cron run it at 03:00 and at 04:00, croner at 04:00 only. At a quarter past two to four o'clock: cron runs it at
# 03:00 and at 03:15, the others only at 03:15.
#
# Who is hurt: A queue that computes the next run with cron-parser (BullMQ does) beside a scheduler that uses croner or
# cron: a job runs twice or a lock of an hour refuses it, once a year, in the night.
#
# Remedy: Schedules in UTC for everything that is not meant for people; none between two and three o'clock.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  croner@11.0.1 cron-parser@5.10.6 cron@4.4.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { CronTime } from 'cron'
import { CronExpressionParser } from 'cron-parser'
import { Cron } from 'croner'

const timezone = 'Europe/Berlin'
const from = new Date('2026-03-29T00:30:00Z')
const until = new Date('2026-03-29T02:45:00Z')
const steps = {
  croner: (pattern) => {
    const job = new Cron(pattern, { timezone, paused: true })
    return (date) => job.nextRun(date)
  },
  'cron-parser': (pattern) => (date) => CronExpressionParser.parse(pattern, { currentDate: date, tz: timezone }).next().toDate(),
  cron: (pattern) => {
    const time = new CronTime(pattern, timezone)
    return (date) => time.getNextDateFrom(date, timezone).toJSDate()
  },
}
const clock = new Intl.DateTimeFormat('en-GB', { timeZone: timezone, hour: '2-digit', minute: '2-digit' })
for (const pattern of ['30 2 * * *', '0 */2 * * *', '15 2-4 * * *']) {
  for (const [name, step] of Object.entries(steps)) {
    const next = step(pattern)
    const runs = []
    for (let date = next(from); date < until; date = next(date)) runs.push(clock.format(date))
    console.log(`${pattern} ${name}: ${runs.join(' ')}`)
  }
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
30 2 * * * croner: 03:00
30 2 * * * cron-parser: 03:30
30 2 * * * cron: 03:00
0 */2 * * * croner: 04:00
0 */2 * * * cron-parser: 03:00 04:00
0 */2 * * * cron: 03:00 04:00
15 2-4 * * * croner: 03:15 04:15
15 2-4 * * * cron-parser: 03:15 04:15
15 2-4 * * * cron: 03:00 03:15 04:15
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: croner 11.0.1, cron-parser 5.10.6, cron 4.4.0'
echo 'expected: the same moments three times'
echo 'seen:     three answers'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
