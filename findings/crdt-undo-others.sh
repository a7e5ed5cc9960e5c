#!/usr/bin/env bash
#
# yjs 13.6.33, loro-crdt 1.17.1
#
# Expectation: Undo takes back what this person did and leaves alone what others wrote meanwhile.
#
# Seen: In Yjs an update that is applied without a third argument has the origin null, which UndoManager counts as its
# own: undo removes the entry of another person where nothing was done here, and cuts their words out of a text. With an
# origin all is right. In Loro undo of a key sets the value from before, also when another person has written that key
# since: "theirs" becomes "first".
#
# Who is hurt: Every sync layer of your own: applyUpdate(doc, update) is what the examples of Yjs show, and all works
# until someone presses Ctrl+Z while another person types. The undo is synced, so the work is gone on all devices.
#
# Remedy: applyUpdate(doc, update, "remote") everywhere, loading from disk included. In Loro keep a check of who wrote a
# key last before undoing, or undo in texts and lists only.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  yjs@13.6.33 loro-crdt@1.17.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { LoroDoc, UndoManager } from 'loro-crdt'
import * as Y from 'yjs'

function pair(origin) {
  const mine = new Y.Doc()
  const theirs = new Y.Doc()
  const sync = () => {
    Y.applyUpdate(mine, Y.encodeStateAsUpdate(theirs), origin)
    Y.applyUpdate(theirs, Y.encodeStateAsUpdate(mine), origin)
  }
  return { mine, theirs, sync }
}
for (const origin of [undefined, 'remote']) {
  const list = pair(origin)
  const ofList = new Y.UndoManager(list.mine.getArray('list'), { captureTimeout: 0 })
  list.theirs.getArray('list').push(['their entry'])
  list.sync()
  ofList.undo()

  const text = pair(origin)
  const ofText = new Y.UndoManager(text.mine.getText('text'), { captureTimeout: 0 })
  text.mine.getText('text').insert(0, 'my words ')
  text.sync()
  text.theirs.getText('text').insert(0, 'their words ')
  text.sync()
  ofText.undo()
  console.log(`Yjs, origin ${origin}: list ${JSON.stringify(list.mine.getArray('list'))}, text ${JSON.stringify(text.mine.getText('text'))}`)
}

const mine = new LoroDoc()
const theirs = new LoroDoc()
mine.setPeerId(1n)
theirs.setPeerId(2n)
const undo = new UndoManager(mine, { mergeInterval: 0 })
const write = (doc, other, value) => {
  doc.getMap('map').set('title', value)
  doc.commit()
  other.import(doc.export({ mode: 'update' }))
}
write(mine, theirs, 'first')
write(mine, theirs, 'mine')
write(theirs, mine, 'theirs')
undo.undo()
console.log(`Loro: title ${mine.getMap('map').get('title')}`)
SCRIPT

cat >surprise.txt <<'OUTPUT'
Yjs, origin undefined: list [], text "my words "
Yjs, origin remote: list ["their entry"], text "their words "
Loro: title first
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: yjs 13.6.33, loro-crdt 1.17.1'
echo 'expected: what the other person wrote stays'
echo 'seen:     it is removed'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
