import { vi } from 'vitest'
import { kill } from './device.ts'
import { type ClientWorld, open, pagesOf } from './world.ts'

/** Resolves when only waiting work is left. */
export function idle(world: ClientWorld): Promise<void> {
  const pages = [...world.gone, ...pagesOf(world).map(({ page }) => page)]
  return world.environment.idle(...pages.flatMap(({ faults, connection }) => [faults, connection]))
}

/** Lets time pass, in steps of at most ten seconds as long as they matter. */
export async function pass(world: ClientWorld, milliseconds: number): Promise<void> {
  const short = Math.min(milliseconds, 20_000)
  for (let passed = 0; passed < short; passed += 5_000) {
    vi.advanceTimersByTime(Math.min(5_000, short - passed))
    await idle(world)
  }
  if (milliseconds > short) vi.advanceTimersByTime(milliseconds - short)
  await idle(world)
}

/** Lets everything that was begun come to an end. */
export async function rest(world: ClientWorld): Promise<void> {
  await idle(world)
  release(world)
  await idle(world)
  for (let waits = 0; world.running.size > 0 && waits < 6; waits++) await pass(world, 10_000)
  if (world.running.size > 0) world.broken.push(`${world.running.size} acts never end`)
  for (const tab of pagesOf(world)) if (tab.page.faults.dead) await reopen(world, tab)
  await idle(world)
  release(world)
  await idle(world)
  for (const { page } of pagesOf(world)) (page.doing.acts as string[]).length = 0
}

function release(world: ClientWorld): void {
  for (const { page } of pagesOf(world)) {
    if (page.faults.struck) world.isFaulty = true
    page.faults.recover()
    page.faults.disarm()
    page.connection.release()
  }
}

/** Closes a page in whatever it is doing. */
export function close(world: ClientWorld, tab: ClientWorld['tabs'][number]): void {
  if (!tab.page) return
  kill(tab.page)
  world.gone.push(tab.page)
  tab.page = null
}

/** Loads the page anew. */
export async function reopen(
  world: ClientWorld,
  tab: ClientWorld['tabs'][number],
  ...options: Parameters<typeof open> extends [unknown, unknown, ...infer More] ? More : never
): Promise<void> {
  close(world, tab)
  await open(world, tab, ...options).auth.ready
}
