#!/usr/bin/env bash
#
# node-ofx-parser 0.5.1, ofx-js 1.1.1
#
# Expectation: A bank statement in OFX has the entities of SGML in its texts: AT&amp;T is AT&T for the reader. ofx-js
# gives that, and takes a bare ampersand, which many banks send, as it is.
#
# Seen: node-ofx-parser escapes each ampersand twice more and takes nothing back: AT&amp;T is "AT&amp;amp;amp;T", "R&D"
# is "R&amp;amp;D". serialize writes a bare ampersand, so what was read and written grows with each round. Both drop the
# point of a name: INTU.BID is INTUBID.
#
# Who is hurt: Ledgers that match payees and memos by text: rules for AT&T never match, and people see the entities.
# Names without an ampersand are right.
#
# Remedy: ofx-js, or turn &amp; back three times in each text before use.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  node-ofx-parser@0.5.1 ofx-js@1.1.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { parse as parseOfx } from 'ofx-js'
import node from 'node-ofx-parser'

for (const name of ['Bakery', 'AT&amp;T', 'R&D', 'a &lt; b']) {
  const text = `OFXHEADER:100\nDATA:OFXSGML\n\n<OFX><STMTTRN><NAME>${name}<INTU.BID>3000</STMTTRN></OFX>`
  console.log(`${name}: node-ofx-parser ${JSON.stringify(node.parse(text).OFX.STMTTRN)}`)
  console.log(`  ofx-js ${JSON.stringify((await parseOfx(text)).OFX.STMTTRN)}`)
}
console.log(JSON.stringify(node.serialize({}, { STMTTRN: { NAME: 'AT&T' } }).split('<OFX>')[1]))
SCRIPT

cat >surprise.txt <<'OUTPUT'
Bakery: node-ofx-parser {"NAME":"Bakery","INTUBID":"3000"}
  ofx-js {"NAME":"Bakery","INTUBID":"3000"}
AT&amp;T: node-ofx-parser {"NAME":"AT&amp;amp;amp;T","INTUBID":"3000"}
  ofx-js {"NAME":"AT&T","INTUBID":"3000"}
R&D: node-ofx-parser {"NAME":"R&amp;amp;D","INTUBID":"3000"}
  ofx-js {"NAME":"R&D","INTUBID":"3000"}
a &lt; b: node-ofx-parser {"NAME":"a &amp;amp;lt; b","INTUBID":"3000"}
  ofx-js {"NAME":"a < b","INTUBID":"3000"}
"\n<STMTTRN>\n<NAME>AT&T\n</STMTTRN>\n</OFX>\n"
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: node-ofx-parser 0.5.1, ofx-js 1.1.1'
echo 'expected: AT&T'
echo 'seen:     AT&amp;amp;amp;T'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
