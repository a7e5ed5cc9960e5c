#!/usr/bin/env bash
#
# currency.js 2.0.4, numeral 2.0.6, accounting 0.4.1
#
# Expectation: currency.js reads the amount that Intl.NumberFormat has written in the same language, once it is told the
# decimal sign and the separator. What it cannot read is 0, NaN or, with errorOnInvalid, an error.
#
# Seen: Swedish, Norwegian, Finnish, Lithuanian, Slovenian, Croatian, Estonian and Basque write a negative amount with
# the minus sign U+2212. currency.js drops that character as it drops the currency sign, so -1234.50 becomes 1234.50,
# with errorOnInvalid as well; numeral and accounting do the same. Danish, German, French, Polish and English write a
# hyphen and are right.
#
# Who is hurt: A form or an import in a local-first ledger that shows an amount with Intl and reads it back: each save
# turns a debt into a credit, only for users of those languages. Tests in English or German never show it.
#
# Remedy: Keep the number beside the text; before parsing, text.replaceAll("\u2212", "-").
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  currency.js@2.0.4 numeral@2.0.6 accounting@0.4.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import accounting from 'accounting'
import currency from 'currency.js'
import numeral from 'numeral'

for (const language of ['en', 'de', 'fr', 'da', 'pl', 'es', 'sv', 'nb', 'fi', 'lt', 'sl', 'hr', 'et', 'eu']) {
  const format = new Intl.NumberFormat(language, { style: 'currency', currency: 'EUR' })
  const part = (type) => format.formatToParts(-12345.5).find((found) => found.type === type).value
  const options = { decimal: part('decimal'), separator: part('group'), errorOnInvalid: true }
  const minus = part('minusSign').codePointAt(0).toString(16)
  console.log(`${language}: minus U+${minus.padStart(4, '0')}, read ${currency(format.format(-12345.5), options).value}`)
}
const text = '\u22125.00'
const others = `numeral ${numeral(text).value()}, accounting ${accounting.unformat(text)}, Number ${Number(text)}`
console.log(`U+2212 5.00: currency.js ${currency(text).value}, ${others}`)
SCRIPT

cat >surprise.txt <<'OUTPUT'
en: minus U+002d, read -12345.5
de: minus U+002d, read -12345.5
fr: minus U+002d, read -12345.5
da: minus U+002d, read -12345.5
pl: minus U+002d, read -12345.5
es: minus U+002d, read -12345.5
sv: minus U+2212, read 12345.5
nb: minus U+2212, read 12345.5
fi: minus U+2212, read 12345.5
lt: minus U+2212, read 12345.5
sl: minus U+2212, read 12345.5
hr: minus U+2212, read 12345.5
et: minus U+2212, read 12345.5
eu: minus U+2212, read 12345.5
U+2212 5.00: currency.js 5, numeral 5, accounting 5, Number NaN
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: currency.js 2.0.4, numeral 2.0.6, accounting 0.4.1'
echo 'expected: the amount that Intl wrote'
echo 'seen:         a debt is a credit in eight of fourteen languages'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
