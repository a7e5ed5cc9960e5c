// `npm run test:fleet`: the browser specs, with every account server a fleet of `latchkey serve` on one Postgres.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { startPostgres } from './postgres.mjs'

const postgres = await startPostgres(['-c', 'max_connections=400', '-c', 'fsync=off'])
try {
  const specs = fileURLToPath(new URL('test-browser.mjs', import.meta.url))
  const { status } = spawnSync(process.execPath, [specs, ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, LATCHKEY_FLEET: postgres.url },
  })
  process.exitCode = status ?? 1
} finally {
  await postgres.stop()
}
