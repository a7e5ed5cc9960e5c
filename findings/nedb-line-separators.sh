#!/usr/bin/env bash
#
# @seald-io/nedb 4.1.2
#
# Expectation: A text that was inserted is there after the next start of the program, whatever letters it has: JSON
# allows them all in a string, and NeDB writes one JSON document a line.
#
# Seen: The file is split into lines at U+2028, U+2029 and U+0085 as well, which JSON.stringify leaves as they are. A
# document with one of them becomes two broken lines: it is gone at the next start without a word, and from the file as
# well, since loading rewrites it. If broken lines are more than a tenth of the file, the database does not open at all.
#
# Who is hurt: Desktop apps that keep notes or messages: text pasted from office programs, PDF files or web pages holds
# U+2028 often, and is not visible. In a small database one such note locks everything away.
#
# Remedy: Replace the three letters by \n before insert and update; corruptAlertThreshold: 1 to open the file again,
# after a copy of it was made.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @seald-io/nedb@4.1.2 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import Datastore from '@seald-io/nedb'

async function reopened(count, text, name) {
  const filename = `${name}.db`
  const before = new Datastore({ filename })
  await before.loadDatabaseAsync()
  for (let index = 0; index < count; index += 1) await before.insertAsync({ _id: `other ${index}`, text: 'a' })
  await before.insertAsync({ _id: 'pasted', text })
  const after = new Datastore({ filename })
  try {
    await after.loadDatabaseAsync()
  } catch (error) {
    return `error: ${error.message.split('.')[0]}`
  }
  const found = await after.findOneAsync({ _id: 'pasted' })
  return `${await after.countAsync({})} documents, the pasted one is ${found?.text === text ? 'there' : 'gone'}`
}
const letters = { 'line feed': '\n', 'U+2028': '\u2028', 'U+2029': '\u2029', 'U+0085': '\u0085' }
for (const [name, letter] of Object.entries(letters)) {
  for (const count of [30, 3]) {
    const result = await reopened(count, `two${letter}lines`, `${letter.codePointAt()}-${count}`)
    console.log(`${name}, ${count + 1} documents written: ${result}`)
  }
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
line feed, 31 documents written: 31 documents, the pasted one is there
line feed, 4 documents written: 4 documents, the pasted one is there
U+2028, 31 documents written: 30 documents, the pasted one is gone
U+2028, 4 documents written: error: 40% of the data file is corrupt, more than given corruptAlertThreshold (10%)
U+2029, 31 documents written: 30 documents, the pasted one is gone
U+2029, 4 documents written: error: 40% of the data file is corrupt, more than given corruptAlertThreshold (10%)
U+0085, 31 documents written: 30 documents, the pasted one is gone
U+0085, 4 documents written: error: 40% of the data file is corrupt, more than given corruptAlertThreshold (10%)
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @seald-io/nedb 4.1.2'
echo 'expected: every document is there again'
echo 'seen:     the document is gone, or nothing opens'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
