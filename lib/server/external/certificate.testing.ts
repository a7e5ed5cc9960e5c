import { type KeyObject, createSign, generateKeyPairSync } from 'node:crypto'

/** Returns a self-signed PEM certificate: minimal but valid X.509. */
export function certificateOf(
  publicKey: KeyObject,
  signer: KeyObject = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
): string {
  const algorithm = sequence(der(0x06, Buffer.from('2a864886f70d01010b', 'hex')), der(0x05, Buffer.alloc(0)))
  const name = sequence(der(0x31, sequence(der(0x06, Buffer.from('550403', 'hex')), der(0x0c, Buffer.from('issuer')))))
  const validity = sequence(der(0x17, Buffer.from('250101000000Z')), der(0x17, Buffer.from('350101000000Z')))
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const version = der(0xa0, der(0x02, Buffer.of(2)))
  const certificate = sequence(version, der(0x02, Buffer.of(1)), algorithm, name, validity, name, spki)
  const signature = createSign('SHA256').update(certificate).sign(signer)
  return toPem('CERTIFICATE', sequence(certificate, algorithm, der(0x03, Buffer.concat([Buffer.of(0), signature]))))
}

/** Encodes bytes as PEM, 64 characters a line. */
export function toPem(label: string, bytes: Uint8Array): string {
  return `-----BEGIN ${label}-----\n${Buffer.from(bytes).toString('base64').replace(/.{64}/g, '$&\n').trim()}\n-----END ${label}-----\n`
}

/** Encodes one DER element. */
export function der(tag: number, body: Uint8Array): Buffer {
  const size = body.length
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff]
  return Buffer.concat([Buffer.of(tag, ...length), body])
}

export function sequence(...parts: Uint8Array[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}
