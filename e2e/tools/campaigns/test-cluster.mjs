// `npm run test:cluster`: the browser specs, with every account server a cluster of `latchkey serve` on one Postgres.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { startPostgres } from '../servers/postgres.mjs'

const postgres = await startPostgres(['-c', 'max_connections=400', '-c', 'fsync=off'])
try {
  const specs = fileURLToPath(new URL('test-browser.mjs', import.meta.url))
  const { status } = spawnSync(process.execPath, [specs, ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, LATCHKEY_CLUSTER: postgres.url },
  })
  process.exitCode = status ?? 1
} finally {
  await postgres.stop()
}
