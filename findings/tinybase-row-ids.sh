#!/usr/bin/env bash
#
# tinybase 10.0.1
#
# Expectation: addRow on a MergeableStore makes the id of the new row. The store is a CRDT made for devices that write
# offline and meet later, so two new rows of two devices are two rows afterwards.
#
# Seen: addRow counts: the first row is "0" on every device. Rows that two devices added offline have the same id and
# become one row, the earlier one is gone on both. The id of a deleted row is given again, too, so whoever still holds
# the id holds another row.
#
# Who is hurt: A guest who wrote a note before signing in and an account with a note from another device: after the
# merge there is one note, and cells that only one of the two rows had are mixed into it. Links, share records and
# encrypted attachments kept under the id of a deleted row point to the next one.
#
# Remedy: setRow with a random id (getUniqueId() of TinyBase, crypto.randomUUID()), never addRow, in a store that
# synchronises; addRow(table, row, false) only stops the reuse.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  tinybase@10.0.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { createMergeableStore } from 'tinybase'

const phone = createMergeableStore('phone', () => 1_000)
const laptop = createMergeableStore('laptop', () => 2_000)
console.log('ids:', phone.addRow('notes', { text: 'of the phone', pinned: true }), laptop.addRow('notes', { text: 'of the laptop' }))
phone.merge(laptop)
console.log('phone:', JSON.stringify(phone.getTable('notes')))
console.log('laptop:', JSON.stringify(laptop.getTable('notes')))

const store = createMergeableStore('tablet')
const deleted = store.addRow('notes', { text: 'deleted' })
store.delRow('notes', deleted)
console.log('deleted:', deleted, 'next:', store.addRow('notes', { text: 'next' }))
SCRIPT

cat >surprise.txt <<'OUTPUT'
ids: 0 0
phone: {"0":{"text":"of the laptop","pinned":true}}
laptop: {"0":{"text":"of the laptop","pinned":true}}
deleted: 0 next: 0
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: tinybase 10.0.1'
echo 'expected: two rows, two ids'
echo 'seen:     one row with cells of both, and the id of a deleted row again'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
