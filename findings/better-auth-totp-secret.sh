#!/usr/bin/env bash
#
# @better-auth/utils 0.5.1, otpauth 9.5.2
#
# Expectation: createOTP(secret) takes the secret as authenticator apps show it and as the libraries otpauth, otplib
# and speakeasy exchange it: base32.
#
# Seen: The characters of the secret are the key: a base32 secret is not decoded, and url() encodes it in base32
# once more. Better Auth's two-factor plugin stores secrets of this kind.
#
# Who is hurt: Whoever imports enrolled second factors into Better Auth (or moves them out): no code matches any
# more, everybody with a second factor is locked out, and only after they signed in with a password that is right.
#
# Remedy: Out: base32-encode the stored text. In: only secrets whose decoded bytes are text can be stored; others
# must be enrolled anew.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @better-auth/utils@0.5.1 otpauth@9.5.2 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { createOTP } from '@better-auth/utils/otp'
import { Secret, TOTP } from 'otpauth'

const secret = 'JBSWY3DPEHPK3PXP'
const counter = 1_764_375_600 / 30
const code = await createOTP(secret).hotp(counter)
const at = { timestamp: counter * 30_000 }
console.log('base32 decoded:', code === new TOTP({ secret: Secret.fromBase32(secret) }).generate(at))
console.log('its characters:', code === new TOTP({ secret: Secret.fromUTF8(secret) }).generate(at))
console.log(new URL(createOTP(secret).url('notes', 'ada')).searchParams.get('secret'))
SCRIPT

cat >surprise.txt <<'OUTPUT'
base32 decoded: false
its characters: true
JJBFGV2ZGNCFARKIKBFTGUCYKA
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @better-auth/utils 0.5.1, otpauth 9.5.2'
echo 'expected: the code of the base32 secret'
echo 'seen:     the code of its characters as bytes'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
