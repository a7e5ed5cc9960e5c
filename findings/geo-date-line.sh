#!/usr/bin/env bash
#
# @turf/turf 7.4.0, ngeohash 0.6.4, latlon-geohash 2.0.0, h3-js 4.5.0
#
# Expectation: A point that Turf computes can be given to a geohash library, and a place 21 km away is inside a circle
# of 50 km, also near 180 degrees of longitude.
#
# Seen: Turf answers with longitudes beyond 180: fifty kilometres east of 179.9 is 180.37. ngeohash and latlon-geohash
# take that for the edge of the map without an error, so the hash is a cell of the western side, 40 km off; h3-js is
# right. The circle does not hold the near place, the center of two points 21 km apart is longitude 0, and bboxes() of a
# box across the line is empty.
#
# Who is hurt: Searches around a person, geofences and grouping by geohash in Fiji, eastern Russia, New Zealand and on
# ships: neighbours do not find each other, and a centre lies in the Atlantic.
#
# Remedy: Bring longitudes back to -180..180 before hashing; search each side of the line on its own; or use H3 cells.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @turf/turf@7.4.0 ngeohash@0.6.4 latlon-geohash@2.0.0 h3-js@4.5.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import * as turf from '@turf/turf'
import { latLngToCell } from 'h3-js'
import latlon from 'latlon-geohash'
import ngeohash from 'ngeohash'

const [longitude, latitude] = turf.destination([179.9, -16.8], 50, 90).geometry.coordinates
console.log('50 km east of 179.9:', longitude.toFixed(3))
console.log('ngeohash', ngeohash.encode(latitude, longitude, 6), 'latlon-geohash', latlon.encode(latitude, longitude, 6))
console.log('the same place as', (longitude - 360).toFixed(3), 'is', ngeohash.encode(latitude, longitude - 360, 6))
console.log('one H3 cell:', latLngToCell(latitude, longitude, 5) === latLngToCell(latitude, longitude - 360, 5))

const here = [179.9, -16.8]
const near = [-179.9, -16.8]
console.log('distance', turf.distance(here, near).toFixed(0), 'km, in a circle of 50 km:', turf.booleanPointInPolygon(near, turf.circle(here, 50)))
console.log('center of the two:', turf.center(turf.points([here, near])).geometry.coordinates)
console.log('cells of a box across the line:', ngeohash.bboxes(-17, 179.8, -16.6, -179.8, 4).length)
SCRIPT

cat >surprise.txt <<'OUTPUT'
50 km east of 179.9: 180.370
ngeohash rvpbrv latlon-geohash rvpbrv
the same place as -179.630 is 2j022m
one H3 cell: true
distance 21 km, in a circle of 50 km: false
center of the two: [ 0, -16.8 ]
cells of a box across the line: 0
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @turf/turf 7.4.0, ngeohash 0.6.4, latlon-geohash 2.0.0, h3-js 4.5.0'
echo 'expected: the hash 2j022m, and the place is inside'
echo 'seen:     rvpbrv, and outside'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
