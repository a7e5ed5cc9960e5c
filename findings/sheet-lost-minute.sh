#!/usr/bin/env bash
#
# xlsx 0.18.5, ssf 0.11.2, numfmt 4.0.1
#
# Expectation: A time of 59.6 seconds shown as minutes and seconds is 01:00, as numfmt writes it, or 00:59 where seconds
# are cut off.
#
# Seen: The seconds are rounded up to 60, shown as 00, and the minute stays: 00:00, for ssf and for the text (w) that
# xlsx gives each cell and writes into CSV and HTML. 59:59.6 in the format h:mm:ss is 0:59:00, a minute before midnight
# less a moment is 23:59:00. Negative halves go the other way: -1.5 as 0 is -1 where numfmt has -2.
#
# Who is hurt: Time sheets, lap times and call lists exported as CSV or HTML: about one in 120 times that were computed
# is a minute short, while the number (v) in the cell is right.
#
# Remedy: Format the number yourself, or round it to whole seconds first: Math.round(v * 86400) / 86400.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  xlsx@0.18.5 ssf@0.11.2 numfmt@4.0.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { format } from 'numfmt'
import SSF from 'ssf'
import XLSX from 'xlsx'

const seconds = (count) => count / 86400
for (const [pattern, value, label] of [
  ['mm:ss', seconds(59.4), '59.4 s'],
  ['mm:ss', seconds(59.6), '59.6 s'],
  ['mm:ss.0', seconds(59.96), '59.96 s'],
  ['h:mm:ss', seconds(3599.6), '59 min 59.6 s'],
  ['[m]:ss', seconds(119.6), '1 min 59.6 s'],
  ['0', -1.5, '-1.5'],
]) {
  const sheet = { '!ref': 'A1', A1: { t: 'n', v: value, z: pattern } }
  const text = XLSX.utils.sheet_to_csv(sheet).trim()
  console.log(`${label} as ${pattern}: xlsx ${text}, ssf ${SSF.format(pattern, value)}, numfmt ${format(pattern, value)}`)
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
59.4 s as mm:ss: xlsx 00:59, ssf 00:59, numfmt 00:59
59.6 s as mm:ss: xlsx 00:00, ssf 00:00, numfmt 01:00
59.96 s as mm:ss.0: xlsx 00:00.0, ssf 00:00.0, numfmt 01:00.0
59 min 59.6 s as h:mm:ss: xlsx 0:59:00, ssf 0:59:00, numfmt 1:00:00
1 min 59.6 s as [m]:ss: xlsx 1:00, ssf 1:00, numfmt 2:00
-1.5 as 0: xlsx -1, ssf -1, numfmt -2
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: xlsx 0.18.5, ssf 0.11.2, numfmt 4.0.1'
echo 'expected: 01:00'
echo 'seen:     00:00'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
