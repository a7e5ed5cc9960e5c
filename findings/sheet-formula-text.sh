#!/usr/bin/env bash
#
# hyperformula 3.5.0, @formulajs/formulajs 4.6.1
#
# Expectation: The functions of a spreadsheet engine give what Excel, Google Sheets and OpenFormula give: INT rounds
# down, so INT(-1.5) is -2, and TEXT(0.5, "0%") is 50%.
#
# Seen: INT of HyperFormula cuts off: INT(-1.5) is -1 and INT(-0.5) is 0, so a number is not INT(x) plus MOD(x, 1). TEXT
# does not multiply for %, breaks a pattern with a thousands separator apart ("1235,##0.00"), and shows the month as
# digits for mmm: 0.5 is 1%, March 030. No cell has an error. Formula.js has INT right.
#
# Who is hurt: Sheets that people bring along: balances below zero, time differences and buckets by INT are off by one,
# and shown percentages are wrong by the factor 100, only where a formula has them.
#
# Remedy: FLOOR(x, 1) for INT; format in the user interface instead of TEXT.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  hyperformula@3.5.0 @formulajs/formulajs@4.6.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { INT, MOD } from '@formulajs/formulajs'
import { HyperFormula } from 'hyperformula'

const formulas = [
  '=INT(1.5)',
  '=INT(-1.5)',
  '=INT(-0.5)',
  '=INT(-1.5)+MOD(-1.5,1)',
  '=FLOOR(-1.5,1)',
  '=TEXT(3.14159,"0.00")',
  '=TEXT(0.5,"0%")',
  '=TEXT(1234.5,"#,##0.00")',
  '=TEXT(DATE(2026,3,4),"dd mmm yyyy")',
]
const sheet = HyperFormula.buildFromArray(formulas.map((formula) => [formula]), { licenseKey: 'gpl-v3' })
for (const [row, formula] of formulas.entries()) console.log(formula, sheet.getCellValue({ sheet: 0, row, col: 0 }))
console.log('Formula.js: INT(-1.5)', INT(-1.5), 'INT(-1.5) + MOD(-1.5, 1)', INT(-1.5) + MOD(-1.5, 1))
SCRIPT

cat >surprise.txt <<'OUTPUT'
=INT(1.5) 1
=INT(-1.5) -1
=INT(-0.5) 0
=INT(-1.5)+MOD(-1.5,1) -0.5
=FLOOR(-1.5,1) -2
=TEXT(3.14159,"0.00") 3.14
=TEXT(0.5,"0%") 1%
=TEXT(1234.5,"#,##0.00") 1235,##0.00
=TEXT(DATE(2026,3,4),"dd mmm yyyy") 04 030 2026
Formula.js: INT(-1.5) -2 INT(-1.5) + MOD(-1.5, 1) -1.5
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: hyperformula 3.5.0, @formulajs/formulajs 4.6.1'
echo 'expected: -2 and 50%'
echo 'seen:     -1 and 1%'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
