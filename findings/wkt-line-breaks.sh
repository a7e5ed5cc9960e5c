#!/usr/bin/env bash
#
# wellknown 0.5.0, betterknown 1.2.0, wkx 0.5.0, @terraformer/wkt 2.2.2
#
# Expectation: Well-known text may have white space between its tokens, line breaks included, as PostGIS, GEOS and ISO
# 13249-3 have it; POINT EMPTY is a geometry without coordinates.
#
# Seen: A text with line breaks is an error for wkx and betterknown and, with a break after the bracket, null for
# wellknown. POINT EMPTY is null for wellknown and betterknown. A point with a height that wellknown wrote, "POINT (1 2
# 3)", is an error for both others; the measure of POINT M (1 2 3) is a height for terraformer. Only terraformer reads
# all breaks.
#
# Who is hurt: Areas and routes kept in configuration files, SQL or reports by people who break long lines; rows without
# a place, which become null and then another kind of absence or an exception in a later step.
#
# Remedy: Before parsing make each run of white space one space and drop it inside brackets; test for EMPTY first; write
# Z yourself.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  wellknown@0.5.0 betterknown@1.2.0 wkx@0.5.0 @terraformer/wkt@2.2.2 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import terraformer from '@terraformer/wkt'
import { wktToGeoJSON } from 'betterknown'
import wellknown from 'wellknown'
import wkx from 'wkx'

const readers = {
  wellknown: wellknown.parse,
  betterknown: wktToGeoJSON,
  wkx: (text) => wkx.Geometry.parse(text).toGeoJSON(),
  terraformer: terraformer.wktToGeoJSON,
}
const written = wellknown.stringify({ type: 'Point', coordinates: [1, 2, 3] })
const lines = ['LINESTRING (1 2, 3 4)', 'LINESTRING (1 2,\n  3 4)', 'LINESTRING (\n  1 2,\n  3 4\n)']
for (const text of [...lines, 'POINT EMPTY', 'POINT M (1 2 3)', written]) {
  console.log(JSON.stringify(text))
  for (const [name, read] of Object.entries(readers)) {
    try {
      console.log(`  ${name}: ${JSON.stringify(read(text)?.coordinates ?? null)}`)
    } catch {
      console.log(`  ${name}: an error`)
    }
  }
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
"LINESTRING (1 2, 3 4)"
  wellknown: [[1,2],[3,4]]
  betterknown: [[1,2],[3,4]]
  wkx: [[1,2],[3,4]]
  terraformer: [[1,2],[3,4]]
"LINESTRING (1 2,\n  3 4)"
  wellknown: [[1,2],[3,4]]
  betterknown: an error
  wkx: an error
  terraformer: [[1,2],[3,4]]
"LINESTRING (\n  1 2,\n  3 4\n)"
  wellknown: null
  betterknown: an error
  wkx: an error
  terraformer: [[1,2],[3,4]]
"POINT EMPTY"
  wellknown: null
  betterknown: null
  wkx: []
  terraformer: []
"POINT M (1 2 3)"
  wellknown: null
  betterknown: [1,2]
  wkx: [1,2]
  terraformer: [1,2,3]
"POINT (1 2 3)"
  wellknown: [1,2,3]
  betterknown: an error
  wkx: an error
  terraformer: [1,2,3]
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: wellknown 0.5.0, betterknown 1.2.0, wkx 0.5.0, @terraformer/wkt 2.2.2'
echo 'expected: a line with two points'
echo 'seen:     null, and errors'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
