#!/usr/bin/env bash
#
# cose-kit 1.7.1, @auth0/cose 1.0.2, cborg 6.1.5
#
# Expectation: The key id of a COSE key is a byte string, as RFC 9052 says (section 7.1). A library that turns a JWK
# into a COSE key writes its kid so, and reads it back as the same text.
#
# Seen: Both write the kid as a text string, which no other reader takes for the bytes of the same id. Read from a key
# that is right, the kid of the JWK is a Uint8Array in cose-kit, which becomes an object of numbers in JSON, and another
# text, the base64url of the bytes, in @auth0/cose. The kid in the header of a signature has to be bytes in both, so it
# is not equal to that of the key either.
#
# Who is hurt: Issuers and wallets (mdoc, CWT, COSE receipts) that find the key of a signature by its id, and exchange
# keys with implementations in other languages: the key is not found, or stored a second time under another id. A round
# trip with the same library passes.
#
# Remedy: Set entry 2 of the COSE map to new TextEncoder().encode(kid) after the conversion, and read it from the map;
# or leave the kid out and use the thumbprint of RFC 9679.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  cose-kit@1.7.1 @auth0/cose@1.0.2 cborg@6.1.5 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { COSEKey } from '@auth0/cose'
import { decode, encode } from 'cborg'
import { COSEKeyFromJWK, COSEKeyToJWK } from 'cose-kit'

// The public key of RFC 7517, appendix A.1.
const [x, y] = ['MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4', '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM']
const jwk = { kty: 'EC', crv: 'P-256', x, y, kid: 'key-1' }
const form = (kid) => (typeof kid === 'string' ? `text ${kid}` : `bytes ${Buffer.from(kid).toString('hex')}`)
const written = { 'cose-kit': COSEKeyFromJWK(jwk), '@auth0/cose': COSEKey.fromJWK(jwk).encode() }
const read = { 'cose-kit': (bytes) => COSEKeyToJWK(bytes), '@auth0/cose': (bytes) => COSEKey.import(bytes).toJWK() }

const right = decode(written['cose-kit'], { useMaps: true })
right.set(2, new TextEncoder().encode('key-1'))
for (const [name, bytes] of Object.entries(written)) {
  console.log(`${name} writes kid as ${form(decode(bytes, { useMaps: true }).get(2))}`)
  console.log(`  reads its own: ${form(read[name](bytes).kid)}, reads bytes: ${form(read[name](encode(right)).kid)}`)
  console.log('  the latter in JSON:', JSON.stringify(read[name](encode(right)).kid))
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
cose-kit writes kid as text key-1
  reads its own: text key-1, reads bytes: bytes 6b65792d31
  the latter in JSON: {"0":107,"1":101,"2":121,"3":45,"4":49}
@auth0/cose writes kid as text key-1
  reads its own: text key-1, reads bytes: text a2V5LTE
  the latter in JSON: "a2V5LTE"
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: cose-kit 1.7.1, @auth0/cose 1.0.2, cborg 6.1.5'
echo 'expected: bytes, and key-1 when read'
echo 'seen:     text, a Uint8Array, and a2V5LTE'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
