#!/usr/bin/env bash
#
# libphonenumber-js 1.13.16, google-libphonenumber 3.2.47
#
# Expectation: Parsing a phone number brings the ways of writing it to one E.164 number. Trunk zeros after the country
# code, Argentina's 15 and Russia's 8 are taken out so, and the 1 after +52 has been needless since 2019.
#
# Seen: A Mexican mobile number with the 1 that it had until 2019, and that WhatsApp still shows, stays another
# number, +5215512345678, and is not valid; without the 1 it is +525512345678 and valid. Both libraries agree.
#
# Who is hurt: People who signed up before the change, or whose number is copied from WhatsApp (its ids and vCards
# have 521): they get a second account, or "this is no phone number", and lists of contacts matched by E.164 miss
# them. Tests with American or European numbers never show it.
#
# Remedy: Before parsing, number.replace(/^\+52\s*1(?=(\D*\d){10}$)/, "+52"), once over the stored numbers, too.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  libphonenumber-js@1.13.16 google-libphonenumber@3.2.47 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import google from 'google-libphonenumber'
import parsePhoneNumber from 'libphonenumber-js/max'

const util = google.PhoneNumberUtil.getInstance()
for (const text of ['+52 1 55 1234 5678', '+52 55 1234 5678', '+54 11 15 2345 6789', '+54 9 11 2345 6789', '+7 8 912 345 67 89', '+49 (0)30 123456']) {
  const number = parsePhoneNumber(text)
  const other = util.parse(text)
  console.log(text, '->', number.number, number.isValid(), '| google:', util.format(other, google.PhoneNumberFormat.E164), util.isValidNumber(other))
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
+52 1 55 1234 5678 -> +5215512345678 false | google: +5215512345678 false
+52 55 1234 5678 -> +525512345678 true | google: +525512345678 true
+54 11 15 2345 6789 -> +5491123456789 true | google: +5491123456789 true
+54 9 11 2345 6789 -> +5491123456789 true | google: +5491123456789 true
+7 8 912 345 67 89 -> +79123456789 true | google: +79123456789 true
+49 (0)30 123456 -> +4930123456 true | google: +4930123456 true
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: libphonenumber-js 1.13.16, google-libphonenumber 3.2.47'
echo 'expected: one number for both ways of writing'
echo 'seen:     two numbers, one of them not valid'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
