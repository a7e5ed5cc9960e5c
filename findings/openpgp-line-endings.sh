#!/usr/bin/env bash
#
# openpgp 6.3.2
#
# Expectation: What encrypt({ message: createMessage({ text }) }) was given is what decrypt() gives back, character by
# character. Authenticated encryption changes nothing.
#
# Seen: The text comes back with LF where it had CRLF, and without a U+FEFF at its start; a single CR stays. Bytes come
# back as they were. Nothing in the result says so.
#
# Who is hurt: An encrypted backup or export of text that is compared or hashed after the restore: a vCard or iCalendar
# file, which must have CRLF, a CSV file for Excel, which needs the mark, a record whose hash is its id. Texts written
# on macOS and Linux pass each test.
#
# Remedy: createMessage({ binary: new TextEncoder().encode(text) }), and decrypt with format: "binary".
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  openpgp@6.3.2 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { createHash } from 'node:crypto'
import { createMessage, decrypt, encrypt, readMessage } from 'openpgp'

const passwords = ['a passphrase of this script']
const hash = (data) => createHash('sha256').update(data).digest('hex').slice(0, 8)
const texts = { LF: 'a\nb\n', CRLF: 'BEGIN:VCARD\r\nEND:VCARD\r\n', CR: 'a\rb', 'U+FEFF': '\uFEFFname;amount\n' }

for (const [name, text] of Object.entries(texts)) {
  const bytes = new TextEncoder().encode(text)
  const show = async (kind, source, options) => {
    const armoredMessage = await encrypt({ message: await createMessage(source), passwords })
    const { data } = await decrypt({ message: await readMessage({ armoredMessage }), passwords, ...options })
    const after = JSON.stringify(Buffer.from(data).toString()).replace('\uFEFF', 'U+FEFF ')
    console.log(`${name} as ${kind}: ${hash(bytes)} before, ${hash(data)} after, ${after}`)
  }
  await show('text', { text }, {})
  await show('bytes', { binary: bytes }, { format: 'binary' })
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
LF as text: 911169dd before, 911169dd after, "a\nb\n"
LF as bytes: 911169dd before, 911169dd after, "a\nb\n"
CRLF as text: e423f868 before, b7f95468 after, "BEGIN:VCARD\nEND:VCARD\n"
CRLF as bytes: e423f868 before, e423f868 after, "BEGIN:VCARD\r\nEND:VCARD\r\n"
CR as text: af908167 before, af908167 after, "a\rb"
CR as bytes: af908167 before, af908167 after, "a\rb"
U+FEFF as text: c8edf8a3 before, e2f41b67 after, "name;amount\n"
U+FEFF as bytes: c8edf8a3 before, c8edf8a3 after, "U+FEFF name;amount\n"
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: openpgp 6.3.2'
echo 'expected: the text that was encrypted'
echo 'seen:         without its carriage returns and its mark at the start'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
