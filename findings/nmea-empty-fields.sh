#!/usr/bin/env bash
#
# nmea-simple 3.3.0, gps 0.9.0
#
# Expectation: A GPS receiver without a fix sends empty fields (NMEA 0183), and a reader gives null, undefined or NaN
# for what is not there, as the package gps does.
#
# Seen: nmea-simple gives 0 for each empty field: latitude and longitude -0, altitude 0, speed 0, dilution of precision
# 0. A receiver that knows its place and not its height is at sea level; an anemometer without a reading reports calm.
#
# Who is hurt: Trackers, geofences and time records that take the numbers: until the first fix the person is at 0
# degrees north, 0 degrees east, a real place in the sea, and averages and maxima of speed and height are wrong.
#
# Remedy: Look at status and fixType of each sentence before its numbers, and at the empty field itself for the
# altitude; or use gps.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  nmea-simple@3.3.0 gps@0.9.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import GPS from 'gps'
import { parseNmeaSentence } from 'nmea-simple'

function sentence(text) {
  let sum = 0
  for (const letter of text) sum ^= letter.charCodeAt(0)
  return `$${text}*${sum.toString(16).toUpperCase().padStart(2, '0')}`
}
const noFix = sentence('GPRMC,225446,V,,,,,,,191126,,')
const { status, latitude, longitude, speedKnots, trackTrue } = parseNmeaSentence(noFix)
console.log('no fix, nmea-simple:', { status, latitude, longitude, speedKnots, trackTrue })
const plain = GPS.Parse(noFix)
console.log('no fix, gps:        ', { lat: plain.lat, lon: plain.lon, speed: plain.speed, track: plain.track })

const noHeight = sentence('GPGGA,225446,4916.45,N,12311.12,W,1,05,1.5,,M,,M,,')
console.log('no height, nmea-simple:', parseNmeaSentence(noHeight).altitudeMeters, 'gps:', GPS.Parse(noHeight).alt)
const wind = parseNmeaSentence(sentence('WIMWV,,R,,N,V'))
console.log('no wind reading, nmea-simple:', { windAngle: wind.windAngle, speed: wind.speed, status: wind.status })
SCRIPT

cat >surprise.txt <<'OUTPUT'
no fix, nmea-simple: {
  status: 'warning',
  latitude: -0,
  longitude: -0,
  speedKnots: 0,
  trackTrue: 0
}
no fix, gps:         { lat: null, lon: null, speed: null, track: null }
no height, nmea-simple: 0 gps: null
no wind reading, nmea-simple: { windAngle: 0, speed: 0, status: 'invalid' }
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: nmea-simple 3.3.0, gps 0.9.0'
echo 'expected: no position'
echo 'seen:     0 degrees north, 0 degrees east, height 0, speed 0'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
