#!/usr/bin/env bash
#
# zxing-wasm 3.1.6, bwip-js 4.11.4
#
# Expectation: A bar code in Code 39 gives back the text that was put in. Code 39 has + / % $ among its 43 characters;
# its extended form is another symbology, with a format of its own in the reader.
#
# Seen: By default and with formats: ["Code39"], zxing-wasm reads a + / % or $ in front of a letter as the extended
# form: LOT+B is LOTb, R/C-10 is R#-10, and AB$C ends in a control character written as <ETX>. Only such texts change;
# +1 or /12 stay. It is read without an error and with the format Code39Ext.
#
# Who is hurt: Inventory labels, member cards and pairing labels that have been scanned right for years by hand
# scanners: the web scanner finds no such item, or another one, and only for some numbers.
#
# Remedy: formats: ["Code39Std"] for plain labels; a check digit of your own in what is printed.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  zxing-wasm@3.1.6 bwip-js@4.11.4 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { readFileSync } from 'node:fs'
import bwip from 'bwip-js'
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader'

const wasm = readFileSync('node_modules/zxing-wasm/dist/reader/zxing_reader.wasm')
prepareZXingModule({ overrides: { wasmBinary: new Uint8Array(wasm).buffer } })

for (const text of ['LOT-7B', 'LOT+7B', 'LOT+B', 'R/C-10', 'AB$C', '50%OFF']) {
  const picture = new Blob([await bwip.toBuffer({ bcid: 'code39', text, scale: 3, padding: 10, backgroundcolor: 'FFFFFF' })])
  const read = async (options) => (await readBarcodes(picture, options)).map((found) => `${found.text} (${found.format})`)
  const standard = await read({ formats: ['Code39Std'] })
  console.log(`${text}: default ${await read({})}, Code39 ${await read({ formats: ['Code39'] })}, Code39Std ${standard}`)
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
LOT-7B: default LOT-7B (Code39), Code39 LOT-7B (Code39), Code39Std LOT-7B (Code39)
LOT+7B: default LOT+7B (Code39), Code39 LOT+7B (Code39), Code39Std LOT+7B (Code39)
LOT+B: default LOTb (Code39Ext), Code39 LOTb (Code39Ext), Code39Std LOT+B (Code39)
R/C-10: default R#-10 (Code39Ext), Code39 R#-10 (Code39Ext), Code39Std R/C-10 (Code39)
AB$C: default AB<ETX> (Code39Ext), Code39 AB<ETX> (Code39Ext), Code39Std AB$C (Code39)
50%OFF: default 50_FF (Code39Ext), Code39 50_FF (Code39Ext), Code39Std 50%OFF (Code39)
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: zxing-wasm 3.1.6, bwip-js 4.11.4'
echo 'expected: the text that was written'
echo 'seen:         LOT-b, and control characters'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
