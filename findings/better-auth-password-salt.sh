#!/usr/bin/env bash
#
# better-auth 1.7.25
#
# Expectation: A stored password is SALT:KEY, both in hexadecimal: 16 bytes of salt and 64 of key, so scrypt with
# the decoded salt gives the key. The key is decoded so.
#
# Seen: The salt that goes into scrypt is the 32 characters of text, not the 16 bytes they stand for. (Lucia, from
# which the form comes, does the same.)
#
# Who is hurt: Whoever moves accounts to another service, checks passwords in another language, or writes hashes of
# imported users for Better Auth: every password is refused, with parameters that are all right.
#
# Remedy: Pass the text of the salt in UTF-8; N 16384, r 16, p 1, 64 bytes, password in NFKC.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  better-auth@1.7.25 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { scryptSync } from 'node:crypto'
import { hashPassword } from 'better-auth/crypto'

const [salt, key] = (await hashPassword('correct horse')).split(':')
const cost = { N: 16_384, r: 16, p: 1, maxmem: 64 * 1024 * 1024 }
const matches = (bytes) => scryptSync('correct horse', bytes, 64, cost).toString('hex') === key
console.log('salt and key in hexadecimal:', /^[0-9a-f]{32}$/.test(salt), /^[0-9a-f]{128}$/.test(key))
console.log('scrypt with the decoded salt:', matches(Buffer.from(salt, 'hex')))
console.log('scrypt with the text of the salt:', matches(salt))
SCRIPT

cat >surprise.txt <<'OUTPUT'
salt and key in hexadecimal: true true
scrypt with the decoded salt: false
scrypt with the text of the salt: true
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: better-auth 1.7.25'
echo 'expected: the salt is the 16 bytes'
echo 'seen:     the salt is the text of 32 characters'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
