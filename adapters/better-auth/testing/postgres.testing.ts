import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestProject } from 'vitest/node'
import { FAST, type RunningPostgres, startPostgres } from '../../../e2e/tools/servers/postgres.mjs'

declare module 'vitest' {
  interface ProvidedContext {
    /** Answers with the `RunningPostgres` of the run; the first to ask has it started. */
    postgres: string
  }
}

export type { RunningPostgres }

/** Offers one Postgres to the whole run. It starts when the first test asks for it, and ends with the run. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  let running: ReturnType<typeof startPostgres> | undefined
  const door = createServer((_, response) => {
    running ??= startPostgres(FAST)
    running.then(
      ({ url, host, port }) => response.end(JSON.stringify({ url, host, port } satisfies RunningPostgres)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
  await once(door.listen(0, '127.0.0.1'), 'listening')
  project.provide('postgres', `http://127.0.0.1:${(door.address() as AddressInfo).port}`)
  return async () => {
    door.close()
    door.closeAllConnections()
    await (await running?.catch(() => null))?.stop()
  }
}
