// Emits dist from lib and adapters. With `--noCheck`, types are not checked: `npm run check` does that.
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))
rmSync(`${root}/dist`, { recursive: true, force: true })
const tsc = fileURLToPath(import.meta.resolve('typescript/bin/tsc'))
const args = [tsc, '-p', 'tsconfig.build.json', ...process.argv.slice(2)]
const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
process.exitCode = status ?? 1
