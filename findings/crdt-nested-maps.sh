#!/usr/bin/env bash
#
# yjs 13.6.33, loro-crdt 1.17.1
#
# Expectation: Two devices that each made the same nested map while offline, then meet: a CRDT merges, so the map
# holds what both wrote. TinyBase does that with rows.
#
# Seen: A nested map is a value of its key in the outer map, and the last writer wins the key: everything in the
# other device's map is gone on both, also what was written long before. Yjs and Loro alike. At the top level of a
# document the same maps merge.
#
# Who is hurt: A guest's document that is merged into the account's at sign-in, or a second device's at its
# adoption: both ran the app's initial code, doc.getMap("root").set("notes", new Y.Map()), and all notes of one of
# them vanish at the first sync, without an event that says so.
#
# Remedy: Only top-level types made by name (doc.getMap("notes")), or entries under random ids that no two devices
# make; in Loro ensureMergeableMap, while getOrCreateContainer does not help where both made the map offline.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  yjs@13.6.33 loro-crdt@1.17.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { LoroDoc, LoroMap } from 'loro-crdt'
import * as Y from 'yjs'

function yjs(device, note) {
  const doc = new Y.Doc()
  doc.clientID = device
  const notes = new Y.Map()
  doc.getMap('root').set('notes', notes)
  notes.set(note, 'text')
  doc.getMap('top').set(note, 'text')
  return doc
}
const guest = yjs(1, 'of the guest')
const account = yjs(2, 'of the account')
Y.applyUpdate(guest, Y.encodeStateAsUpdate(account))
Y.applyUpdate(account, Y.encodeStateAsUpdate(guest))
for (const doc of [guest, account]) {
  console.log('Yjs nested:', Object.keys(doc.getMap('root').toJSON().notes), 'top level:', Object.keys(doc.getMap('top').toJSON()).sort())
}

function loro(device, note) {
  const doc = new LoroDoc()
  doc.setPeerId(device)
  doc.getMap('root').setContainer('notes', new LoroMap()).set(note, 'text')
  doc.getMap('top').set(note, 'text')
  doc.commit()
  return doc
}
const first = loro(1n, 'of the guest')
first.import(loro(2n, 'of the account').export({ mode: 'update' }))
console.log('Loro nested:', Object.keys(first.toJSON().root.notes), 'top level:', Object.keys(first.toJSON().top).sort())
SCRIPT

cat >surprise.txt <<'OUTPUT'
Yjs nested: [ 'of the account' ] top level: [ 'of the account', 'of the guest' ]
Yjs nested: [ 'of the account' ] top level: [ 'of the account', 'of the guest' ]
Loro nested: [ 'of the account' ] top level: [ 'of the account', 'of the guest' ]
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: yjs 13.6.33, loro-crdt 1.17.1'
echo 'expected: notes of both devices'
echo 'seen:     the notes of one device, on both'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
