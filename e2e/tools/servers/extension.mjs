// Builds a web extension (Manifest V3) with the library in its service worker and in its popup.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from '../build/bundle.mjs'

const MANIFEST = {
  manifest_version: 3,
  name: 'Latchkey',
  version: '1.0.0',
  background: { service_worker: 'worker.js', type: 'module' },
  action: { default_popup: 'popup.html' },
}
const POPUP = '<!doctype html><title>Popup</title><script type="module" src="/popup.js"></script>'

/**
 * @param {string} folder where the extension is written
 * @param {string} [key] base64 of a public key, from which the browser takes the id; without it, from the folder's path
 */
export async function buildExtension(folder, key) {
  const source = (/** @type {string} */ name) =>
    fileURLToPath(new URL(`../../harness/extension/${name}.ts`, import.meta.url))
  const chunks = [...(await bundle(source('worker'))), ...(await bundle(source('popup')))]
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ ...MANIFEST, ...(key && { key }) }))
  writeFileSync(join(folder, 'popup.html'), POPUP)
  for (const { name, code } of chunks) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), code)
  }
}
