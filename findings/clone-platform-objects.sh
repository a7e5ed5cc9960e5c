#!/usr/bin/env bash
#
# es-toolkit 1.53.2, remeda 2.62.2, lodash 4.18.1
#
# Expectation: A deep clone copies what it knows and hands the rest through as it is, as lodash does with a Blob, an
# Error or a URL; es-toolkit calls itself a replacement of lodash and lists Blob and File among what it clones.
#
# Seen: es-toolkit copies the Blob and then the hidden fields of the first one over it, so under Node reading it throws
# "Illegal invocation", although it is instanceof Blob and has its size. remeda answers an object that is instanceof URL
# and whose href is undefined, and an Error without code and cause. Neither throws while cloning.
#
# Who is hurt: State that is cloned before an update or an undo: an attachment or avatar in it can no longer be stored
# or sent, a sync address becomes undefined, and an error's code, on which the next step depends, is gone.
#
# Remedy: structuredClone for data with Blobs, an address as text, errors by reference; or lodash.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  es-toolkit@1.53.2 remeda@2.62.2 lodash@4.18.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { cloneDeep } from 'es-toolkit'
import lodash from 'lodash'
import { clone } from 'remeda'

const state = () => ({
  avatar: new Blob(['picture']),
  server: new URL('https://sync.example/'),
  error: Object.assign(new Error('no network'), { code: 'OFFLINE' }),
})
const attempt = async (read) => {
  try {
    return (await read()) ?? 'undefined'
  } catch (error) {
    return error.message
  }
}
for (const [name, copy] of Object.entries({ lodash: lodash.cloneDeep, 'es-toolkit': cloneDeep, remeda: clone })) {
  const { avatar, server, error } = copy(state())
  console.log(name.padEnd(10), 'instances:', avatar instanceof Blob, server instanceof URL, error instanceof Error)
  console.log(name.padEnd(10), 'values:', await attempt(() => avatar.text()), await attempt(() => server.href), error.code ?? 'undefined')
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
lodash     instances: true true true
lodash     values: picture https://sync.example/ OFFLINE
es-toolkit instances: true true true
es-toolkit values: Illegal invocation https://sync.example/ OFFLINE
remeda     instances: true false true
remeda     values: picture undefined undefined
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: es-toolkit 1.53.2, remeda 2.62.2, lodash 4.18.1'
echo 'expected: each value works after the clone as before'
echo 'seen:     a Blob, a URL and an error that do not'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
