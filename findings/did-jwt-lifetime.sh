#!/usr/bin/env bash
#
# did-jwt 9.0.1, jose 6.2.18
#
# Expectation: expiresIn: 3600 makes a token that is good for an hour from now, and the algorithm in the header is that
# of the signer: ES256 for ES256Signer.
#
# Seen: The lifetime counts from nbf if there is one: a credential that is valid since yesterday is expired when it is
# issued, one that begins next week lives a week and an hour. Without a header the algorithm is ES256K whatever the
# signer, so a P-256 signature is labelled ES256K and refused by a verifier that is right; createJWT does not complain.
#
# Who is hurt: Issuers of credentials, where nbf is the date of the document and not of the token: wallets refuse what
# was just issued, or hold it far longer than meant.
#
# Remedy: Set exp in the payload, and { alg: "ES256" } as the third argument.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  did-jwt@9.0.1 jose@6.2.18 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { createECDH } from 'node:crypto'
import { createJWT, ES256Signer } from 'did-jwt'
import { decodeJwt, decodeProtectedHeader, importJWK, jwtVerify } from 'jose'

const secret = Uint8Array.from({ length: 32 }, (_, index) => index + 1)
const signer = ES256Signer(secret)
const curve = createECDH('prime256v1')
curve.setPrivateKey(secret)
const point = curve.getPublicKey()
const coordinates = { x: point.subarray(1, 33).toString('base64url'), y: point.subarray(33).toString('base64url') }
const key = await importJWK({ kty: 'EC', crv: 'P-256', ...coordinates }, 'ES256')
const verify = (token) => jwtVerify(token, key).then(() => 'verified', (error) => error.code)
const now = Math.floor(Date.now() / 1000)
const day = 86_400
for (const [label, nbf] of [['no nbf', undefined], ['since yesterday', now - day], ['from next week', now + 7 * day]]) {
  const token = await createJWT(nbf ? { nbf } : {}, { issuer: 'did:web:a.example', signer, expiresIn: 3600 })
  const hours = Math.round((decodeJwt(token).exp - now) / 3600)
  console.log(`${label}: expires in ${hours} hours, algorithm ${decodeProtectedHeader(token).alg}`)
}
const options = { issuer: 'did:web:a.example', signer, expiresIn: 3600 }
console.log('without a header:', await verify(await createJWT({}, options)))
console.log('with the header: ', await verify(await createJWT({}, options, { alg: 'ES256' })))
SCRIPT

cat >surprise.txt <<'OUTPUT'
no nbf: expires in 1 hours, algorithm ES256K
since yesterday: expires in -23 hours, algorithm ES256K
from next week: expires in 169 hours, algorithm ES256K
without a header: ERR_JOSE_NOT_SUPPORTED
with the header:  verified
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: did-jwt 9.0.1, jose 6.2.18'
echo 'expected: ES256, expires in an hour'
echo 'seen:     ES256K, expired for 23 hours'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
