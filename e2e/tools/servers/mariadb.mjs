// A MariaDB of one's own, on a loopback port, gone afterwards.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startOnPort, untilPrinted } from './on-port.mjs'

/**
 * Uses the server that `LATCHKEY_MARIADB` names, or starts the one that is installed.
 *
 * @returns {Promise<{ url: string, stop(): Promise<void> } | null>} null if there is none
 */
export async function startMariadb() {
  const given = process.env['LATCHKEY_MARIADB']
  if (given) return { url: given, stop: async () => {} }
  if (spawnSync('mariadbd', ['--version']).status !== 0) return null
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-mariadb-'))
  const data = join(folder, 'data')
  const user = process.getuid?.() === 0 ? ['--user=root'] : []
  execFileSync(
    'mariadb-install-db',
    ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal', ...user],
    {
      stdio: 'ignore',
    },
  )
  const flags = ['--no-defaults', `--datadir=${data}`, '--bind-address=127.0.0.1', ...user]
  const fast = ['--innodb-flush-log-at-trx-commit=0', '--skip-networking=0', `--socket=${join(folder, 'socket')}`]
  const { server, port } = await startOnPort(async (port) => {
    const server = spawn('mariadbd', [...flags, ...fast, `--port=${port}`], { stdio: ['ignore', 'ignore', 'pipe'] })
    await untilPrinted(server, 'ready for connections')
    return { server, port }
  })
  return {
    url: `mysql://root@127.0.0.1:${port}/`,
    async stop() {
      const ended = once(server, 'exit')
      server.kill()
      await ended
      rmSync(folder, { recursive: true })
    },
  }
}
