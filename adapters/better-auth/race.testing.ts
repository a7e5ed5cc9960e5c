import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { type MeetingPlace, startProcess } from './process.testing.ts'
import { type TestServer, testServer } from './server.testing.ts'

/** `npm run test:stress` asks for more. */
export const PROCESSES: number = Number(process.env['LATCHKEY_PROCESSES'] ?? 2)
export const ROUNDS: number = Number(process.env['LATCHKEY_ROUNDS'] ?? 20)

/** A guard against hanging, not a limit on speed. */
export const PATIENCE: number = 120_000 + PROCESSES * ROUNDS * 1000

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
  /** It waited for the others. */
  readonly isStalled: boolean
}

/** One call waits before a statement until all others have ended, where the database lets it: it is stale then. */
export interface Stall {
  /** Its place among the calls. */
  readonly call: number
  /** The statement, counted from 1; those of transactions do not count, since a stalled one would lock the others out. */
  readonly at: number
}

/** What came of the rounds of one race. */
export interface Tally {
  /** How often which code was answered. */
  readonly codes: Record<string, number>
  overlapping: number
}

/** Several server processes on one database, and the tests' own server. */
export interface Arena {
  readonly server: TestServer
  /** All calls at one moment, dealt out to the processes. Each has its own in its hands before any is told to go: this is the barrier. */
  race(calls: readonly Call[], stall?: Stall | null): Promise<Outcome[]>
  /** The same calls to each process. `index` is that of the call. */
  askEach(calls: readonly Call[]): Promise<(Outcome & { readonly path: string; readonly index: number })[]>
  close(): Promise<void>
}

/** @param opened - where the processes meet */
export async function openArena(opened: MeetingPlace): Promise<Arena> {
  const server = await testServer({}, opened.database)
  const workers = await Promise.all(Array.from({ length: PROCESSES }, () => startProcess(opened.place)))

  async function race(calls: readonly Call[], stall: Stall | null = null): Promise<Outcome[]> {
    const dealt = workers.map((_, index) => calls.flatMap((call, place) => (place % workers.length === index ? [{ ...call, place, stallAt: stall?.call === place ? stall.at : null }] : [])))
    const ready = workers.map((worker) => once(worker, 'message'))
    workers.forEach((worker, index) => worker.send({ arm: dealt[index] }))
    await Promise.all(ready)
    const answers = collect(workers, calls.length, stall?.call)
    for (const worker of workers) worker.send({ go: true })
    return answers
  }

  return {
    server,
    race,
    askEach: async (calls) => {
      const asked = calls.flatMap((call, index) => workers.map(() => ({ ...call, index })))
      return (await race(asked)).map((outcome, place) => ({ ...outcome, path: asked[place]!.path, index: asked[place]!.index }))
    },
    close: async () => {
      for (const worker of workers) worker.kill()
      await opened.close()
    },
  }
}

/** Waits for every answer; whoever is stalled goes on once all the others are there. */
function collect(workers: readonly ChildProcess[], count: number, stalled: number | undefined): Promise<Outcome[]> {
  const outcomes = new Map<number, Outcome>()
  return new Promise((resolve, reject) => {
    const take = ({ place, ...outcome }: Outcome & { place: number }): void => {
      outcomes.set(place, outcome)
      if (stalled !== undefined && outcomes.size === count - 1 && !outcomes.has(stalled)) workers[stalled % workers.length]!.send({ resume: true })
      if (outcomes.size === count) end(() => resolve(Array.from({ length: count }, (_, index) => outcomes.get(index)!)))
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
export async function rounds(name: string, where: string, round: (index: number, tally: Tally) => Promise<void>): Promise<void> {
  const tally: Tally = { codes: {}, overlapping: 0 }
  for (let index = 0; index < ROUNDS; index++) await round(index, tally)
  const answers = Object.entries(tally.codes).toSorted().map(([code, times]) => `${times} × ${code}`)
  console.warn(`${name}: ${PROCESSES} processes × ${ROUNDS} rounds on ${where}: ${answers.join(', ')}; all at work at once in ${tally.overlapping} rounds`)
}

/** @param nameOf - what to count an outcome as; its code unless told */
export function count(tally: Tally, outcomes: readonly Outcome[], nameOf: (outcome: Outcome, index: number) => string = ({ code }) => code): void {
  for (const [index, outcome] of outcomes.entries()) tally.codes[nameOf(outcome, index)] = (tally.codes[nameOf(outcome, index)] ?? 0) + 1
  // Whether all of them were at work at one moment.
  if (Math.max(...outcomes.map(({ begun }) => begun)) < Math.min(...outcomes.map(({ ended }) => ended))) tally.overlapping++
}
