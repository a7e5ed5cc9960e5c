#!/usr/bin/env bash
#
# @formkit/tempo 1.1.0, date-fns 4.4.0
#
# Expectation: diffDays of 9 March and 8 March is 1, and diffWeeks of two Sundays that follow each other is 1, as
# differenceInDays of date-fns says: both count days of the calendar.
#
# Seen: They divide milliseconds and cut the fraction off: where the clock goes forward between the two, a day has 23
# hours and is 0 days, March has 30 days between its first and the first of April, and the week is 0 weeks. In autumn
# nothing is wrong. diffMonths is right.
#
# Who is hurt: Trials, streaks and reminders in local time: the streak breaks, or the trial is a day longer, for
# everyone in a zone with summer time, once a year, and no test in UTC shows it.
#
# Remedy: diffDays(a, b, "round"), and the same for diffWeeks over whole days; date-fns, or Temporal.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @formkit/tempo@1.1.0 date-fns@4.4.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
process.env.TZ = 'America/New_York'
const { diffDays, diffMonths, diffWeeks } = await import('@formkit/tempo')
const { differenceInDays, parseISO } = await import('date-fns')

for (const [later, earlier] of [
  ['2026-03-08', '2026-03-07'],
  ['2026-03-09', '2026-03-08'],
  ['2026-04-01', '2026-03-01'],
  ['2026-11-02', '2026-11-01'],
]) {
  const dateFns = differenceInDays(parseISO(later), parseISO(earlier))
  const days = [diffDays(later, earlier), diffDays(later, earlier, 'round')]
  console.log(`${earlier} to ${later}: tempo ${days[0]}, rounded ${days[1]}, date-fns ${dateFns}`)
}
console.log('weeks from 2026-03-08 to 2026-03-15:', diffWeeks('2026-03-15', '2026-03-08'))
console.log('months from 2026-03-01 to 2026-04-01:', diffMonths('2026-04-01', '2026-03-01'))
SCRIPT

cat >surprise.txt <<'OUTPUT'
2026-03-07 to 2026-03-08: tempo 1, rounded 1, date-fns 1
2026-03-08 to 2026-03-09: tempo 0, rounded 1, date-fns 1
2026-03-01 to 2026-04-01: tempo 30, rounded 31, date-fns 31
2026-11-01 to 2026-11-02: tempo 1, rounded 1, date-fns 1
weeks from 2026-03-08 to 2026-03-15: 0
months from 2026-03-01 to 2026-04-01: 1
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @formkit/tempo 1.1.0, date-fns 4.4.0'
echo 'expected: 1, 31 and 1'
echo 'seen:     0, 30 and 0'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
