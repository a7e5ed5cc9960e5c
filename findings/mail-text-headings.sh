#!/usr/bin/env bash
#
# @react-email/render 2.3.1, react 19.3.1, react-dom 19.3.1, mailparser 3.14.2
#
# Expectation: The plain text of a mail has the words of the HTML mail. A code is the natural content of a heading:
# large, in the middle, on a line of its own.
#
# Seen: Headings are in capitals in the text part that @react-email/render makes with plainText, and in the text that
# mailparser gives for a mail that has HTML only. Both use html-to-text, whose headings are upper-case by default.
#
# Who is hurt: A case-sensitive code, recovery key or user name in a heading: people whose mail program shows the text
# part copy AB3XZQ and are told that the code is wrong, as is an end-to-end test that reads the code from mailparser.
# Codes of digits pass, base58 and base64url ones do not.
#
# Remedy: Codes in a p or div, or codes whose alphabet has one case and is compared without case; htmlToTextOptions: {
# selectors: [{ selector: "h1", options: { uppercase: false } }] } for the renderer, parsed.html instead of
# parsed.text in tests.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @react-email/render@2.3.1 react@19.3.1 react-dom@19.3.1 mailparser@3.14.2 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { render } from '@react-email/render'
import { simpleParser } from 'mailparser'
import { createElement } from 'react'

const mail = createElement('div', null, createElement('p', null, 'Your code is'), createElement('h1', null, 'aB3xZq'))
const html = await render(mail)
console.log('html:', html.match(/<h1>(.*)<\/h1>/)[1])
console.log('react-email:', JSON.stringify(await render(mail, { plainText: true })))
const parsed = await simpleParser(`Subject: Code\r\nContent-Type: text/html\r\n\r\n${html}`)
console.log('mailparser:', JSON.stringify(parsed.text))
SCRIPT

cat >surprise.txt <<'OUTPUT'
html: aB3xZq
react-email: "Your code is\n\n\nAB3XZQ"
mailparser: "Your code is\n\n\nAB3XZQ"
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @react-email/render 2.3.1, react 19.3.1, react-dom 19.3.1, mailparser 3.14.2'
echo 'expected: aB3xZq'
echo 'seen:     AB3XZQ'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
