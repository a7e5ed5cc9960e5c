#!/usr/bin/env bash
#
# universal-cookie 8.1.2, cookie 1.1.1
#
# Expectation: get(name) gives the text of a cookie, and get of what was set is the same again. Only what was set as an
# object comes back as one.
#
# Seen: Every value that is valid JSON is parsed, whoever set it: an id of digits is a number, one of twenty digits
# another number, "true" is true, "null" is null, as if the cookie were not there, and quotation marks vanish. Values
# with a leading zero stay texts, so the type depends on the value.
#
# Who is hurt: Apps in React (react-cookie is made of it) that keep ids, codes or consent in cookies: one person in ten
# has a code that begins with 0 and is a text, all others a number, and code === stored is false for them; a numeric id
# of a social network is another person's.
#
# Remedy: get(name, { doNotParse: true }) everywhere; the README speaks of objects only.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  universal-cookie@8.1.2 cookie@1.1.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { parseCookie } from 'cookie'
import Cookies from 'universal-cookie'

const texts = ['1234', '0234', '12345678901234567890', 'true', 'null', '1e3', '"quoted"', '[1]']
const show = (value) => `${value === null ? 'null' : typeof value} ${JSON.stringify(value)}`
for (const text of texts) {
  const header = `code=${text}`
  const cookies = new Cookies(header)
  const unparsed = cookies.get('code', { doNotParse: true })
  const plain = parseCookie(header).code
  console.log(`${text}: cookie ${show(plain)} | get ${show(cookies.get('code'))} | doNotParse ${show(unparsed)}`)
}
const cookies = new Cookies()
cookies.set('consent', 'false')
console.log('set "false", get:', show(cookies.get('consent')))
SCRIPT

cat >surprise.txt <<'OUTPUT'
1234: cookie string "1234" | get number 1234 | doNotParse string "1234"
0234: cookie string "0234" | get string "0234" | doNotParse string "0234"
12345678901234567890: cookie string "12345678901234567890" | get number 12345678901234567000 | doNotParse string "12345678901234567890"
true: cookie string "true" | get boolean true | doNotParse string "true"
null: cookie string "null" | get null null | doNotParse string "null"
1e3: cookie string "1e3" | get number 1000 | doNotParse string "1e3"
"quoted": cookie string "\"quoted\"" | get string "quoted" | doNotParse string "\"quoted\""
[1]: cookie string "[1]" | get object [1] | doNotParse string "[1]"
set "false", get: boolean false
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: universal-cookie 8.1.2, cookie 1.1.1'
echo 'expected: the texts that were set'
echo 'seen:     numbers, booleans and null'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
