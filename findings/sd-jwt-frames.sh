#!/usr/bin/env bash
#
# @sd-jwt/core 0.19.0, @sd-jwt/crypto-nodejs 0.19.0
#
# Expectation: A disclosure frame that names a claim which is not there is an error, as nothing is hidden by it. A
# holder who shows "address" shows the address, and presenting without a frame shows as little as with an empty one.
#
# Seen: A wrong name is ignored, at issue and at presentation: with _sd: ["birthDate"] for the claim birthdate the
# credential has the date of birth in clear, and so has every copy. { address: true } shows an address without its parts
# if these are disclosures as well. present(credential) without a frame shows all, present(credential, {}) nothing.
#
# Who is hurt: Issuers whose claims come from a form or a database, where types cannot check the names, and who rename a
# field; wallets that get an empty address verified.
#
# Remedy: Compare presentableKeys(credential) with the list that is meant to be hidden, after issuing; name the leaves;
# always give present a frame.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @sd-jwt/core@0.19.0 @sd-jwt/crypto-nodejs@0.19.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { SDJwtInstance } from '@sd-jwt/core'
import { digest, ES256, generateSalt } from '@sd-jwt/crypto-nodejs'

const { privateKey, publicKey } = await ES256.generateKeyPair()
const sd = new SDJwtInstance({
  signer: await ES256.getSigner(privateKey),
  verifier: await ES256.getVerifier(publicKey),
  signAlg: 'ES256',
  hasher: digest,
  hashAlg: 'sha-256',
  saltGenerator: generateSalt,
})
const sorted = (_key, value) => (value?.constructor === Object ? Object.fromEntries(Object.entries(value).sort()) : value)
const shown = async (credential, frame) => JSON.stringify((await sd.verify(await sd.present(credential, frame))).payload, sorted)
const clear = (credential) => Object.keys(JSON.parse(Buffer.from(credential.split('.')[1], 'base64url'))).filter((key) => !key.startsWith('_sd'))

const person = { birthdate: '1990-01-01', name: 'A. Person' }
const right = await sd.issue(person, { _sd: ['birthdate', 'name'] })
const wrong = await sd.issue(person, { _sd: ['birthDate', 'name'] })
console.log('right names, in clear:', clear(right), 'can be hidden:', (await sd.presentableKeys(right)).toSorted())
console.log('wrong name, in clear:', clear(wrong), 'can be hidden:', await sd.presentableKeys(wrong))
console.log('shown with a wrong name:', await shown(right, { Name: true }))
console.log('shown without a frame:', await shown(right))
console.log('shown with an empty frame:', await shown(right, {}))
const home = await sd.issue({ address: { street: 'A Street 1', city: 'B' } }, { _sd: ['address'], address: { _sd: ['street', 'city'] } })
console.log('address:', await shown(home, { address: true }))
console.log('address and its parts:', await shown(home, { address: { street: true, city: true } }))
SCRIPT

cat >surprise.txt <<'OUTPUT'
right names, in clear: [] can be hidden: [ 'birthdate', 'name' ]
wrong name, in clear: [ 'birthdate' ] can be hidden: [ 'name' ]
shown with a wrong name: {}
shown without a frame: {"birthdate":"1990-01-01","name":"A. Person"}
shown with an empty frame: {}
address: {"address":{}}
address and its parts: {"address":{"city":"B","street":"A Street 1"}}
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @sd-jwt/core 0.19.0, @sd-jwt/crypto-nodejs 0.19.0'
echo 'expected: an error, and the address'
echo 'seen:     birthdate in clear, an empty address'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
