#!/usr/bin/env bash
#
# jose 6.2.18, ms 2.1.3, parse-duration 2.1.9, itty-time 2.0.2
#
# Expectation: In a duration M beside m for minutes is a month (date patterns, ISO 8601), or an error; a unit that a
# library does not know is an error or undefined.
#
# Seen: setExpirationTime("1M") of jose and ms("1M"), to which other libraries hand on their own options, are one
# minute; "1mo" is an error in one, undefined in the other and a month in parse-duration, where "1M" is a minute as
# well. ms of itty-time knows "15 minutes" but takes "15 min", "1w" and "1 H" for no error: 15 milliseconds, NaN and
# 1 millisecond.
#
# Who is hurt: A refresh token meant for a month ends after a minute, which looks like people being signed out at
# random; a lifetime of NaN becomes null in JSON, and comparisons with it are false.
#
# Remedy: Numbers of seconds in options that decide how long something is good for; "30 days" where text is wanted.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  jose@6.2.18 ms@2.1.3 parse-duration@2.1.9 itty-time@2.0.2 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { ms as itty } from 'itty-time'
import { decodeJwt, SignJWT } from 'jose'
import ms from 'ms'
import parseDuration from 'parse-duration'

async function jose(text) {
  const before = Math.floor(Date.now() / 1000)
  try {
    const token = await new SignJWT({}).setProtectedHeader({ alg: 'HS256' }).setExpirationTime(text).sign(new Uint8Array(32))
    return Math.floor((decodeJwt(token).exp - before) / 10) * 10_000
  } catch (error) {
    return error.message
  }
}
for (const text of ['1M', '1mo', '1w', '15 min', '15 minutes', '1 H']) {
  console.log(text, '| jose', await jose(text), '| ms', ms(text), '| itty-time', itty(text), '| parse-duration', parseDuration(text))
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
1M | jose 60000 | ms 60000 | itty-time NaN | parse-duration 60000
1mo | jose Invalid time period format | ms undefined | itty-time NaN | parse-duration 2629800000
1w | jose 604800000 | ms 604800000 | itty-time NaN | parse-duration 604800000
15 min | jose 900000 | ms 900000 | itty-time 15 | parse-duration 900000
15 minutes | jose 900000 | ms 900000 | itty-time 900000 | parse-duration 900000
1 H | jose 3600000 | ms 3600000 | itty-time 1 | parse-duration 3600000
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: jose 6.2.18, ms 2.1.3, parse-duration 2.1.9, itty-time 2.0.2'
echo 'expected: 1M is a month or an error; unknown units are errors'
echo 'seen:     1M is a minute; unknown units are other numbers'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
