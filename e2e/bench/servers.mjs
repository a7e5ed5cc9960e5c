// `node e2e/bench/servers.mjs`: upgrades per second on one Postgres, with 1, 2 and 4 server processes.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { cpus } from 'node:os'
import { pathToFileURL } from 'node:url'
import { Pool } from 'pg'
import { newDatabase, startPostgres } from '../tools/servers/postgres.mjs'
import { accountServer, migrate, signUps } from './accounts.mjs'
import { median } from './compare.mjs'

const PROCESSES = [1, 2, 4]
const ROUNDS = 5
/** For each process, so that all of them are as warm. */
const SIGN_UPS = 100
const WARM_UP = 60

/** @typedef {{ withPlugin: boolean, run: (count: number) => Promise<number>, stop: () => void }} Cluster */

/**
 * Server processes on one database of their own.
 *
 * @param {string} postgres address of the server
 * @param {number} processes
 * @param {boolean} withPlugin
 * @returns {Promise<Cluster>}
 */
async function startCluster(postgres, processes, withPlugin) {
  const url = await newDatabase(postgres)
  const pool = new Pool({ connectionString: url })
  await migrate(accountServer(pool, { withPlugin }))
  await pool.end()
  const workers = Array.from({ length: processes }, () =>
    fork(new URL('servers.worker.mjs', import.meta.url), [url, String(withPlugin)]),
  )
  await Promise.all(workers.map((worker) => once(worker, 'message')))
  return {
    withPlugin,
    stop: () => workers.forEach((worker) => void worker.kill()),
    async run(count) {
      const given = await signUps(count, withPlugin)
      const shares = workers.map((_, index) => given.filter((_, place) => place % processes === index))
      const answers = workers.map((worker) => once(worker, 'message'))
      const start = process.hrtime.bigint()
      workers.forEach((worker, index) => void worker.send(shares[index] ?? []))
      await Promise.all(answers)
      return count / (Number(process.hrtime.bigint() - start) / 1e9)
    },
  }
}

/**
 * Both in turns, so that they meet the same machine.
 *
 * @param {Cluster} subject
 * @param {Cluster} peer
 * @param {number} processes
 */
async function measure(subject, peer, processes) {
  const rates = { subject: /** @type {number[]} */ ([]), peer: /** @type {number[]} */ ([]) }
  for (const cluster of [subject, peer]) await cluster.run(WARM_UP * processes)
  for (let round = 0; round < ROUNDS; round++) {
    for (const cluster of round % 2 ? [peer, subject] : [subject, peer])
      rates[cluster === subject ? 'subject' : 'peer'].push(await cluster.run(SIGN_UPS * processes))
  }
  return { subject: median(rates.subject), peer: median(rates.peer) }
}

export async function benchServers() {
  const postgres = await startPostgres()
  try {
    console.log(
      `\nUpgrades per second on one Postgres (median of ${ROUNDS} × ${SIGN_UPS} sign-ups for each process, no hashing, 8 at once in each process; ${cpus().length} cores for everything)`,
    )
    for (const processes of PROCESSES) {
      const [subject, peer] = [
        await startCluster(postgres.url, processes, true),
        await startCluster(postgres.url, processes, false),
      ]
      try {
        const rates = await measure(subject, peer, processes)
        console.log(
          `  ${String(processes).padStart(2)} processes   with latchkey ${rates.subject.toFixed(0).padStart(5)} /s   Better Auth alone ${rates.peer.toFixed(0).padStart(5)} /s   ratio ${(rates.subject / rates.peer).toFixed(2)}`,
        )
      } finally {
        subject.stop()
        peer.stop()
      }
    }
  } finally {
    await postgres.stop()
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await benchServers()
