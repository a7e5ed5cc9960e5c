import type { BrowserContext, Route, Worker } from '@playwright/test'

/** What the clock of workers has to know of their device. */
export interface ClockedDevice {
  /** Milliseconds. */
  readonly offset: () => number
  /** Requests of a route come from Node, which is online. */
  readonly isOffline: () => boolean
}

/** The clock of a device in its workers. */
export interface WorkerClock {
  /** Puts the clock into the scripts of workers that start from now on. */
  install(context: BrowserContext, device: ClockedDevice): Promise<void>
  /** Advances the clock of all running workers. */
  pass(context: BrowserContext, milliseconds: number): Promise<void>
}

/** Answers with the clock alone: a module imports it before anything else. */
const PATH = '/.well-known/latchkey-test-clock.js'

/**
 * Playwright's clock is for pages. This one is added to the scripts of workers when they load.
 *
 * @param scripts - which scripts are workers: glob patterns or regular expressions
 */
export function createWorkerClock(scripts: readonly (string | RegExp)[]): WorkerClock {
  return {
    async install(context, { offset, isOffline }) {
      const clock = (): string => `(${installClock.toString()})(${offset()})`
      const answerClock = (route: Route): Promise<void> =>
        route.fulfill({ contentType: 'text/javascript', body: clock() })
      if (scripts.length > 0) await context.route((url) => url.pathname === PATH, answerClock)
      for (const script of scripts)
        await context.route(script, (route) => (isOffline() ? route.fallback() : addClock(route, clock())))
    },
    async pass(context, milliseconds) {
      if (scripts.length === 0) return
      const workers = [...context.pages().flatMap((page) => page.workers()), ...context.serviceWorkers()]
      await Promise.all(workers.map((worker) => advance(worker, milliseconds)))
    },
  }
}

/** A static `import` is in modules only, and runs what it names before the rest of the script. */
const STATIC_IMPORT = /^\s*(?:import\s*["'{*\w]|export\s*[{*])/m

async function addClock(route: Route, clock: string): Promise<void> {
  const response = await route.fetch()
  const script = await response.text()
  const start = STATIC_IMPORT.test(script) ? `import '${PATH}'` : clock
  await route.fulfill({ response, body: `${start};${script}` })
}

/** A worker that has ended meanwhile needs no clock, and one without the clock keeps the real one. */
async function advance(worker: Worker, milliseconds: number): Promise<void> {
  await worker.evaluate(passTime, milliseconds).catch(() => {})
}

// The functions below run inside the worker: each one is serialized and cannot use anything outside itself.

interface Clocked {
  latchkeyPassTime?: (milliseconds: number) => void
}

function passTime(milliseconds: number): void {
  ;(globalThis as Clocked).latchkeyPassTime?.(milliseconds)
}

/** Moves `Date` and the timers. */
function installClock(initial: number): void {
  const real = { Date, setTimeout: setTimeout.bind(globalThis), clearTimeout: clearTimeout.bind(globalThis) }
  let offset = initial
  const now = (): number => real.Date.now() + offset
  const timers = new Map<number, { due: number; every: number | undefined; run: () => void; native: number }>()
  let count = 0

  const schedule = (id: number): void => {
    const timer = timers.get(id)!
    timer.native = real.setTimeout(() => fire(id), Math.max(0, timer.due - now())) as unknown as number
  }
  const fire = (id: number): void => {
    const timer = timers.get(id)
    if (!timer) return
    real.clearTimeout(timer.native)
    if (timer.every === undefined) timers.delete(id)
    else {
      timer.due = now() + timer.every
      schedule(id)
    }
    timer.run()
  }
  const start = (
    callback: (...given: unknown[]) => void,
    delay: number,
    every: number | undefined,
    given: unknown[],
  ) => {
    const id = --count
    timers.set(id, { due: now() + delay, every, run: () => callback(...given), native: 0 })
    schedule(id)
    return id
  }
  const end = (id: number | undefined): void => {
    const timer = timers.get(id!)
    // Timers from before the clock have positive numbers.
    real.clearTimeout(timer?.native ?? id)
    timers.delete(id!)
  }

  class MovedDate extends real.Date {
    constructor(...given: []) {
      super(...(given.length > 0 ? given : ([now()] as unknown as [])))
    }
    static override now(): number {
      return now()
    }
  }
  Object.assign(globalThis, {
    Date: MovedDate,
    setTimeout: (callback: () => void, delay = 0, ...given: unknown[]) => start(callback, delay, undefined, given),
    setInterval: (callback: () => void, delay = 0, ...given: unknown[]) => start(callback, delay, delay, given),
    clearTimeout: end,
    clearInterval: end,
    latchkeyPassTime(milliseconds: number) {
      offset += milliseconds
      // Each at most once, in order.
      const due = [...timers]
        .filter(([, timer]) => timer.due <= now())
        .sort(([, one], [, other]) => one.due - other.due)
      for (const [id] of due) fire(id)
      for (const [id, timer] of timers) {
        real.clearTimeout(timer.native)
        schedule(id)
      }
    },
  })
}
