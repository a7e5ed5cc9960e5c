#!/usr/bin/env bash
#
# subtitle 4.2.2, @plussub/srt-vtt-parser 2.0.5, lrc-kit 1.2.1, srt-parser-2 1.2.3, media-captions 1.0.4
#
# Expectation: The digits after the separator of a time are a decimal fraction: 00:00:01,5 in a caption is one and a
# half seconds, as srt-parser-2 and media-captions have it, and the lyrics line [00:01.05] is written again as
# [00:01.05].
#
# Seen: subtitle takes the digits for a number of milliseconds, @plussub/srt-vtt-parser joins them with the seconds: 1,5
# is 1005 for the one and 15 for the other. lrc-kit reads [00:01.05] as 1.05 and writes [00:01.50]: each time with a
# hundredth below 10 comes back later.
#
# Who is hurt: Captions from editors that leave out trailing zeros, and lyrics that are edited and saved: lines jump by
# up to half a second or to the start, only some of them, and lyrics once more at each save.
#
# Remedy: Pad the fraction to three digits before parsing; write lyric times of your own with padStart.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  subtitle@4.2.2 @plussub/srt-vtt-parser@2.0.5 lrc-kit@1.2.1 srt-parser-2@1.2.3 media-captions@1.0.4 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import lyrics from 'lrc-kit'
import { parseText } from 'media-captions'
import { parse } from '@plussub/srt-vtt-parser'
import srt from 'srt-parser-2'
import { parseSync } from 'subtitle'

const Srt = srt.default ?? srt
for (const time of ['00:00:01,500', '00:00:01,50', '00:00:01,5']) {
  const text = `1\n${time} --> 00:00:03,000\nhello\n`
  console.log(`${time}: subtitle ${parseSync(text)[0].data.start} ms, @plussub ${parse(text).entries[0].from} ms`)
  const captions = (await parseText(text, { type: 'srt' })).cues[0].startTime
  console.log(`  srt-parser-2 ${new Srt().fromSrt(text)[0].startSeconds} s, media-captions ${captions} s`)
}
for (const line of ['[00:01.50]a', '[00:01.05]a', '[00:12.09]a']) {
  const song = lyrics.Lrc.parse(line)
  console.log(`${line}: ${song.lyrics[0].timestamp} s, written ${song.toString()}`)
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
00:00:01,500: subtitle 1500 ms, @plussub 1500 ms
  srt-parser-2 1.5 s, media-captions 1.5 s
00:00:01,50: subtitle 1050 ms, @plussub 150 ms
  srt-parser-2 1.5 s, media-captions 1.5 s
00:00:01,5: subtitle 1005 ms, @plussub 15 ms
  srt-parser-2 1.5 s, media-captions 1.5 s
[00:01.50]a: 1.5 s, written [00:01.50]a
[00:01.05]a: 1.05 s, written [00:01.50]a
[00:12.09]a: 12.09 s, written [00:12.90]a
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: subtitle 4.2.2, @plussub/srt-vtt-parser 2.0.5, lrc-kit 1.2.1, srt-parser-2 1.2.3, media-captions 1.0.4'
echo 'expected: 1.5 s, and [00:01.05]'
echo 'seen:     1.005 s and 0.015 s, and [00:01.50]'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
