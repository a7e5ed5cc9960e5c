#!/usr/bin/env bash
#
# broadcast-channel 7.4.0
#
# Expectation: A polyfill that has the name and the interface of BroadcastChannel passes what BroadcastChannel passes:
# structured clones. Between two channels of one process the polyfill does so too, and the README says nothing else.
#
# Seen: Between two processes the method that Node uses by default writes JSON. A Uint8Array is { "0": 1, "1": 2 }, a
# Date is a string, a Map is {}, NaN is null. Nothing throws.
#
# Who is hurt: Tabs that share a signed challenge, a public key or a Yjs update work in the browser and in a test with
# two channels. Two command-line processes, or a main process and its workers, get a key of length undefined, and a date
# that compares as a string.
#
# Remedy: Send strings (base64url for bytes), and test with two processes.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  broadcast-channel@7.4.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { BroadcastChannel } from 'broadcast-channel'
import { fork } from 'node:child_process'

const [, file, name] = process.argv
const channel = new BroadcastChannel(name ?? `auth-${process.pid}`)
const received = (place, { key, at, names, skew }) => console.log(place, { key, at, names, skew })

if (name) {
  channel.onmessage = async (data) => {
    received('other process:', data)
    await channel.close()
    process.exit()
  }
  await channel.postMessage('ready')
} else {
  const neighbour = new BroadcastChannel(channel.name)
  neighbour.onmessage = (data) => data !== 'ready' && received('this process:', data)
  channel.onmessage = (data) =>
    data === 'ready' &&
    channel.postMessage({ key: new Uint8Array([1, 2]), at: new Date(0), names: new Map([['a', 1]]), skew: NaN })
  await new Promise((resolve) => setTimeout(resolve, 200))
  const child = fork(file, [channel.name])
  child.on('exit', () => process.exit())
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
this process: {
  key: Uint8Array(2) [ 1, 2 ],
  at: 1970-01-01T00:00:00.000Z,
  names: Map(1) { 'a' => 1 },
  skew: NaN
}
other process: {
  key: { '0': 1, '1': 2 },
  at: '1970-01-01T00:00:00.000Z',
  names: {},
  skew: null
}
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: broadcast-channel 7.4.0'
echo 'expected: the same message in this process and in another'
echo 'seen:     the other process gets JSON'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
