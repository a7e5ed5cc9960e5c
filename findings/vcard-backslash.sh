#!/usr/bin/env bash
#
# ical.js 2.2.1, vcard-creator 1.0.0
#
# Expectation: A vCard text is unescaped when it is read: \; \, \n and \\ stand for ; , a new line and a backslash in
# vCard 3 and 4 (RFC 2426, RFC 6350). ical.js does so in iCalendar files.
#
# Seen: In vCards, ical.js unescapes \, \n and \\ and leaves \; as two characters, in 3.0 and 4.0, in FN, NOTE, TITLE
# and the like. In N, ORG and ADR, where the semicolon separates, it is unescaped.
#
# Who is hurt: Contacts that are imported and written again by a program that escapes, as vcard-creator does: each round
# of a synchronisation adds a backslash, so the contact differs from its copy each time and is never settled.
#
# Remedy: value.replaceAll("\\;", ";") for the text properties other than N, ORG and ADR.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  ical.js@2.2.1 vcard-creator@1.0.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import ICAL from 'ical.js'
import VCard from 'vcard-creator'

const read = (text, name) => new ICAL.Component(ICAL.parse(text)).getFirstPropertyValue(name)

let note = 'Tea; milk, no sugar\nC:\\home'
for (let round = 1; round <= 3; round++) {
  const card = new VCard()
  card.addName({ givenName: 'Ann; Bob' })
  card.addNote(note)
  const text = card.toString()
  note = read(text, 'note')
  console.log(`round ${round}: N ${JSON.stringify(read(text, 'n')[1])}, NOTE ${JSON.stringify(note)}`)
}
for (const version of ['3.0', '4.0']) {
  const text = `BEGIN:VCARD\r\nVERSION:${version}\r\nFN:a\\;b\\,c\r\nTITLE:a\\;b\\,c\r\nORG:a\\;b;c\r\nEND:VCARD\r\n`
  console.log(`vCard ${version}: FN ${read(text, 'fn')}, TITLE ${read(text, 'title')}, ORG ${read(text, 'org').join(' | ')}`)
}
console.log('iCalendar: SUMMARY', read('BEGIN:VEVENT\r\nSUMMARY:a\\;b\\,c\r\nEND:VEVENT', 'summary'))
SCRIPT

cat >surprise.txt <<'OUTPUT'
round 1: N "Ann; Bob", NOTE "Tea\\; milk, no sugar\nC:\\home"
round 2: N "Ann; Bob", NOTE "Tea\\\\; milk, no sugar\nC:\\home"
round 3: N "Ann; Bob", NOTE "Tea\\\\\\; milk, no sugar\nC:\\home"
vCard 3.0: FN a\;b,c, TITLE a\;b,c, ORG a;b | c
vCard 4.0: FN a\;b,c, TITLE a\;b,c, ORG a;b | c
iCalendar: SUMMARY a;b,c
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: ical.js 2.2.1, vcard-creator 1.0.0'
echo 'expected: the texts that were put in'
echo 'seen:         a backslash before each semicolon in names, notes and titles'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
