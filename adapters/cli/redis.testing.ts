import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { freePort } from '../better-auth/testing/postgres.testing.ts'

/** True if Redis can be started here; Debian's package is `redis-server`. */
export const HAS_REDIS: boolean = spawnSync('redis-server', ['--version']).status === 0

/** A Redis for one test. */
export interface TestRedis {
  readonly url: string
  readonly port: number
  /** Kills the process. */
  stop(): Promise<void>
}

/**
 * Starts a Redis on the loopback interface, without persistence.
 *
 * @param flags - further flags of `redis-server`
 */
export async function startRedis(flags: readonly string[] = [], port?: number): Promise<TestRedis> {
  const chosen = port ?? (await freePort())
  const child = spawn('redis-server', [
    '--port',
    String(chosen),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    tmpdir(),
    ...flags,
  ])
  await ready(child)
  return {
    url: `redis://127.0.0.1:${chosen}`,
    port: chosen,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'close')
    },
  }
}

function ready({ stdout }: ChildProcess): Promise<void> {
  let output = ''
  return new Promise((resolve, reject) => {
    stdout!.setEncoding('utf8').on('data', (text: string) => {
      output += text
      if (output.includes('Ready to accept connections')) resolve()
    })
    stdout!.once('end', () => reject(new Error(`redis-server ended: ${output}`)))
  })
}
