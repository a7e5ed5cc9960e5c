#!/usr/bin/env bash
#
# fast-jwt 6.3.6, jose 6.2.18, jsonwebtoken 9.0.3
#
# Expectation: expiresIn of createSigner is the lifetime of tokens that say nothing themselves. A payload with an exp of
# its own keeps it, or the two together are an error, as in jsonwebtoken.
#
# Seen: The option replaces the claim without a word: a link that should be good for one minute is good for the hour of
# the signer. sub of the options replaces that of the payload too. The list of options in the README says so;
# jsonwebtoken and jose, for which fast-jwt is a replacement, do not do it.
#
# Who is hurt: Servers with one signer for all tokens that shorten single ones (links in a mail, step-up sessions,
# tokens for a job): each lives as long as a session, and nothing in the code that made it shows so.
#
# Remedy: A signer for each lifetime; or no expiresIn on the signer, and exp in every payload.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  fast-jwt@6.3.6 jose@6.2.18 jsonwebtoken@9.0.3 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { createSigner } from 'fast-jwt'
import { decodeJwt, SignJWT } from 'jose'
import jsonwebtoken from 'jsonwebtoken'

const key = 'a secret for this test only, 32 characters'
const now = Math.floor(Date.now() / 1000)
const payload = { sub: 'ada', exp: now + 60 }
const seconds = (token) => Math.round((decodeJwt(token).exp - now) / 60) * 60

const plain = createSigner({ key })(payload)
const signed = createSigner({ key, expiresIn: '1h', sub: 'service' })(payload)
console.log('fast-jwt without the option:', seconds(plain), 'seconds')
console.log('fast-jwt with expiresIn 1h: ', seconds(signed), 'seconds, sub', decodeJwt(signed).sub)
try {
  jsonwebtoken.sign(payload, key, { expiresIn: '1h' })
} catch (error) {
  console.log('jsonwebtoken:', error.message)
}
const jose = await new SignJWT(payload).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(key))
console.log('jose:', seconds(jose), 'seconds')
SCRIPT

cat >surprise.txt <<'OUTPUT'
fast-jwt without the option: 60 seconds
fast-jwt with expiresIn 1h:  3600 seconds, sub service
jsonwebtoken: Bad "options.expiresIn" option the payload already has an "exp" property.
jose: 60 seconds
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: fast-jwt 6.3.6, jose 6.2.18, jsonwebtoken 9.0.3'
echo 'expected: 60 seconds, or an error'
echo 'seen:     3600 seconds'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
