import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'

/** A passkey in software (WebAuthn level 2, ES256, attestation `none`). */
export interface SoftPasskey {
  /** Answers the options of a registration. */
  register(options: { readonly challenge: string }): object
  /** Answers the options of a sign-in. */
  authenticate(options: { readonly challenge: string }): object
}

/** @param origin - of the page; its host is the relying party */
export function softPasskey(origin: string): SoftPasskey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const id = randomBytes(32)
  const party = createHash('sha256').update(new URL(origin).hostname).digest()
  const { x, y } = publicKey.export({ format: 'jwk' }) as { x: string; y: string }
  let counter = 0

  const clientData = (type: string, challenge: string): Buffer =>
    Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false }))
  const answer = (response: Record<string, string>): object => ({
    id: text(id),
    rawId: text(id),
    type: 'public-key',
    clientExtensionResults: {},
    response,
  })

  return {
    register({ challenge }) {
      // COSE_Key: kty 2, alg -7, crv 1, x, y.
      const key = Buffer.concat([
        hex('a5010203262001215820'),
        Buffer.from(x, 'base64url'),
        hex('225820'),
        Buffer.from(y, 'base64url'),
      ])
      // User present and verified, with an attested credential.
      const data = Buffer.concat([party, hex('4500000000'), Buffer.alloc(16), hex('0020'), id, key])
      const attestation = Buffer.concat([
        hex('a363666d74646e6f6e656761747453746d74a068617574684461746158'),
        Buffer.from([data.length]),
        data,
      ])
      return answer({
        clientDataJSON: text(clientData('webauthn.create', challenge)),
        attestationObject: text(attestation),
      })
    },
    authenticate({ challenge }) {
      const count = Buffer.alloc(4)
      count.writeUInt32BE(++counter)
      const data = Buffer.concat([party, hex('05'), count])
      const client = clientData('webauthn.get', challenge)
      const signature = sign('sha256', Buffer.concat([data, createHash('sha256').update(client).digest()]), privateKey)
      return answer({ clientDataJSON: text(client), authenticatorData: text(data), signature: text(signature) })
    },
  }
}

function hex(digits: string): Buffer {
  return Buffer.from(digits, 'hex')
}

function text(bytes: Buffer): string {
  return bytes.toString('base64url')
}
