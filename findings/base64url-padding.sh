#!/usr/bin/env bash
#
# @better-auth/utils 0.5.1, @oslojs/encoding 1.1.0, jose 6.2.18
#
# Expectation: A function named base64url in a library for authentication writes what JOSE, WebAuthn and PKCE write:
# no padding (RFC 7515, section 2). jose does, and so do the Buffer encoding of that name and the package base64url.
#
# Seen: base64Url.encode of @better-auth/utils and encodeBase64url of @oslojs/encoding pad with =, and
# decodeBase64url of @oslojs/encoding refuses what JOSE writes.
#
# Who is hurt: Thumbprints, key ids, challenges and PKCE values compared as text: the same 32 bytes end in = on one
# side only, so a lookup finds nothing; a padded value is also no legal WebSocket subprotocol. Lengths that are
# multiples of three hide it in tests.
#
# Remedy: base64Url.encode(value, { padding: false }); encodeBase64urlNoPadding and decodeBase64urlIgnorePadding.
# Compare bytes, not text.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @better-auth/utils@0.5.1 @oslojs/encoding@1.1.0 jose@6.2.18 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { base64Url } from '@better-auth/utils/base64'
import { decodeBase64url, encodeBase64url } from '@oslojs/encoding'
import { base64url } from 'jose'

const bytes = new Uint8Array(32).fill(251)
console.log('jose              ', base64url.encode(bytes))
console.log('@better-auth/utils', base64Url.encode(bytes))
console.log('@oslojs/encoding  ', encodeBase64url(bytes))
try {
  console.log(decodeBase64url(base64url.encode(bytes)).length)
} catch (error) {
  console.log('@oslojs/encoding reads jose:', error.message)
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
jose               -_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s
@better-auth/utils -_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s=
@oslojs/encoding   -_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s=
@oslojs/encoding reads jose: Invalid character
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @better-auth/utils 0.5.1, @oslojs/encoding 1.1.0, jose 6.2.18'
echo 'expected: three encoders of base64url write the same text'
echo 'seen:     two of three pad, and one cannot read the third'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
