#!/usr/bin/env bash
#
# @tonejs/midi 2.0.28, midi-file 1.2.4
#
# Expectation: A MIDI file that is read and written again has the same key signature and the same pitch bends; no sharps
# or flats with scale 1 is A minor in the standard.
#
# Seen: Minor keys have the name of the major key with the same signs: A minor is "C minor", D minor "F minor". toArray
# writes the place in a list of names in place of the number of sharps, 14 for C and 17 for A, outside the -7 to 7 of
# the standard; read again, the key is undefined. A pitch bend of 4096 is 0.5 in the object and 0 in the written file.
#
# Who is hurt: Apps that keep, sync or share music as MIDI: after one round the notes are right, the key is not a valid
# one, and all bends are 0.
#
# Remedy: Take the key from midi-file (key and scale of the event), and write with midi-file where keys or bends matter.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @tonejs/midi@2.0.28 midi-file@1.2.4 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import tone from '@tonejs/midi'
import file from 'midi-file'

for (const [name, key, scale] of [['C major', 0, 0], ['A minor', 0, 1], ['D minor', -1, 1], ['A major', 3, 0]]) {
  const events = [
    { deltaTime: 0, meta: true, type: 'keySignature', key, scale },
    { deltaTime: 0, channel: 0, type: 'pitchBend', value: 4096 },
    { deltaTime: 0, meta: true, type: 'endOfTrack' },
  ]
  const bytes = file.writeMidi({ header: { format: 0, numTracks: 1, ticksPerBeat: 480 }, tracks: [events] })
  const midi = new tone.Midi(Uint8Array.from(bytes))
  const written = file.parseMidi(midi.toArray()).tracks.flat()
  const [read] = midi.header.keySignatures
  const [again] = new tone.Midi(midi.toArray()).header.keySignatures
  console.log(`${name}: ${read.key} ${read.scale}, written ${written.find((event) => event.type === 'keySignature').key}, read again ${again.key}`)
  console.log(`  bend ${midi.tracks[0].pitchBends[0].value}, written ${written.find((event) => event.type === 'pitchBend').value}`)
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
C major: C major, written 14, read again undefined
  bend 0.5, written 0
A minor: C minor, written 14, read again undefined
  bend 0.5, written 0
D minor: F minor, written 13, read again undefined
  bend 0.5, written 0
A major: A major, written 17, read again undefined
  bend 0.5, written 0
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @tonejs/midi 2.0.28, midi-file 1.2.4'
echo 'expected: A minor, signature 0, bend 4096'
echo 'seen:     C minor, signature 14, bend 0'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
