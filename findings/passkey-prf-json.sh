#!/usr/bin/env bash
#
# @simplewebauthn/browser 14.0.0
#
# Expectation: The JSON that startRegistration and startAuthentication return is JSON, with every byte string as
# base64url, as toJSON of PublicKeyCredential gives it (WebAuthn level 3 lists the prf results among them); and
# optionsJSON is read as parseCreationOptionsFromJSON reads it, prf inputs included.
#
# Seen: Byte strings in extensions pass through in both directions: results.first of prf is an ArrayBuffer, which
# JSON.stringify writes as {}, and an input given as base64url reaches the browser as text, which browsers refuse
# with a TypeError.
#
# Who is hurt: An app that seals a secret under the passkey's PRF output and sends the answer through JSON (a
# worker's message as text, a log, storage): 32 bytes become an empty object, and a key derived from it opens
# nothing. The server, in turn, cannot name the input in its options.
#
# Remedy: Take clientExtensionResults.prf.results.first in the page, before JSON, and check that it has 32 bytes;
# decode the inputs before the call. Never send PRF results to the server.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @simplewebauthn/browser@14.0.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { startRegistration } from '@simplewebauthn/browser'

const bytes = new Uint8Array(32).fill(7).buffer
let given
// What a browser's authenticator answers to a registration with prf.
const credential = {
  id: 'AA',
  rawId: new Uint8Array(1).buffer,
  type: 'public-key',
  authenticatorAttachment: 'platform',
  response: { attestationObject: bytes, clientDataJSON: bytes, getTransports: () => ['internal'] },
  getClientExtensionResults: () => ({ prf: { enabled: true, results: { first: bytes } } }),
}
globalThis.window = globalThis
globalThis.PublicKeyCredential = class {}
const credentials = { create: async ({ publicKey }) => ((given = publicKey), credential) }
Object.defineProperty(globalThis, 'navigator', { value: { credentials }, configurable: true })

const answer = await startRegistration({
  optionsJSON: {
    challenge: 'AAAA',
    rp: { name: 'notes' },
    user: { id: 'AAAA', name: 'ada', displayName: 'Ada' },
    pubKeyCredParams: [],
    extensions: { prf: { eval: { first: 'AAAA' } } },
  },
})
console.log('to the browser:', Object.prototype.toString.call(given.challenge), 'prf', typeof given.extensions.prf.eval.first)
console.log('in the answer: ', typeof answer.response.attestationObject, 'prf', JSON.stringify(answer.clientExtensionResults.prf))
SCRIPT

cat >surprise.txt <<'OUTPUT'
to the browser: [object ArrayBuffer] prf string
in the answer:  string prf {"enabled":true,"results":{"first":{}}}
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @simplewebauthn/browser 14.0.0'
echo 'expected: base64url in the answer, bytes to the browser'
echo 'seen:     an ArrayBuffer that JSON empties, and text to the browser'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
