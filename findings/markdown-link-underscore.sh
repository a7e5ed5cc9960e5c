#!/usr/bin/env bash
#
# marked 18.2.1, remark-gfm 4.0.1, remark-parse 11.0.0, unified 11.0.5, linkifyjs 4.4.0
#
# Expectation: A bare link in a message is recognised as a whole. _ is a letter of base64url and of nanoid, and
# linkifyjs, linkify-it and mail programs keep it at the end.
#
# Seen: Bare links of GitHub-flavoured Markdown end before a trailing _ or ~, which are taken for punctuation as a
# full stop is. One link in 64 whose address ends with a nanoid is a link to another address, with the _ as text
# behind it. Before a slash, an & or another letter it stays.
#
# Who is hurt: An invitation or sign-in link that is pasted into a chat, an issue or a note that renders Markdown: for
# one token in 64 the click says "invalid or expired link", for copying by hand it works, and the test with a fixed
# token never fails.
#
# Remedy: Put something behind the token (?token=...&v=1, or a slash), use an alphabet without _ and ~ (hexadecimal,
# base32, base58), or a length at which base64url cannot end with _: 32 bytes, but not 33 or a nanoid.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  marked@18.2.1 remark-gfm@4.0.1 remark-parse@11.0.0 unified@11.0.5 linkifyjs@4.4.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { find } from 'linkifyjs'
import { marked } from 'marked'
import remarkGfm from 'remark-gfm'
import remarkParse from 'remark-parse'
import { unified } from 'unified'

const markdown = unified().use(remarkParse).use(remarkGfm)
const readers = {
  linkifyjs: (text) => find(text)[0].href,
  marked: (text) => /href="([^"]*)"/.exec(marked.parse(text))[1].replaceAll('&amp;', '&'),
  'remark-gfm': (text) => markdown.runSync(markdown.parse(text)).children[0].children.find(({ type }) => type === 'link').url,
}
for (const token of ['V1StGXR8_Z5jdHi6B-myT', 'V1StGXR8_Z5jdHi6B-my_', 'V1StGXR8_Z5jdHi6B-my_&v=1']) {
  const link = `https://notes.test/join?token=${token}`
  for (const [name, read] of Object.entries(readers)) {
    const found = read(`Join us: ${link}`)
    console.log(token, '|', name, '->', found === link ? 'whole' : found)
  }
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
V1StGXR8_Z5jdHi6B-myT | linkifyjs -> whole
V1StGXR8_Z5jdHi6B-myT | marked -> whole
V1StGXR8_Z5jdHi6B-myT | remark-gfm -> whole
V1StGXR8_Z5jdHi6B-my_ | linkifyjs -> whole
V1StGXR8_Z5jdHi6B-my_ | marked -> https://notes.test/join?token=V1StGXR8_Z5jdHi6B-my
V1StGXR8_Z5jdHi6B-my_ | remark-gfm -> https://notes.test/join?token=V1StGXR8_Z5jdHi6B-my
V1StGXR8_Z5jdHi6B-my_&v=1 | linkifyjs -> whole
V1StGXR8_Z5jdHi6B-my_&v=1 | marked -> whole
V1StGXR8_Z5jdHi6B-my_&v=1 | remark-gfm -> whole
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: marked 18.2.1, remark-gfm 4.0.1, remark-parse 11.0.0, unified 11.0.5, linkifyjs 4.4.0'
echo 'expected: the whole link'
echo 'seen:     a link without its last letter'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
