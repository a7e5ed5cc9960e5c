import type { TestBrowser } from '../../../adapters/better-auth/testing/server.testing.ts'
import { currentEntry } from '../../../lib/keystore/keyring.ts'
import type { Fault } from '../../../lib/testing/faulty-store.ts'
import { BrokenSequence } from '../broken.ts'
import { type Attempt, type Way, attemptOf } from './attempts.ts'
import { brokenBy, snapshotOf } from './oracles.ts'
import { type Owner, type World, closePage, openPage, recordOf } from './world.ts'

/** What the device that is to get the identity has before. */
export const STARTS = ['nothing', 'an empty identity', 'an identity with data', 'an identity set aside'] as const

/** What fails in an attempt. `nth` is taken modulo the number of places where it can. */
export type Trouble =
  | { readonly what: Exclude<Fault, 'hangs' | 'answersLate'>; readonly where: 'here' | 'there'; readonly nth: number }
  /** The only request of this path. */
  | { readonly what: 'rejects' | 'answerLost'; readonly path: string }
  | { readonly what: 'server dies'; readonly nth: number }
  | { readonly what: 'dialog dismissed' }

/** A device, the attempts to bring an identity to it, each with its trouble, and at last one without. */
export interface Round {
  readonly start: (typeof STARTS)[number]
  readonly way: Way
  readonly owner: number
  readonly troubles: readonly Trouble[]
}

/** How many faults there were, and how many attempts succeeded in spite of one. */
export interface Tally {
  faults: number
  deaths: number
  rounds: number
  attempts: number
  succeeded: number
}

/**
 * Plays a round.
 *
 * @throws {BrokenSequence} something was lost, replaced, made or granted twice, or the last attempt did not succeed
 */
export async function playRound(world: World, round: Round, tally: Tally): Promise<void> {
  const owner = world.owners[round.owner % world.owners.length]!
  const device = world.server.browser()
  const log: string[] = [JSON.stringify(round)]
  await prepare(world, device, round.start)
  await refresh(world, owner)
  for (const trouble of [...round.troubles, null]) {
    // An account that is current is not brought here once more. A restore may be repeated.
    const isDone = await isThere(device, owner)
    if (isDone && (trouble === null || (owner.hasAccount && isPairing(round.way)))) break
    log.push(JSON.stringify(trouble))
    await tryOnce(world, { ...round, owner, device, trouble, log, tally })
  }
  tally.rounds++
  if (!(await isThere(device, owner))) throw new BrokenSequence(`not brought back\n${log.join('\n')}`)
}

async function prepare(world: World, device: TestBrowser, start: Round['start']): Promise<void> {
  if (start === 'nothing') return
  const page = await openPage(world, device, 'local-first')
  if (start === 'an identity with data') await page.auth.markWritten()
  if (start === 'an identity set aside') await page.auth.signOut()
  closePage(page)
}

/** Only a recent sign-in lets devices in, and those of earlier rounds are gone. */
async function refresh({ server }: World, { device }: Owner): Promise<void> {
  if (device.cookies.size === 0) return
  for (const { id, pairedBy } of await server.rows('session'))
    if (pairedBy !== null)
      await server.adapter.delete({ model: 'session', where: [{ field: 'id', value: id as string }] })
  await server.change('session', { createdAt: new Date() })
}

/** The identity is current, as itself or as its account, or both are kept until the user decides. */
async function isThere(device: TestBrowser, { principal }: Owner): Promise<boolean> {
  const record = await recordOf(device)
  return currentEntry(record)?.principal === principal || record?.intent?.conflict?.account.principal === principal
}

interface Once extends Omit<Round, 'owner' | 'troubles'> {
  readonly owner: Owner
  readonly device: TestBrowser
  readonly trouble: Trouble | null
  readonly log: string[]
  readonly tally: Tally
}

async function tryOnce(world: World, once: Once): Promise<void> {
  const { owner, device, way, trouble, log, tally } = once
  const before = await snapshotOf(world, device, owner)
  const [page, other] = [await openPage(world, device), await openPage(world, owner.device)]
  let isConfirmed = false
  const given: Attempt = { world, owner, way, page, other, confirm: () => void (isConfirmed = true) }
  arm(world, trouble, given)
  const deaths = world.deaths
  const outcome = await attempt(world, given)
  const isStruck =
    page.faults.struck || other.faults.struck || world.deaths > deaths || trouble?.what === 'dialog dismissed'
  for (const each of [page, other]) closePage(each)
  disarm(world)
  tally.attempts++
  if (isStruck) tally.faults++
  tally.deaths += world.deaths - deaths
  if (isStruck && outcome === 'done') tally.succeeded++
  log.push(`${outcome}${isStruck ? '' : ', nothing failed'}${isConfirmed ? ', confirmed' : ''}`)
  const broken = await brokenBy({ before, after: await snapshotOf(world, device, owner), owner, way, isConfirmed })
  broken.push(...(await countedWrongly(world, once)))
  if (broken.length > 0) throw new BrokenSequence(`${broken.join('\n')}\n\n${log.join('\n')}`)
}

async function attempt(world: World, given: Attempt): Promise<string> {
  const { page, owner } = given
  try {
    // The answer to an earlier attempt was lost, and the session is there: it is shown, and the user confirms it.
    if (owner.hasAccount && page.device.cookies.size > 0 && isPairing(given.way)) {
      given.confirm()
      const { outcome } = await page.auth.acceptAccount()
      if (outcome === 'pending') return (await page.auth.acceptAccount()).outcome === 'failed' ? 'failed' : 'done'
      if (outcome !== 'failed') return 'done'
    }
    await attemptOf(given)
    return 'done'
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === undefined && !isOurs(error)) throw error
    return code ?? 'died'
  } finally {
    world.authenticator.behaviour = { ...world.authenticator.behaviour, failure: undefined as never }
  }
}

function isOurs(error: unknown): boolean {
  return error instanceof Error && /server died|server is dead/.test(error.message)
}

function arm(world: World, trouble: Trouble | null, attempt: Attempt): void {
  if (!trouble) return
  const { authenticator, moments } = world
  const most = trouble.what === 'dialog dismissed' ? 1 : reachOf(trouble, attempt)
  if (trouble.what === 'dialog dismissed')
    authenticator.behaviour = { ...authenticator.behaviour, failure: 'NotAllowedError' }
  else if ('path' in trouble)
    for (const { faults } of [attempt.page, attempt.other]) faults.arm(trouble.what, trouble.path)
  else if (trouble.what === 'server dies') moments.arm({ nth: 1 + (trouble.nth % most), what: 'dies' })
  else {
    const page = trouble.where === 'here' || !isPairing(attempt.way) ? attempt.page : attempt.other
    page.faults.arm(trouble.what, undefined, 1 + (trouble.nth % most))
  }
}

function isPairing(way: Way): boolean {
  return way.startsWith('pairing')
}

/** About how many requests and accesses of the store there are, or changes of the server's tables. */
function reachOf({ what }: Trouble, { way, owner }: Attempt): number {
  if (what !== 'server dies') return isPairing(way) ? 26 : 9
  return isPairing(way) ? (owner.hasAccount ? 14 : 6) : 2
}

function disarm(world: World): void {
  world.moments.clear()
}

/** Words and a pairing show no backup, and this server's accounts have no verified address. */
async function countedWrongly(world: World, { device, way }: Once): Promise<string[]> {
  const page = await openPage(world, device)
  const { durability } = page.auth.getState().storage
  closePage(page)
  const isShown = way === 'file' || way === 'passkey'
  return durability === 'recoverable' && !isShown ? ['recoverable, although no backup was shown'] : []
}
