/** The part of the Barcode Detection API that is used. */
interface Detector {
  detect(image: ImageBitmapSource): Promise<readonly { readonly rawValue: string }[]>
}

/** Time between two pictures, in milliseconds. */
const INTERVAL_MS = 150

/**
 * Reads QR codes from the camera until one is the wanted one.
 *
 * @param video - shows what the camera sees
 * @throws {DOMException} without a camera or permission, or if the signal fires
 */
export async function scanCode(
  video: HTMLVideoElement,
  isWanted: (text: string) => boolean,
  signal: AbortSignal,
): Promise<string> {
  const [detector, stream] = await Promise.all([createDetector(), openCamera()])
  try {
    video.srcObject = stream
    await video.play()
    while (true) {
      const texts = (await detector.detect(video)).map(({ rawValue }) => rawValue)
      signal.throwIfAborted()
      const found = texts.find(isWanted)
      if (found) return found
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS))
    }
  } finally {
    video.srcObject = null
    for (const track of stream.getTracks()) track.stop()
  }
}

function openCamera(): Promise<MediaStream> {
  if (!navigator.mediaDevices) throw new DOMException('no camera', 'NotFoundError')
  return navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } })
}

/** The browser's detector, or the same interface in JavaScript (`qr`), which loads only where it is needed. */
async function createDetector(): Promise<Detector> {
  const native = (globalThis as { BarcodeDetector?: BarcodeDetectorClass }).BarcodeDetector
  const formats = (await native?.getSupportedFormats().catch(() => [])) ?? []
  const Chosen = native && formats.includes('qr_code') ? native : (await import('qr/decode.js')).BarcodeDetector
  return new Chosen({ formats: ['qr_code'] })
}

interface BarcodeDetectorClass {
  new (options: { formats: 'qr_code'[] }): Detector
  getSupportedFormats(): Promise<readonly string[]>
}
