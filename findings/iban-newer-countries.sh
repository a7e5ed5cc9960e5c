#!/usr/bin/env bash
#
# iban 0.0.14, ibantools 4.5.4
#
# Expectation: An IBAN library knows the countries of the IBAN registry, and isSEPACountry the members of SEPA: Albania,
# Montenegro, Moldova, North Macedonia and Serbia joined in 2024 and 2025.
#
# Seen: iban says false to the sample numbers of the registry for Libya, Russia, Mongolia, Oman, Yemen, Honduras, the
# Falkland Islands, Burundi and Nicaragua, which ibantools accepts. isSEPACountry of ibantools is false for the five
# countries that joined.
#
# Who is hurt: Payout and billing forms: a person with a good account is told that the number is wrong, or is charged
# for a transfer outside SEPA, and no other spelling helps.
#
# Remedy: ibantools for numbers; a list of your own for SEPA, dated; accept what you do not know and let the bank
# decide.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  iban@0.0.14 ibantools@4.5.4 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import iban from 'iban'
import { isSEPACountry, isValidIBAN } from 'ibantools'

const samples = [
  'DE89370400440532013000',
  'BI4210000100010000332045181',
  'FK88SC123456789012',
  'HN88CABF00000000000250005469',
  'LY83002048000020100120361',
  'MN121234123456789123',
  'NI45BAPR00000013000003558124',
  'OM810180000001299123456',
  'RU0304452522540817810538091310419',
  'YE15CBYE0001018861234567891234',
]
for (const sample of samples) console.log(sample, 'iban', iban.isValid(sample), 'ibantools', isValidIBAN(sample))
console.log('in SEPA:', ['DE', 'CH', 'AL', 'ME', 'MD', 'MK', 'RS'].map((country) => `${country} ${isSEPACountry(country)}`).join(', '))
SCRIPT

cat >surprise.txt <<'OUTPUT'
DE89370400440532013000 iban true ibantools true
BI4210000100010000332045181 iban false ibantools true
FK88SC123456789012 iban false ibantools true
HN88CABF00000000000250005469 iban false ibantools true
LY83002048000020100120361 iban false ibantools true
MN121234123456789123 iban false ibantools true
NI45BAPR00000013000003558124 iban false ibantools true
OM810180000001299123456 iban false ibantools true
RU0304452522540817810538091310419 iban false ibantools true
YE15CBYE0001018861234567891234 iban false ibantools true
in SEPA: DE true, CH true, AL false, ME false, MD false, MK false, RS false
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: iban 0.0.14, ibantools 4.5.4'
echo 'expected: all valid, all in SEPA'
echo 'seen:     nine countries refused, five members not in SEPA'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
