#!/usr/bin/env bash
#
# valtio 2.3.2, @vue/reactivity 3.5.25
#
# Expectation: A CryptoKey put into reactive state is left alone, as Vue's reactive and others leave it: it is no
# plain object, and proxies of platform objects are useless.
#
# Seen: valtio wraps it in a Proxy: another object than was put in, which the structured clone algorithm refuses.
#
# Who is hurt: An identity store in valtio that keeps its non-extractable key beside the rest of the state and
# writes it to IndexedDB: DataCloneError at the first save, so the key is lost with the page; browsers refuse to
# sign with a proxy of a key.
#
# Remedy: ref(key), or keys outside the state.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  valtio@2.3.2 @vue/reactivity@3.5.25 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { reactive } from '@vue/reactivity'
import { proxy, ref } from 'valtio/vanilla'

const { privateKey } = await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])
function report(name, key) {
  let stored = 'can be stored'
  try {
    structuredClone(key)
  } catch (error) {
    stored = error.name
  }
  console.log(name, 'same object:', key === privateKey, '-', stored)
}
report('Vue        ', reactive({ key: privateKey }).key)
report('valtio     ', proxy({ key: privateKey }).key)
report('valtio, ref', proxy({ key: ref(privateKey) }).key)
SCRIPT

cat >surprise.txt <<'OUTPUT'
Vue         same object: true - can be stored
valtio      same object: false - DataCloneError
valtio, ref same object: true - can be stored
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: valtio 2.3.2, @vue/reactivity 3.5.25'
echo 'expected: the key itself'
echo 'seen:     a proxy that cannot be stored'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
