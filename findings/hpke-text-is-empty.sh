#!/usr/bin/env bash
#
# @hpke/core 1.9.0, hpke 1.1.7
#
# Expectation: seal takes bytes. A text is encoded, or is an error, as in hpke and in WebCrypto.
#
# Seen: A text is sealed as nothing: the ciphertext has 16 bytes, the tag alone, it opens without an error, and the
# message is empty. null is nothing as well, the number 5 is five zero bytes. Buffers, views and ArrayBuffers are right.
#
# Who is hurt: Apps in JavaScript, or with a value of type any (from JSON, a form, a database), that seal notes,
# invitations or the key of a backup: everything succeeds on both sides, and what was written is nowhere. It is found
# out when the backup is needed.
#
# Remedy: new TextEncoder().encode(text), for info and aad as well; a check with instanceof Uint8Array before seal.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @hpke/core@1.9.0 hpke@1.1.7 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { Aes128Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from '@hpke/core'
import * as hpke from 'hpke'

const suite = new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes128Gcm() })
const { publicKey, privateKey } = await suite.kem.generateKeyPair()
const values = { bytes: new TextEncoder().encode('a note'), Buffer: Buffer.from('a note'), text: 'a note', null: null, number: 5 }
for (const [name, value] of Object.entries(values)) {
  const { ct, enc } = await suite.seal({ recipientPublicKey: publicKey }, value)
  const opened = Buffer.from(await suite.open({ recipientKey: privateKey, enc }, ct))
  console.log(`${name}: ${ct.byteLength} bytes, opened: ${JSON.stringify(opened.toString())}`)
}
const other = new hpke.CipherSuite(hpke.KEM_DHKEM_P256_HKDF_SHA256, hpke.KDF_HKDF_SHA256, hpke.AEAD_AES_128_GCM)
const pair = await other.GenerateKeyPair()
const answer = await other.Seal(pair.publicKey, 'a note').then(() => 'sealed', (error) => `error: ${error.message}`)
console.log('hpke, text:', answer)
SCRIPT

cat >surprise.txt <<'OUTPUT'
bytes: 22 bytes, opened: "a note"
Buffer: 22 bytes, opened: "a note"
text: 16 bytes, opened: ""
null: 16 bytes, opened: ""
number: 21 bytes, opened: "\u0000\u0000\u0000\u0000\u0000"
hpke, text: error: "plaintext" must be Uint8Array
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @hpke/core 1.9.0, hpke 1.1.7'
echo 'expected: an error'
echo 'seen:     16 bytes, which open as an empty message'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
