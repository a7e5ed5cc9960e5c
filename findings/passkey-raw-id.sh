#!/usr/bin/env bash
#
# @passwordless-id/webauthn 2.4.0, @simplewebauthn/server 14.0.3
#
# Expectation: The registration that client.register gives is the JSON of WebAuthn Level 3 (RegistrationResponseJSON),
# as the types say: base64url without padding throughout, rawId the same as id, so any server library takes it.
#
# Seen: id is as the browser gave it, all other fields are padded with =, so rawId is not id, and @simplewebauthn/server
# refuses the registration before it looks at anything else. With ids of 15 or 30 bytes, whose length is a multiple of
# three, it would pass.
#
# Who is hurt: Sites that use one library in the browser and another on the server, or move from one to the other: every
# registration and sign-in is refused, with the message that the id is not base64url. A server that stores rawId does
# not find the passkey by the id of the sign-in.
#
# Remedy: Remove = from the fields of response and from rawId; or navigator.credentials and toJSON() of the credential.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @passwordless-id/webauthn@2.4.0 @simplewebauthn/server@14.0.3 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { client } from '@passwordless-id/webauthn'
import { verifyRegistrationResponse } from '@simplewebauthn/server'

console.debug = () => {}
const bytes = (length) => Uint8Array.from({ length }, (_, index) => index).buffer
const text = (buffer) => Buffer.from(buffer).toString('base64url')
const challenge = text(bytes(32))
const clientData = { type: 'webauthn.create', challenge, origin: 'https://notes.test' }
let length = 16
const create = async () => ({
  id: text(bytes(length)),
  rawId: bytes(length),
  type: 'public-key',
  response: {
    clientDataJSON: new TextEncoder().encode(JSON.stringify(clientData)).buffer,
    attestationObject: bytes(10),
    getTransports: () => ['internal'],
    getPublicKey: () => bytes(91),
    getPublicKeyAlgorithm: () => -7,
    getAuthenticatorData: () => bytes(37),
  },
  getClientExtensionResults: () => ({}),
})
// The parts of a browser that the library asks for.
Object.defineProperty(globalThis, 'navigator', { value: { credentials: { create } }, configurable: true })
Object.assign(globalThis, { window: globalThis, location: { hostname: 'notes.test' }, document: { hasFocus: () => true } })
globalThis.PublicKeyCredential = class {}

for (length of [16, 15]) {
  const response = JSON.parse(JSON.stringify(await client.register({ user: 'ada', challenge })))
  const end = response.response.authenticatorData.slice(-4)
  console.log(`${length} bytes: id ${response.id}, rawId ${response.rawId}, end of authenticatorData ${end}`)
  const expected = { expectedChallenge: challenge, expectedOrigin: clientData.origin, expectedRPID: 'notes.test' }
  const answer = await verifyRegistrationResponse({ response, ...expected }).catch((error) => error.message.split('\n')[0])
  console.log('  @simplewebauthn/server:', answer.includes('Credential ID') ? answer : 'takes the id')
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
16 bytes: id AAECAwQFBgcICQoLDA0ODw, rawId AAECAwQFBgcICQoLDA0ODw==, end of authenticatorData JA==
  @simplewebauthn/server: Credential ID was not base64url-encoded
15 bytes: id AAECAwQFBgcICQoLDA0O, rawId AAECAwQFBgcICQoLDA0O, end of authenticatorData JA==
  @simplewebauthn/server: takes the id
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @passwordless-id/webauthn 2.4.0, @simplewebauthn/server 14.0.3'
echo 'expected: rawId is id'
echo 'seen:     rawId is id with ='
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
