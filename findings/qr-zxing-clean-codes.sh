#!/usr/bin/env bash
#
# @zxing/library 0.21.3, qrcode 1.5.4, jsqr 1.4.0
#
# Expectation: A clean, straight picture of a QR code, black on white with the prescribed margin, is the easiest case
# there is: whether it is read does not depend on the token in it, and TRY_HARDER reads what the quick way misses.
#
# Seen: @zxing/library does not find about seven codes in a hundred, always the same ones: "Dimensions could be not
# found" (hidden behind NotFoundException). TRY_HARDER, the other binarizer and a larger picture change nothing;
# PURE_BARCODE reads all of them, as jsQR does.
#
# Who is hurt: Pairing or recovery by a code that comes as a picture (a screenshot, a saved recovery sheet, an image
# dropped into the page): for one person in fifteen it never works, however often they try, while the camera, which
# sees the code aslant and in many frames, mostly gets there. A test with one fixed token passes.
#
# Remedy: Read pictures with the PURE_BARCODE hint first and without it second, or with jsQR; offer the text beside
# the code.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @zxing/library@0.21.3 qrcode@1.5.4 jsqr@1.4.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { createHash } from 'node:crypto'
import zxing from '@zxing/library'
import jsQR from 'jsqr'
import { create } from 'qrcode'

function picture({ modules }) {
  const scale = 6
  const margin = 4
  const width = (modules.size + 2 * margin) * scale
  const grey = new Uint8ClampedArray(width * width).fill(255)
  const colour = new Uint8ClampedArray(width * width * 4).fill(255)
  for (let pixel = 0; pixel < grey.length; pixel++) {
    const x = Math.floor((pixel % width) / scale) - margin
    const y = Math.floor(pixel / width / scale) - margin
    if (Math.min(x, y) < 0 || Math.max(x, y) >= modules.size || !modules.get(y, x)) continue
    grey[pixel] = 0
    colour.set([0, 0, 0], pixel * 4)
  }
  return { width, grey, colour }
}

const { BinaryBitmap, DecodeHintType, HybridBinarizer, QRCodeReader, RGBLuminanceSource } = zxing
const reader = (hints) => ({ width, grey }) => {
  const bitmap = new BinaryBitmap(new HybridBinarizer(new RGBLuminanceSource(grey, width, width)))
  try {
    return new QRCodeReader().decode(bitmap, hints).getText()
  } catch (error) {
    return error.name
  }
}
const readers = {
  jsQR: ({ width, colour }) => jsQR(colour, width, width)?.data,
  zxing: reader(),
  'zxing TRY_HARDER': reader(new Map([[DecodeHintType.TRY_HARDER, true]])),
  'zxing PURE_BARCODE': reader(new Map([[DecodeHintType.PURE_BARCODE, true]])),
}

const links = Array.from({ length: 50 }, (_, token) => 'https://notes.test/pair#' + createHash('sha256').update(String(token)).digest('base64url'))
const pictures = links.map((link) => picture(create(link)))
for (const [name, read] of Object.entries(readers)) {
  const missed = links.flatMap((link, token) => (read(pictures[token]) === link ? [] : [token]))
  console.log(name, 'read', links.length - missed.length, 'of', links.length, missed.length ? `and not ${missed.join(', ')}` : '')
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
jsQR read 50 of 50 
zxing read 47 of 50 and not 3, 32, 47
zxing TRY_HARDER read 47 of 50 and not 3, 32, 47
zxing PURE_BARCODE read 50 of 50 
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @zxing/library 0.21.3, qrcode 1.5.4, jsqr 1.4.0'
echo 'expected: all 50 codes'
echo 'seen:     47 codes, with TRY_HARDER, too'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
