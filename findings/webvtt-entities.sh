#!/usr/bin/env bash
#
# webvtt-parser 2.2.0
#
# Expectation: In a WebVTT caption &amp; is an ampersand and &lt; a less-than sign, and nothing is left of the
# semicolon.
#
# Seen: The semicolon stays: "fish &amp; chips" is "fish &; chips" in the tree, with no error, and the serializer writes
# "fish &amp;; chips", which has one more semicolon after each round. &nbsp; and &lrm; too.
#
# Who is hurt: Validators and editors of captions: a file that is opened and saved changes at each of its entities.
# Captions without entities are right.
#
# Remedy: Take the semicolon after a decoded character out of the text, or use media-captions for reading.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  webvtt-parser@2.2.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import webvtt from 'webvtt-parser'

for (const text of ['plain', 'fish &amp; chips', '1 &lt; 2', 'AT&amp;T']) {
  let file = `WEBVTT\n\n00:01.000 --> 00:02.000\n${text}\n`
  console.log(text)
  for (const round of [1, 2]) {
    const { cues, errors } = new webvtt.WebVTTParser().parse(file)
    console.log(`  round ${round}: errors ${errors.length}, read ${JSON.stringify(cues[0].tree.children[0].value)}`)
    file = new webvtt.WebVTTSerializer().serialize(cues)
  }
  console.log(`  written ${JSON.stringify(file.trim().split('\n').at(-1))}`)
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
plain
  round 1: errors 0, read "plain"
  round 2: errors 0, read "plain"
  written "plain"
fish &amp; chips
  round 1: errors 0, read "fish &; chips"
  round 2: errors 0, read "fish &;; chips"
  written "fish &amp;;; chips"
1 &lt; 2
  round 1: errors 0, read "1 <; 2"
  round 2: errors 0, read "1 <;; 2"
  written "1 &lt;;; 2"
AT&amp;T
  round 1: errors 0, read "AT&;T"
  round 2: errors 0, read "AT&;;T"
  written "AT&amp;;;T"
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: webvtt-parser 2.2.0'
echo 'expected: fish & chips'
echo 'seen:     fish &; chips'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
