#!/usr/bin/env bash
#
# subsrt-ts 2.1.2, ass-compiler 0.1.16
#
# Expectation: A file in the format ASS or SSA that players show is read with its texts whole, and what build() wrote is
# what parse() reads.
#
# Seen: Every caption of an ASS or SSA file lacks its first letter, if the line has no space after the last comma of its
# fields; files usually have none, and subsrt-ts itself writes none. SRT, VTT and SBV are whole. A file in the format
# SMI that it wrote has no caption at all.
#
# Who is hurt: Transcripts and translations that are converted on upload: the count, the times and the styles are right,
# so checks of the conversion pass, and "Not allowed" is "ot allowed".
#
# Remedy: ass-compiler for ASS and SSA; compare the length of the texts after a round through build and parse.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  subsrt-ts@2.1.2 ass-compiler@0.1.16 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { parse as parseAss } from 'ass-compiler'
import { build, parse } from 'subsrt-ts'

const file = `[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Default,Arial,20

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,Not allowed, sorry
Dialogue: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,I
`
const texts = (captions) => JSON.stringify(captions.filter(({ type }) => type === 'caption').map(({ text }) => text))
console.log('ass-compiler:', JSON.stringify(parseAss(file).events.dialogue.map(({ Text }) => Text.raw)))
console.log('subsrt-ts:', texts(parse(file)))
console.log('subsrt-ts, a space after the last comma:', texts(parse(file.replaceAll(/,,(?=Not|I)/g, ',, '))))

const captions = [{ type: 'caption', index: 1, start: 1000, end: 2500, duration: 1500, content: 'Not allowed', text: 'Not allowed' }]
for (const format of ['srt', 'vtt', 'sbv', 'ass', 'ssa', 'smi']) {
  console.log(`built and parsed as ${format}:`, texts(parse(build(captions, { format }), { format })))
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
ass-compiler: ["Not allowed, sorry","I"]
subsrt-ts: ["ot allowed, sorry",""]
subsrt-ts, a space after the last comma: ["Not allowed, sorry","I"]
built and parsed as srt: ["Not allowed"]
built and parsed as vtt: ["Not allowed"]
built and parsed as sbv: ["Not allowed"]
built and parsed as ass: ["ot allowed"]
built and parsed as ssa: ["ot allowed"]
built and parsed as smi: []
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: subsrt-ts 2.1.2, ass-compiler 0.1.16'
echo 'expected: the captions as they stand in the file'
echo 'seen:         every caption without its first letter'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
