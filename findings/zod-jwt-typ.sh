#!/usr/bin/env bash
#
# zod 4.6.7
#
# Expectation: z.jwt() checks the form of a JWS: three base64url parts and a header with an algorithm. RFC 7519
# makes typ optional and RFC 9068 (at+jwt), RFC 9449 (dpop+jwt) and RFC 8417 (secevent+jwt) define others, compared
# without regard to case. zod documents one option, the algorithm.
#
# Seen: Every typ other than the exact text JWT is refused as "Invalid JWT"; no typ at all is accepted. There is no
# option for it.
#
# Who is hurt: An API that validates its request bodies or its configuration with zod refuses each RFC 9068 access
# token and each DPoP proof with a 400 that says nothing of typ, while the session tokens of the same issuer pass.
#
# Remedy: Do not use z.jwt() where typed tokens arrive: z.string().regex() for the form, and leave the header to the
# verifier.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  zod@4.6.7 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { z } from 'zod'

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
const token = (typ) => `${encode({ alg: 'EdDSA', typ })}.${encode({ sub: 'ada' })}.${'A'.repeat(86)}`

for (const typ of [undefined, 'JWT', 'jwt', 'at+jwt', 'dpop+jwt']) {
  console.log(typ ?? 'none', z.jwt().safeParse(token(typ)).success ? 'accepted' : 'refused')
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
none accepted
JWT accepted
jwt refused
at+jwt refused
dpop+jwt refused
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: zod 4.6.7'
echo 'expected: typ is optional and may be at+jwt or dpop+jwt'
echo 'seen:     only JWT in capitals, or no typ, is a JWT'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
