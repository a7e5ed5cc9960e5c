#!/usr/bin/env bash
#
# @ipld/dag-json 11.0.1, @ipld/dag-cbor 10.0.2
#
# Expectation: The key "/" is reserved in DAG-JSON for links and bytes, so encoding a map that has it is an error; what
# was encoded can be decoded, and is the same again.
#
# Seen: encode writes it. {"/": "home"} and {"/": "home", "/about": "about"} cannot be decoded afterwards, {"/":
# {"bytes": "AQ"}} is decoded as bytes. Only the key of its own is affected: "/about" is not. The CBOR form of the same
# data model keeps all of them.
#
# Who is hurt: Apps that keep a table of routes, of folders or of file sizes by path: the record of the root is written,
# gets its hash, is replicated, and is an error for everyone who reads it, the writer included.
#
# Remedy: dag-cbor for storage; a refusal of the key "/" before encode, or paths without their leading slash.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @ipld/dag-json@11.0.1 @ipld/dag-cbor@10.0.2 multiformats@14.0.5 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import * as dagCbor from '@ipld/dag-cbor'
import * as dagJson from '@ipld/dag-json'

const attempt = (act) => {
  try {
    return act()
  } catch {
    return 'error'
  }
}
for (const value of [{ '/about': 'about' }, { '/': 'home' }, { '/': 'home', '/about': 'about' }, { '/': { bytes: 'AQ' } }]) {
  const text = attempt(() => new TextDecoder().decode(dagJson.encode(value)))
  const json = attempt(() => dagJson.decode(dagJson.encode(value)))
  console.log('written:', text, '| read:', json, '| by CBOR:', dagCbor.decode(dagCbor.encode(value)))
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
written: {"/about":"about"} | read: { '/about': 'about' } | by CBOR: { '/about': 'about' }
written: {"/":"home"} | read: error | by CBOR: { '/': 'home' }
written: {"/":"home","/about":"about"} | read: error | by CBOR: { '/': 'home', '/about': 'about' }
written: {"/":{"bytes":"AQ"}} | read: Uint8Array(1) [ 1 ] | by CBOR: { '/': { bytes: 'AQ' } }
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @ipld/dag-json 11.0.1, @ipld/dag-cbor 10.0.2'
echo 'expected: an error from encode'
echo 'seen:     an error from decode'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
