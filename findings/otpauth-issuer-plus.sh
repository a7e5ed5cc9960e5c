#!/usr/bin/env bash
#
# @better-auth/utils 0.5.1, otplib 13.5.0, otpauth 9.5.2
#
# Expectation: The address in the QR code of a second factor carries the name of the app: "My App" by any library is
# "My App" in any other, as each of them does with the letters and the + of an e-mail address.
#
# Seen: @better-auth/utils writes the spaces of the issuer as + in the query and as %20 in the label. The key URI
# format and its readers know only percent-encoding, so the issuer is "My+App", other than the one in the label.
#
# Who is hurt: Everyone who turns on a second factor at an app whose name has a space: the entry in the authenticator
# is called "My+App", does not sort or group with an entry of the same app made elsewhere, and a password manager that
# matches the issuer with the name of the site does not find it.
#
# Remedy: An issuer without spaces, or uri.replaceAll("+", "%20") before the QR code is drawn (a real + is %2B there).
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @better-auth/utils@0.5.1 otplib@13.5.0 otpauth@9.5.2 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { createOTP } from '@better-auth/utils/otp'
import { URI } from 'otpauth'
import { generateURI } from 'otplib'

const secret = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'
const uris = {
  '@better-auth/utils': createOTP(secret).url('My App', 'ada+work@notes.test'),
  otplib: generateURI({ issuer: 'My App', label: 'ada+work@notes.test', secret }),
}
for (const [name, uri] of Object.entries(uris)) {
  const { issuer, label } = URI.parse(uri)
  console.log(name, '->', uri.replace(/secret=\w+/, 'secret=...'))
  console.log('  read by otpauth: issuer', JSON.stringify(issuer), 'label', JSON.stringify(label))
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
@better-auth/utils -> otpauth://totp/My%20App:ada%2Bwork%40notes.test?secret=...&issuer=My+App&digits=6&period=30
  read by otpauth: issuer "My+App" label "ada+work@notes.test"
otplib -> otpauth://totp/My%20App:ada%2Bwork%40notes.test?secret=...&issuer=My%20App
  read by otpauth: issuer "My App" label "ada+work@notes.test"
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @better-auth/utils 0.5.1, otplib 13.5.0, otpauth 9.5.2'
echo 'expected: My App'
echo 'seen:     My+App'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
