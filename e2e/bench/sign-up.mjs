// `node e2e/bench/sign-up.mjs`: a sign-up that binds a principal, beside the same sign-up without the plugin.
import { pathToFileURL } from 'node:url'
import SQLite from 'better-sqlite3'
import { accountServer, migrate, send, signUps } from './accounts.mjs'
import { compare, print } from './compare.mjs'

/** @param {{ withPlugin: boolean, withHashing: boolean }} choice */
async function open(choice) {
  /** @type {string[]} */
  const statements = []
  const auth = accountServer(
    new SQLite(':memory:', { verbose: (statement) => void statements.push(String(statement)) }),
    choice,
  )
  await migrate(auth)
  return { auth, statements }
}

/** @param {{ auth: ReturnType<typeof accountServer>, statements: string[] }} server @param {boolean} isProven */
async function countStatements({ auth, statements }, isProven) {
  const [first, second] = await signUps(2, isProven)
  if (first) await send(auth, first)
  statements.length = 0
  if (second) await send(auth, second)
  return statements.filter((statement) => !/^(begin|commit)/i.test(statement)).length
}

/** @param {boolean} withHashing @param {{ rounds: number, operations: number }} size */
async function measure(withHashing, size) {
  const subject = await open({ withPlugin: true, withHashing })
  const peer = await open({ withPlugin: false, withHashing })
  const counts = { subject: await countStatements(subject, true), peer: await countStatements(peer, false) }
  const total = (size.rounds + 1) * size.operations
  const [proven, plain] = [await signUps(total, true), await signUps(total, false)]
  const next = (/** @type {typeof proven} */ list) => list.pop() ?? { headers: {}, body: '' }
  const speed = await compare(
    () => send(subject.auth, next(proven)),
    () => send(peer.auth, next(plain)),
    size,
  )
  return { counts, speed }
}

export async function benchSignUp() {
  for (const withHashing of [true, false]) {
    const { counts, speed } = await measure(
      withHashing,
      withHashing ? { rounds: 15, operations: 4 } : { rounds: 15, operations: 40 },
    )
    print(
      `Sign-up on SQLite in memory, ${withHashing ? 'passwords hashed as Better Auth does' : 'no hashing: the worst ratio there can be'}`,
      'with latchkey: proof checked, principal bound',
      'Better Auth alone',
      speed,
    )
    console.log(
      `  time with the plugin: ${(1 / speed.ratio).toFixed(2)} × without, processor time ${(1 / speed.cpu.ratio).toFixed(2)} ×; statements ${counts.subject} against ${counts.peer}: ${counts.subject - counts.peer} more`,
    )
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await benchSignUp()
