#!/usr/bin/env bash
#
# cose-to-jwk 1.1.0, parse-cosekey 1.0.2, jose 6.2.18
#
# Expectation: A function that turns the COSE key of a passkey into a JWK gives a JWK of RFC 7517 and 7518: coordinates
# in base64url without padding, ES256 for the algorithm -7. parse-cosekey does so.
#
# Seen: cose-to-jwk writes the coordinates in base64 with padding and calls the algorithm ECDSA_w_SHA256.
# createPublicKey of Node takes the key as it is, and jose and WebCrypto of Node take it once alg is left out, so
# signatures verify, while the thumbprint (RFC 7638) is not that of the key.
#
# Who is hurt: Passkeys and devices that are known by the thumbprint of their key: the same key registered through
# another library has another name, so a device is not found again and is asked to enrol a second time. A verification
# in a test passes.
#
# Remedy: parse-cosekey, or crypto.createPublicKey({ key: jwk, format: "jwk" }).export({ format: "jwk" }) before the key
# is stored or named.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  cose-to-jwk@1.1.0 parse-cosekey@1.0.2 jose@6.2.18 cbor-x@1.6.9 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { createPublicKey, subtle } from 'node:crypto'
import { Encoder } from 'cbor-x'
import coseToJwk from 'cose-to-jwk'
import { calculateJwkThumbprint, importJWK } from 'jose'
import cosekey from 'parse-cosekey'

// The public key of RFC 7517, appendix A.1.
const [x, y] = ['MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4', '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM']
const original = { kty: 'EC', crv: 'P-256', x, y }
const cose = new Map([[1, 2], [3, -7], [-1, 1], [-2, Buffer.from(x, 'base64url')], [-3, Buffer.from(y, 'base64url')]])
const bytes = new Encoder({ mapsAsObjects: false, useRecords: false }).encode(cose)

const jwk = coseToJwk(bytes)
const { alg, ...withoutAlgorithm } = jwk
const exported = createPublicKey({ key: jwk, format: 'jwk' }).export({ format: 'jwk' })
const keys = {
  original,
  'parse-cosekey': cosekey.KeyParser.cose2jwk(cose),
  'cose-to-jwk': jwk,
  'cose-to-jwk without alg': withoutAlgorithm,
  'exported by node': exported,
}

const answer = (promise) => promise.then(() => 'takes it', () => 'refuses it')
for (const [name, key] of Object.entries(keys)) {
  console.log(`${name}: alg ${key.alg}, x ${key.x}, thumbprint ${await calculateJwkThumbprint(key)}`)
  const jose = await answer(importJWK(key, key.alg ?? 'ES256'))
  const webCrypto = await answer(subtle.importKey('jwk', key, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['verify']))
  console.log(`  jose ${jose}, WebCrypto ${webCrypto}`)
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
original: alg undefined, x MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4, thumbprint cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s
  jose takes it, WebCrypto takes it
parse-cosekey: alg ES256, x MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4, thumbprint cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s
  jose takes it, WebCrypto takes it
cose-to-jwk: alg ECDSA_w_SHA256, x MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4=, thumbprint NfEwww0EExq1Uc9rGIc2LCdEWcjRxv6tu33x41Rbjfw
  jose refuses it, WebCrypto refuses it
cose-to-jwk without alg: alg undefined, x MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4=, thumbprint NfEwww0EExq1Uc9rGIc2LCdEWcjRxv6tu33x41Rbjfw
  jose takes it, WebCrypto takes it
exported by node: alg undefined, x MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4, thumbprint cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s
  jose takes it, WebCrypto takes it
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: cose-to-jwk 1.1.0, parse-cosekey 1.0.2, jose 6.2.18, cbor-x 1.6.9'
echo 'expected: the JWK that node:crypto exports, and its thumbprint'
echo 'seen:         base64 in place of base64url, an algorithm that JOSE does not know, another thumbprint'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
