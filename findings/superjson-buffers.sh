#!/usr/bin/env bash
#
# superjson 2.2.7, devalue 6.0.3, seroval 1.8.2
#
# Expectation: A serializer for values that JSON cannot hold keeps the bytes of an ArrayBuffer, as devalue and seroval
# do and as superjson does with a Uint8Array, or it throws.
#
# Seen: superjson writes an ArrayBuffer or a DataView as {}, with no error and no mark: the bytes are gone. A Uint8Array
# beside it comes back right, and the inferred types still say ArrayBuffer.
#
# Who is hurt: Calls between browser and server with superjson as the transformer: rawId, userHandle and PRF results of
# a passkey, results of crypto.subtle and contents of a Blob are ArrayBuffers, and arrive as {}.
#
# Remedy: new Uint8Array(buffer) before sending; registerCustom for ArrayBuffer; or devalue or seroval.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  superjson@2.2.7 devalue@6.0.3 seroval@1.8.2 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import * as devalue from 'devalue'
import { fromJSON, toJSON } from 'seroval'
import superjson from 'superjson'

const bytes = Uint8Array.of(1, 2)
const value = { rawId: bytes.buffer, view: new DataView(bytes.buffer), bytes }
const show = ({ rawId, view, bytes: array }) =>
  `ArrayBuffer ${rawId.byteLength ?? JSON.stringify(rawId)}, DataView ${view.byteLength ?? JSON.stringify(view)}, Uint8Array ${array.length}`
console.log('superjson:', show(superjson.parse(superjson.stringify(value))))
console.log('  text:', superjson.stringify({ rawId: value.rawId }))
console.log('devalue:  ', show(devalue.parse(devalue.stringify(value))))
console.log('seroval:  ', show(fromJSON(toJSON(value))))
SCRIPT

cat >surprise.txt <<'OUTPUT'
superjson: ArrayBuffer {}, DataView {}, Uint8Array 2
  text: {"json":{"rawId":{}}}
devalue:   ArrayBuffer 2, DataView 2, Uint8Array 2
seroval:   ArrayBuffer 2, DataView 2, Uint8Array 2
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: superjson 2.2.7, devalue 6.0.3, seroval 1.8.2'
echo 'expected: an ArrayBuffer of two bytes'
echo 'seen:     {}'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
