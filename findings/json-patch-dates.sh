#!/usr/bin/env bash
#
# fast-json-patch 3.1.1, rfc6902 5.4.0
#
# Expectation: The difference of two objects that differ in a Date is one replace, or an error since JSON has no
# dates. fast-json-patch itself makes that one replace when it observes an object and the Date in it is changed.
#
# Seen: compare of fast-json-patch makes an add for each letter of the ISO text, under paths like /seen/0; applied,
# they become properties of the old Date, which keeps its time. createPatch of rfc6902 finds no difference at all.
# Neither raises an error. The same holds for URL.
#
# Who is hurt: An app that sends changes as patches, from rows whose dates are Date objects (IndexedDB, Drizzle, Dexie
# keep them so): the other device never sees a changed date, so a reminder stays at its old time and "last seen" never
# moves. All other fields arrive.
#
# Remedy: Compare JSON.parse(JSON.stringify(value)) of both sides, or keep dates as numbers or ISO text in what is
# synchronised; microdiff and jsondiffpatch report the Date.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  fast-json-patch@3.1.1 rfc6902@5.4.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import jsonPatch from 'fast-json-patch'
import { createPatch } from 'rfc6902'

const { applyPatch, compare, generate, observe } = jsonPatch
const before = () => ({ title: 'dentist', at: new Date('2026-11-29T09:00:00Z') })
const after = () => ({ title: 'dentist', at: new Date('2026-12-01T16:30:00Z') })

const patch = compare(before(), after())
console.log('compare:', patch.length, 'operations, the first', JSON.stringify(patch[0]))
const copy = before()
applyPatch(copy, patch)
console.log('applied:', copy.at.toISOString(), 'with properties', Object.keys(copy.at).length)

const seen = before()
const observer = observe(seen)
seen.at = after().at
console.log('observe:', JSON.stringify(generate(observer)))
console.log('rfc6902:', JSON.stringify(createPatch(before(), after())))
SCRIPT

cat >surprise.txt <<'OUTPUT'
compare: 24 operations, the first {"op":"add","path":"/at/0","value":"2"}
applied: 2026-11-29T09:00:00.000Z with properties 24
observe: [{"op":"replace","path":"/at","value":"2026-12-01T16:30:00.000Z"}]
rfc6902: []
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: fast-json-patch 3.1.1, rfc6902 5.4.0'
echo 'expected: one replace with the new date'
echo 'seen:     24 additions that leave the date as it was, or nothing'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
