// Builds and runs the Next app of the specs, as `next build`, `next start` and `next dev` do it.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { freePort } from './free-port.mjs'

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
 * Runs the app on a free port, and waits until it answers.
 *
 * @param {'dev' | 'start'} command
 * @param {Record<string, string>} [environment]
 */
export async function startNext(command, environment = {}) {
  const port = await freePort()
  const url = `http://localhost:${port}`
  const { child, ended, ...server } = run(command, ['--hostname', '127.0.0.1', '--port', String(port)], {
    APP_ORIGIN: url,
    ...environment,
  })
  await new Promise((resolve, reject) => {
    child.stdout.on('data', (data) => String(data).includes('Ready') && resolve(undefined))
    void ended.then(() => reject(new Error(server.output)))
  })
  return {
    url,
    async close() {
      child.kill('SIGTERM')
      await ended
    },
  }
}
