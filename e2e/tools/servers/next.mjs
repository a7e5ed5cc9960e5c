// Builds and runs the Next app of the specs, as `next build`, `next start` and `next dev` do it.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { startOnPort, untilPrinted } from './on-port.mjs'

const FOLDER = fileURLToPath(new URL('../../next', import.meta.url))
const NEXT = fileURLToPath(import.meta.resolve('next/dist/bin/next'))

/**
 * @param {'build' | 'dev' | 'start'} command
 * @param {string[]} parameters
 * @param {Record<string, string>} environment
 */
function run(command, parameters = [], environment = {}) {
  const child = spawn(process.execPath, [NEXT, command, FOLDER, ...parameters], {
    env: {
      ...process.env,
      NODE_ENV: command === 'dev' ? 'development' : 'production',
      NEXT_TELEMETRY_DISABLED: '1',
      // `next dev` would ask a registry for its newest version.
      NODE_OPTIONS: `--import ${new URL('loopback-only.mjs', import.meta.url)}`,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const run = { output: '', child, ended: new Promise((resolve) => child.once('close', resolve)) }
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (run.output += data))
  return run
}

/** Builds the app. */
export async function buildNext() {
  const build = run('build')
  await build.ended
  if (build.child.exitCode !== 0) throw new Error(build.output)
}

/**
 * Runs the app on a port of its own, and waits until it answers.
 *
 * @param {'dev' | 'start'} command
 * @param {Record<string, string>} [environment]
 */
export function startNext(command, environment = {}) {
  return startOnPort(async (port) => {
    const url = `http://localhost:${port}`
    const { child, ended } = run(command, ['--hostname', '127.0.0.1', '--port', String(port)], {
      APP_ORIGIN: url,
      ...environment,
    })
    await untilPrinted(child, 'Ready')
    return {
      url,
      async close() {
        child.kill('SIGTERM')
        await ended
      },
    }
  })
}
