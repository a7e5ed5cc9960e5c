#!/usr/bin/env bash
#
# lean-qr 2.7.4, qrcode-generator 2.0.4, uqr 0.1.3, jsqr 1.4.0
#
# Expectation: A QR library writes a text so that QR readers give it back. UTF-8 in byte mode is what phones, uqr and
# qrcode write; "Zoë" or "ключ" is ordinary input, and a text that does not fit throws.
#
# Seen: lean-qr chooses Latin-1 for a text that fits it, which the standard allows, and jsQR decodes bytes as UTF-8
# only: it finds the code and gives an empty text. qrcode-generator writes the low byte of each UTF-16 unit, so Cyrillic
# letters come out as punctuation and nothing throws.
#
# Who is hurt: A pairing or recovery code that carries a device's name or an address next to its secret: it scans on one
# phone and not in the web app's scanner, only for people whose names have an accent, and the scanner reports an empty
# text rather than a failure.
#
# Remedy: Put only ASCII into a code (base64url, percent-encoding), or generate(text, { modes: [mode.ascii, mode.utf8]
# }) in lean-qr and qrcode.stringToBytes = (text) => [...new TextEncoder().encode(text)] in qrcode-generator; treat an
# empty text from jsQR as unread.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  lean-qr@2.7.4 qrcode-generator@2.0.4 uqr@0.1.3 jsqr@1.4.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import jsQR from 'jsqr'
import { generate } from 'lean-qr'
import qrcode from 'qrcode-generator'
import { encode } from 'uqr'

function picture(size, isDark) {
  const scale = 8
  const margin = 4
  const width = (size + 2 * margin) * scale
  const data = new Uint8ClampedArray(width * width * 4)
  for (let pixel = 0; pixel < width * width; pixel++) {
    const x = Math.floor((pixel % width) / scale) - margin
    const y = Math.floor(pixel / width / scale) - margin
    const inside = x >= 0 && y >= 0 && x < size && y < size
    data.set(inside && isDark(x, y) ? [0, 0, 0, 255] : [255, 255, 255, 255], pixel * 4)
  }
  return { data, width, height: width }
}

const writers = {
  uqr(text) {
    const { size, data } = encode(text, { border: 0 })
    return picture(size, (x, y) => data[y][x])
  },
  'lean-qr'(text) {
    const code = generate(text)
    return picture(code.size, (x, y) => code.get(x, y))
  },
  'qrcode-generator'(text) {
    const code = qrcode(0, 'M')
    code.addData(text)
    code.make()
    return picture(code.getModuleCount(), (x, y) => code.isDark(y, x))
  },
}

for (const text of ['Zoe', 'Zoë', 'ключ'])
  for (const [name, write] of Object.entries(writers)) {
    const image = write(text)
    console.log(text, '|', name, '| jsqr:', JSON.stringify(jsQR(image.data, image.width, image.height)?.data))
  }
SCRIPT

cat >surprise.txt <<'OUTPUT'
Zoe | uqr | jsqr: "Zoe"
Zoe | lean-qr | jsqr: "Zoe"
Zoe | qrcode-generator | jsqr: "Zoe"
Zoë | uqr | jsqr: "Zoë"
Zoë | lean-qr | jsqr: ""
Zoë | qrcode-generator | jsqr: ""
ключ | uqr | jsqr: "ключ"
ключ | lean-qr | jsqr: "ключ"
ключ | qrcode-generator | jsqr: ":;NG"
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: lean-qr 2.7.4, qrcode-generator 2.0.4, uqr 0.1.3, jsqr 1.4.0'
echo 'expected: three writers, one text'
echo 'seen:     an accent empties the text in jsQR, and other alphabets are mangled'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
