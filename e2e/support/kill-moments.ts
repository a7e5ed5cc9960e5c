import type { AccountServer } from './account-server.ts'
import type { KeptBrowser } from './kept-browser.ts'

/**
 * When a browser is killed: at the nth step of page or server, after so many milliseconds, or right when the page shows
 * the outcome.
 */
export interface Moment {
  readonly kind: 'step' | 'time' | 'shown'
  readonly at: number
}

/** What an act takes when it is not interrupted. */
export interface Course {
  readonly steps: readonly string[]
  /** Milliseconds. */
  readonly duration: number
}

/** Told by a page once it shows the outcome. */
export const SHOWN = 'shown'

/** Rounds of each kill campaign: one of each kind, and a hundred under `npm run test:stress`. */
export const ROUNDS: number = Number(process.env['LATCHKEY_KILL_ROUNDS']) || (process.env['LATCHKEY_STRESS'] ? 100 : 3)

/** Printed by each campaign; with `LATCHKEY_SEED` the same moments again. */
export const SEED: number = Number(
  process.env['LATCHKEY_SEED'] ?? (process.env['LATCHKEY_STRESS'] ? Math.trunc(Math.random() * 2 ** 32) : 20_261_122),
)

/** Numbers from 0 to 1 that follow from a seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const KINDS = ['step', 'time', 'shown', 'step', 'time'] as const

/** The moments of a campaign over an act that was once seen whole. */
export function chooseMoments({ steps, duration }: Course, random: () => number): Moment[] {
  return Array.from({ length: ROUNDS }, (_, round) => {
    const kind = KINDS[round % KINDS.length]!
    return { kind, at: kind === 'step' ? 1 + Math.trunc(random() * steps.length) : random() * duration }
  })
}

/** Lets an act end, and tells its course. */
export async function watch(server: AccountServer, act: () => Promise<unknown>): Promise<Course> {
  const steps: string[] = []
  server.onStep = (step) => void steps.push(step)
  const began = performance.now()
  await act()
  await server.idle()
  server.onStep = () => {}
  return { steps, duration: performance.now() - began }
}

/**
 * Begins an act, and kills the browser at a moment of it, at the latest when it is done.
 *
 * @returns the steps until then
 */
export async function killDuring(
  browser: KeptBrowser,
  server: AccountServer,
  moment: Moment,
  act: () => Promise<unknown>,
): Promise<string[]> {
  const steps: string[] = []
  let killing: Promise<void> | undefined
  const kill = (): Promise<void> => (killing ??= browser.kill())
  server.onStep = (step) => {
    if (killing) return
    steps.push(step)
    if ((moment.kind === 'step' && steps.length === moment.at) || (moment.kind === 'shown' && step.startsWith(SHOWN)))
      void kill()
  }
  const timer = moment.kind === 'time' && setTimeout(kill, moment.at)
  // It ends with the browser.
  await act().catch(() => {})
  if (timer) clearTimeout(timer)
  await kill()
  await server.idle()
  server.onStep = () => {}
  return steps
}
