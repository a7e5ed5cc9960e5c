#!/usr/bin/env bash
#
# validator 13.15.35, jsvat 2.5.4
#
# Expectation: A validator of VAT numbers takes the numbers that tax offices give out: those of Spanish companies (a
# letter and eight digits) as those of persons, Irish ones in the form of 2013, British ones written without spaces, as
# VIES and invoices have them, Belgian ones that begin with 1 (since 2023) and those of Northern Ireland, XI (since
# 2021).
#
# Seen: isVAT of validator is false for every Spanish S.A. and S.L., for British numbers without spaces and for Irish
# ones with two letters, and does not know XI. jsvat takes those and is false for Belgian numbers with 1 and for XI.
#
# Who is hurt: Companies that sign up or want an invoice: the form says that their number is wrong, for most companies
# of one country. Tests with a German or French number pass in both.
#
# Remedy: Take a number that one of the two takes, treat a refusal as a hint, and ask VIES.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  validator@13.15.35 jsvat@2.5.4 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import * as jsvat from 'jsvat'
import validator from 'validator'

// Made up, with right check digits.
const numbers = {
  'German company': 'DE123456788',
  'Spanish person': 'ES12345678Z',
  'Spanish company, S.A.': 'ESA12345674',
  'Spanish company, S.L.': 'ESB12345674',
  'British, without spaces': 'GB123456782',
  'British, with spaces': 'GB123 4567 82',
  'Northern Irish': 'XI123456782',
  'Irish': 'IE1234567T',
  'Irish, since 2013': 'IE1234567FA',
  'Belgian, with 0': 'BE0123456749',
  'Belgian, with 1': 'BE1012345646',
}
const countries = Object.values(jsvat).filter((country) => country.calcFn)
const isVAT = (number) => {
  try {
    return validator.isVAT(number, number.slice(0, 2))
  } catch (error) {
    return error.message
  }
}
for (const [name, number] of Object.entries(numbers)) {
  console.log(`${name}, ${number}: validator ${isVAT(number)}, jsvat ${jsvat.checkVAT(number, countries).isValid}`)
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
German company, DE123456788: validator true, jsvat true
Spanish person, ES12345678Z: validator true, jsvat true
Spanish company, S.A., ESA12345674: validator false, jsvat true
Spanish company, S.L., ESB12345674: validator false, jsvat true
British, without spaces, GB123456782: validator false, jsvat true
British, with spaces, GB123 4567 82: validator true, jsvat true
Northern Irish, XI123456782: validator Invalid country code: 'XI', jsvat false
Irish, IE1234567T: validator true, jsvat true
Irish, since 2013, IE1234567FA: validator false, jsvat true
Belgian, with 0, BE0123456749: validator true, jsvat true
Belgian, with 1, BE1012345646: validator true, jsvat false
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: validator 13.15.35, jsvat 2.5.4'
echo 'expected: true for each number'
echo 'seen:         false for Spanish companies, for Belgian numbers with 1, for Northern Ireland and others'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
