import { loadNoble } from './device-key.ts'
import { nativeSuite } from './native.ts'

/** SHA-256, 32 bytes out. With WebCrypto, or with @noble in pages outside a secure context. */
export async function sha256(data: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return nativeSuite.sha256(data).catch(async () => (await loadNoble()).sha256(data))
}
