#!/usr/bin/env bash
#
# fast-deep-equal 3.1.3, dequal 2.0.3, react-fast-compare 3.2.3, remeda 2.62.2, radash 12.1.1, es-toolkit 1.53.2
#
# Expectation: A deep comparison that cannot look inside an object falls back to identity: different objects of which
# nothing is known are different. es-toolkit and lodash hold two CryptoKeys for different, as Node's isDeepStrictEqual
# does.
#
# Seen: The others compare enumerable properties. A CryptoKey and a Blob have none of their own, and the inherited ones
# that dequal looks at are the same for two keys of one algorithm, so any two such keys are equal. dequal and remeda
# also take errors with different messages for one.
#
# Who is hurt: State and memo hooks that skip an update when nothing changed: after signing in as another person { key,
# status } looks the same, the component keeps the old key and signs with it; a changed failure is not shown. A test
# that compares two keys this way is always green.
#
# Remedy: Keep the key's thumbprint or the principal beside it and compare that; es-toolkit's isEqual (or node:util in
# tests) where objects of the platform are inside.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  fast-deep-equal@3.1.3 dequal@2.0.3 react-fast-compare@3.2.3 remeda@2.62.2 radash@12.1.1 es-toolkit@1.53.2 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { dequal } from 'dequal'
import { isEqual } from 'es-toolkit'
import fastDeepEqual from 'fast-deep-equal'
import { isEqual as radash } from 'radash'
import reactFastCompare from 'react-fast-compare'
import { isDeepEqual } from 'remeda'

const makeKey = async () => (await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])).privateKey
const pairs = {
  keys: [{ key: await makeKey() }, { key: await makeKey() }],
  blobs: [new Blob(['ours']), new Blob(['mine'])],
  errors: [new Error('offline'), new Error('refused')],
  numbers: [{ key: 1 }, { key: 2 }],
}
const libraries = { 'es-toolkit': isEqual, 'fast-deep-equal': fastDeepEqual, dequal, 'react-fast-compare': reactFastCompare, remeda: isDeepEqual, radash }
for (const [name, equal] of Object.entries(libraries)) {
  const same = Object.keys(pairs).filter((kind) => equal(...pairs[kind]))
  console.log(name.padEnd(18), 'equal:', same.join(', ') || 'none')
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
es-toolkit         equal: none
fast-deep-equal    equal: keys, blobs
dequal             equal: keys, blobs, errors
react-fast-compare equal: keys, blobs
remeda             equal: keys, blobs, errors
radash             equal: keys, blobs
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: fast-deep-equal 3.1.3, dequal 2.0.3, react-fast-compare 3.2.3, remeda 2.62.2, radash 12.1.1, es-toolkit 1.53.2'
echo 'expected: different keys, blobs and errors are different'
echo 'seen:     equal for most libraries'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
