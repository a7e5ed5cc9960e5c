// `node e2e/bench/memory.mjs`: what 100,000 sessions in the caches of a resolver hold, each kind in a process of its
// own.
import { spawnSync } from 'node:child_process'
import { fileURLToPath, pathToFileURL } from 'node:url'

const worker = fileURLToPath(new URL('memory.worker.mjs', import.meta.url))

/** The default of `cacheSize`. */
const BOUND = 10_000

/** @param {string} kind @returns {{ sessions: number, characters: number, bytes: number }} */
function measure(kind) {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--expose-gc', worker, kind], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}

export function benchMemory() {
  console.log('\nMemory of the sessions that a resolver keeps (heap and array buffers after garbage collection)')
  for (const [kind, name] of /** @type {const} */ ([
    ['one-device', 'local-first, one device'],
    ['devices', 'local-first, a device each'],
    ['external', 'external ES256'],
  ])) {
    const { sessions, characters, bytes } = measure(kind)
    const megabytes = (/** @type {number} */ count) => ((bytes / sessions / 1e6) * count).toFixed(1).padStart(6)
    console.log(
      `  ${name.padEnd(28)}${megabytes(100_000)} MB per 100,000 (${sessions.toLocaleString('en')} measured), ${Math.round(bytes / sessions)} bytes each, ${Math.round(characters)} of them the token; ${megabytes(BOUND)} MB at most by default`,
    )
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) benchMemory()
