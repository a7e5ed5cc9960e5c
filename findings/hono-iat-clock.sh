#!/usr/bin/env bash
#
# hono 4.13.19, jose 6.2.18, jsonwebtoken 9.0.3, fast-jwt 6.3.6
#
# Expectation: A token whose iat lies one second ahead of the verifier's clock is accepted. RFC 7519 gives iat no
# rule for refusal, and jose, jsonwebtoken and fast-jwt look at it only when a maximum age is asked for.
#
# Seen: verify of hono/jwt (and the middlewares on it) refuses every iat in the future, without leeway, as
# JwtTokenIssuedAt. There is an option that switches the check off, and none that allows for clock skew.
#
# Who is hurt: People whose token was signed by a device or another machine with a clock a second ahead: the first
# request after each refresh is a 401, the next one passes. On one machine, in development, it is never seen.
#
# Remedy: verification: { iat: false } where the token is verified, or issuers that date iat a minute back.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  hono@4.13.19 jose@6.2.18 jsonwebtoken@9.0.3 fast-jwt@6.3.6 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { createVerifier } from 'fast-jwt'
import { sign, verify } from 'hono/jwt'
import { jwtVerify } from 'jose'
import jsonwebtoken from 'jsonwebtoken'

const secret = 'a secret of at least thirty-two bytes'
const now = Math.floor(Date.now() / 1000)
const token = await sign({ sub: 'ada', iat: now + 60, exp: now + 600 }, secret, 'HS256')

async function report(name, check) {
  try {
    console.log(name, 'accepted', (await check()).sub)
  } catch (error) {
    console.log(name, 'refused', error.name)
  }
}

await report('jose', async () => (await jwtVerify(token, new TextEncoder().encode(secret))).payload)
await report('jsonwebtoken', () => jsonwebtoken.verify(token, secret))
await report('fast-jwt', () => createVerifier({ key: secret })(token))
await report('hono', () => verify(token, secret, 'HS256'))
await report('hono, iat: false', () => verify(token, secret, { alg: 'HS256', iat: false }))
SCRIPT

cat >surprise.txt <<'OUTPUT'
jose accepted ada
jsonwebtoken accepted ada
fast-jwt accepted ada
hono refused JwtTokenIssuedAt
hono, iat: false accepted ada
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: hono 4.13.19, jose 6.2.18, jsonwebtoken 9.0.3, fast-jwt 6.3.6'
echo 'expected: iat one minute ahead is accepted, as by three other verifiers'
echo 'seen:     hono refuses it, one second is enough'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
