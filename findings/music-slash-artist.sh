#!/usr/bin/env bash
#
# node-id3 0.2.9, music-metadata 11.16.1
#
# Expectation: The artist that one library wrote into an MP3 file is the artist that the other reads. Where a file has
# several artists, common.artist is all of them as the file has them and common.artists is the list.
#
# Seen: music-metadata splits artist, composer and lyricist at every slash: AC/DC is the artist AC, and the list is AC
# and DC. ID3v2.3 does define the slash as a separator, so the file is read to the letter, but node-id3 writes and reads
# the whole text. Title and album keep theirs, and the list of native frames is split, too.
#
# Who is hurt: A music or podcast app that builds its library from tags: "AC/DC" is filed under "AC", and a change of
# the title writes the shortened artist back into the file. Names without a slash are right.
#
# Remedy: common.artists.join("/") where the file has ID3v2.3 tags; keep the text that was read before a change of other
# tags.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  node-id3@0.2.9 music-metadata@11.16.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { parseBuffer } from 'music-metadata'
import id3 from 'node-id3'

const frame = Buffer.concat([Buffer.from([0xff, 0xfb, 0x90, 0x64]), Buffer.alloc(413)])
const tags = [
  { artist: 'AC/DC', title: 'Stop/Start', album: 'A/B', composer: 'Young/Young' },
  { artist: 'Bon Iver', title: 'A', album: 'B', composer: 'C' },
]
for (const tag of tags) {
  const file = Buffer.concat([id3.create(tag), frame, frame, frame])
  const { common, native } = await parseBuffer(file, { mimeType: 'audio/mpeg' })
  const { artist, artists, title, album, composer } = common
  console.log('node-id3:', JSON.stringify(id3.read(file, { noRaw: true })))
  console.log('music-metadata:', JSON.stringify({ artist, artists, title, album, composer }))
  console.log('frames:', JSON.stringify(Object.values(native).flat().filter(({ id }) => id === 'TPE1')))
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
node-id3: {"artist":"AC/DC","title":"Stop/Start","album":"A/B","composer":"Young/Young"}
music-metadata: {"artist":"AC","artists":["AC","DC"],"title":"Stop/Start","album":"A/B","composer":["Young"]}
frames: [{"id":"TPE1","value":"AC"},{"id":"TPE1","value":"DC"}]
node-id3: {"artist":"Bon Iver","title":"A","album":"B","composer":"C"}
music-metadata: {"artist":"Bon Iver","artists":["Bon Iver"],"title":"A","album":"B","composer":["C"]}
frames: [{"id":"TPE1","value":"Bon Iver"}]
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: node-id3 0.2.9, music-metadata 11.16.1'
echo 'expected: the artist AC/DC'
echo 'seen:         the artist AC'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
