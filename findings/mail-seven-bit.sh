#!/usr/bin/env bash
#
# mimetext 3.0.28, nodemailer 10.6.1
#
# Expectation: A message made by a mail builder keeps to RFC 5322 and 2045: letters outside ASCII are encoded and
# declared, and no line is longer than 998 bytes, whatever the text. nodemailer does so.
#
# Seen: mimetext, which the guides for mail from edge workers use, declares 7bit and writes the UTF-8 bytes and the
# lines as they are. The subject is one encoded word of any length, where RFC 2047 allows 75 characters.
#
# Who is hurt: Sign-in mails sent from a worker: a server without 8BITMIME strips the eighth bit or bounces the mail,
# one that breaks lines after 998 bytes breaks the link or the HTML in the middle, signatures of DKIM no longer fit.
# Mails in English with short lines arrive.
#
# Remedy: encoding: "base64" in addMessage, with data that is base64 in lines of 76 already, since it is not converted;
# or build the raw message with nodemailer's stream transport.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  mimetext@3.0.28 nodemailer@10.6.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { createMimeMessage } from 'mimetext'
import { createTransport } from 'nodemailer'

const subject = 'Zoë, here is your link to sign in to the shared notes of the whole family for today'
const html = `<p>Zoë, <a href="https://notes.test/in?token=abc">sign in</a></p>${'<br>'.repeat(500)}`
function check(name, raw) {
  const lines = raw.split('\r\n')
  const encodings = [...new Set(raw.match(/^content-transfer-encoding: .*/gim)?.map((line) => line.split(': ')[1]))]
  const word = Math.max(...raw.match(/=\?utf-8\?[bq]\?\S*\?=/gi).map((text) => text.length))
  const high = [...Buffer.from(raw)].filter((byte) => byte > 127).length
  const longest = Math.max(...lines.map((line) => Buffer.byteLength(line)))
  console.log(`${name}: ${encodings}, bytes above 127: ${high}, longest line: ${longest}, longest encoded word: ${word}`)
}
const message = createMimeMessage()
message.setSender('notes@notes.test')
message.setRecipient('zoe@notes.test')
message.setSubject(subject)
message.addMessage({ contentType: 'text/html', data: html })
check('mimetext', message.asRaw())

const transport = createTransport({ streamTransport: true, buffer: true, newline: 'windows' })
const sent = await transport.sendMail({ from: 'notes@notes.test', to: 'zoe@notes.test', subject, html })
check('nodemailer', sent.message.toString())
SCRIPT

cat >surprise.txt <<'OUTPUT'
mimetext: 7bit, bytes above 127: 2, longest line: 2411, longest encoded word: 124
nodemailer: quoted-printable, bytes above 127: 0, longest line: 76, longest encoded word: 52
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: mimetext 3.0.28, nodemailer 10.6.1'
echo 'expected: no byte above 127, no line over 998'
echo 'seen:     7bit with bytes above 127 and a line of 2000'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
