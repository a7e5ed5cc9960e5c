import { LatchkeyError } from '../errors.ts'

/**
 * Computes a digest that another profile than `latchkey/v1` needs. With WebCrypto, or with @noble in pages outside a
 * secure context.
 *
 * @throws {LatchkeyError} `CRYPTO_UNAVAILABLE`: neither implementation works here
 */
export async function digest(
  name: 'SHA-1' | 'SHA-512',
  data: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await crypto.subtle.digest(name, data))
  } catch {
    return (await loadDigests())[name](data)
  }
}

async function loadDigests(): Promise<(typeof import('./noble-digests.ts'))['NOBLE_DIGESTS']> {
  try {
    return (await import('./noble-digests.ts')).NOBLE_DIGESTS
  } catch (cause) {
    throw new LatchkeyError('CRYPTO_UNAVAILABLE', undefined, cause)
  }
}
