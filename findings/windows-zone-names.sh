#!/usr/bin/env bash
#
# windows-iana 5.1.0
#
# Expectation: findWindows gives the Windows name of every time zone that is in use, by its present name too:
# Europe/Kyiv is FLE Standard Time, as Europe/Kiev is, and Asia/Kolkata is found like Asia/Calcutta.
#
# Seen: Europe/Kyiv (named so since 2022), America/Ciudad_Juarez (2022), Pacific/Kanton (2021) and America/Coyhaique
# (2025) give an empty list. [0] of it is undefined, which JSON leaves out.
#
# Who is hurt: Invitations through Exchange and Microsoft Graph, which want Windows names: for people in these zones the
# request has no time zone. Whether a browser reports Europe/Kyiv or Europe/Kiev depends on its make and age, so it hits
# some people of one city.
#
# Remedy: A table of your own for the new names, before findWindows; treat an empty list as an error.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  windows-iana@5.1.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { findWindows } from 'windows-iana'

const known = ['Europe/Berlin', 'Asia/Calcutta', 'Asia/Kolkata', 'Europe/Kiev']
const named = ['Europe/Kyiv', 'America/Ciudad_Juarez', 'Pacific/Kanton', 'America/Coyhaique']
for (const zone of [...known, ...named]) console.log(zone, JSON.stringify(findWindows(zone)))
SCRIPT

cat >surprise.txt <<'OUTPUT'
Europe/Berlin ["W. Europe Standard Time"]
Asia/Calcutta ["India Standard Time"]
Asia/Kolkata ["India Standard Time"]
Europe/Kiev ["FLE Standard Time"]
Europe/Kyiv []
America/Ciudad_Juarez []
Pacific/Kanton []
America/Coyhaique []
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: windows-iana 5.1.0'
echo 'expected: FLE Standard Time'
echo 'seen:     an empty list'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
