import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { type MeetingPlace, startProcess } from './process.testing.ts'
import { type TestServer, testServer } from './server.testing.ts'

/** `npm run test:stress` asks for more. */
export const PROCESSES: number = Number(process.env['LATCHKEY_PROCESSES'] ?? 2)
export const ROUNDS: number = Number(process.env['LATCHKEY_ROUNDS'] ?? 5)

/** A guard against hanging, not a limit on speed. */
export const RACE_TIMEOUT_MS: number = 120_000 + PROCESSES * ROUNDS * 1000

/** A request; a POST if it has a body. */
export interface Call {
  readonly path: string
  readonly headers?: Record<string, string>
  readonly body?: object
}

/** What one process says of one call. */
export interface Outcome {
  /** `done` where there was none. */
  readonly code: string
  readonly answer: object
  readonly begun: number
  readonly ended: number
}

/**
 * Says whose statement comes next. A transaction is one step: who waited inside would lock the others out.
 *
 * @param ready - the calls that have a statement to send, by their places
 * @param steps - how many each call has sent
 */
export type Schedule = (ready: readonly number[], steps: readonly number[]) => number

/** What came of the rounds of one race. */
export interface Tally {
  /** How often which code was answered. */
  readonly codes: Record<string, number>
  overlapping: number
}

/** Several server processes on one database, and the tests' own server. */
export interface Arena {
  readonly server: TestServer
  /**
   * All calls at one moment, dealt out to the processes. Each has its own in its hands before any is told to go: this
   * is the barrier.
   */
  race(calls: readonly Call[]): Promise<Outcome[]>
  /** The same, with one statement at a time, on Postgres: the same schedule has the same outcome. */
  interleave(
    calls: readonly Call[],
    schedule: Schedule,
  ): Promise<{ readonly outcomes: Outcome[]; readonly steps: readonly number[] }>
  /** The same calls to each process. `index` is that of the call. */
  askEach(calls: readonly Call[]): Promise<(Outcome & { readonly path: string; readonly index: number })[]>
  close(): Promise<void>
}

/** @param opened - where the processes meet */
export async function openArena(opened: MeetingPlace): Promise<Arena> {
  const server = await testServer({}, opened.database)
  const workers = await Promise.all(Array.from({ length: PROCESSES }, () => startProcess(opened.place)))

  /** @param onNews - hears of each statement that waits, and of each answer but the last */
  async function start(calls: readonly Call[], isOrdered: boolean, onNews: (news: News) => void): Promise<Outcome[]> {
    if (calls.length === 0) return []
    const ready = workers.map((worker) => once(worker, 'message'))
    for (const [index, worker] of workers.entries()) {
      const arm = calls
        .map((call, place) => ({ ...call, place, isOrdered }))
        .filter(({ place }) => place % workers.length === index)
      worker.send({ arm })
    }
    await Promise.all(ready)
    const answers = collect(workers, calls.length, onNews)
    for (const worker of workers) worker.send({ go: true })
    return answers
  }

  async function interleave(
    calls: readonly Call[],
    schedule: Schedule,
  ): Promise<{ outcomes: Outcome[]; steps: number[] }> {
    const [steps, waiting, over] = [calls.map(() => 0), calls.map(() => 0), calls.map(() => false)]
    const outcomes = await start(calls, true, ({ place, isWaiting }) => {
      if (isWaiting) waiting[place]!++
      else over[place] = true
      if (calls.some((_, each) => !over[each] && waiting[each] === 0) || over.every(Boolean)) return
      const next = schedule(
        calls.flatMap((_, each) => (over[each] ? [] : [each])),
        steps,
      )
      steps[next]!++
      waiting[next]!--
      workers[next % workers.length]!.send({ step: next })
    })
    return { outcomes, steps }
  }

  const race = (calls: readonly Call[]): Promise<Outcome[]> => start(calls, false, () => {})

  return {
    server,
    race,
    interleave,
    askEach: async (calls) => {
      const asked = calls.flatMap((call, index) => workers.map(() => ({ ...call, index })))
      return (await race(asked)).map((outcome, place) => ({
        ...outcome,
        path: asked[place]!.path,
        index: asked[place]!.index,
      }))
    },
    close: async () => {
      for (const worker of workers) worker.kill()
      await opened.close()
    },
  }
}

/** A statement of a call waits, or the call has its answer. */
interface News {
  /** Of the call. */
  readonly place: number
  readonly isWaiting?: true
}

/** Waits for every answer. */
function collect(workers: readonly ChildProcess[], amount: number, onNews: (news: News) => void): Promise<Outcome[]> {
  const outcomes = new Map<number, Outcome>()
  return new Promise((resolve, reject) => {
    const take = (news: News | (News & Outcome)): void => {
      if ('code' in news) outcomes.set(news.place, news)
      if (outcomes.size === amount)
        end(() => resolve(Array.from({ length: amount }, (_, index) => outcomes.get(index)!)))
      else onNews(news)
    }
    const fail = (): void => end(() => reject(new Error('a server process died')))
    const end = (settle: () => void): void => {
      for (const worker of workers) worker.off('message', take).off('exit', fail)
      settle()
    }
    for (const worker of workers) worker.on('message', take).on('exit', fail)
  })
}

/** Runs the rounds of one race, and says what came of them in numbers. */
export async function rounds(
  name: string,
  where: string,
  round: (index: number, tally: Tally) => Promise<void>,
): Promise<void> {
  const tally: Tally = { codes: {}, overlapping: 0 }
  for (let index = 0; index < ROUNDS; index++) await round(index, tally)
  const answers = Object.entries(tally.codes)
    .toSorted()
    .map(([code, times]) => `${times} × ${code}`)
  console.warn(
    `${name}: ${PROCESSES} processes × ${ROUNDS} rounds on ${where}: ${answers.join(', ')}; all at work at once in ${tally.overlapping} rounds`,
  )
}

/** @param nameOf - what to count an outcome as; defaults to its code */
export function count(
  tally: Tally,
  outcomes: readonly Outcome[],
  nameOf: (outcome: Outcome, index: number) => string = ({ code }) => code,
): void {
  for (const [index, outcome] of outcomes.entries())
    tally.codes[nameOf(outcome, index)] = (tally.codes[nameOf(outcome, index)] ?? 0) + 1
  // Whether all of them were at work at one moment.
  if (Math.max(...outcomes.map(({ begun }) => begun)) < Math.min(...outcomes.map(({ ended }) => ended)))
    tally.overlapping++
}

/** The first call stops after so many statements, until all others have ended. */
export function stalling(stop: number): Schedule {
  return (ready, steps) =>
    ready[0] === 0 && (steps[0]! < stop || ready.length === 1) ? 0 : ready.find((call) => call !== 0)!
}

/** Every few statements another process goes on, by numbers that were drawn. */
export function randomly(order: readonly number[]): Schedule {
  let taken = 0
  return (ready) =>
    ready[Math.trunc(order[Math.trunc(taken++ / 2) % order.length]! + taken / (2 * order.length)) % ready.length]!
}
