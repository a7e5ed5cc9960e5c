import { brokenIn, devicesIn } from '../../../lib/client/faults.testing.ts'
import { isMarked } from '../../../lib/client/shared/local-data.ts'
import { currentEntry } from '../../../lib/keystore/keyring.ts'
import type { Keyring } from '../../../lib/keystore/record.ts'
import type { Way } from './attempts.ts'
import { type Owner, type World, recordOf } from './world.ts'

/** What there is before and after an attempt. */
export interface Snapshot {
  /** The record of the device that is to get the identity. */
  readonly here: Keyring | null
  /** The record of the owner's own device. */
  readonly there: Keyring | null
  readonly sessions: readonly Readonly<Record<string, unknown>>[]
  readonly users: number
  readonly principals: number
  readonly backups: number
}

export async function snapshotOf({ server }: World, here: Owner['device'], { device }: Owner): Promise<Snapshot> {
  const [sessions, users, principals, backups] = await Promise.all(
    ['session', 'user', 'latchkeyPrincipal', 'latchkeyBackup'].map((table) => server.rows(table)),
  )
  return {
    here: await recordOf(here),
    there: await recordOf(device),
    sessions: sessions!,
    users: users!.length,
    principals: principals!.length,
    backups: backups!.length,
  }
}

/** What happened between two snapshots. */
export interface Happened {
  readonly before: Snapshot
  readonly after: Snapshot
  readonly owner: Owner
  readonly way: Way
  /** The user has confirmed the identity that was shown. */
  readonly isConfirmed: boolean
}

/** Returns what is lost, replaced, made or granted twice. */
export async function brokenBy(happened: Happened): Promise<string[]> {
  const { before, after } = happened
  const broken = [
    ...lostHere(happened),
    ...madeHere(happened),
    ...replacedHere(happened),
    ...grantedTwice(happened),
    ...(await brokenIn(after.here)).map((principal) => `broken: ${principal} cannot sign`),
  ]
  const [own, left] = [before.there, after.there].map((keyring) => devicesIn(keyring).join())
  if (own !== left || before.there?.current !== after.there?.current) broken.push('the other device has changed')
  for (const count of ['users', 'principals', 'backups'] as const)
    if (before[count] !== after[count]) broken.push(`made: ${count} ${before[count]} → ${after[count]}`)
  return broken
}

function lostHere({ before, after, owner, way, isConfirmed }: Happened): string[] {
  const current = currentEntry(before.here)
  // A pairing replaces an identity that never held anything.
  const mayGo = way.startsWith('pairing') && isConfirmed && !isMarked(current) ? current?.principal : undefined
  const has = devicesIn(after.here)
  const secret = after.here?.entries.find(({ kind, principal }) => kind === 'device' && principal === owner.principal)
  const lost = devicesIn(before.here).filter((principal) => !has.includes(principal) && principal !== mayGo)
  const isOther = secret && 'secret' in secret && secret.secret !== owner.secret
  return [...lost.map((principal) => `lost: ${principal}`), ...(isOther ? ['replaced: the secret of the owner'] : [])]
}

function madeHere({ before, after, owner, isConfirmed }: Happened): string[] {
  const known = [...(before.here?.entries ?? []).map(({ principal }) => principal), isConfirmed && owner.principal]
  const made = (after.here?.entries ?? []).filter(({ principal }) => !known.includes(principal))
  return made.map(({ kind, principal }) => `made silently: ${kind} ${principal}`)
}

function replacedHere({ before, after, owner, isConfirmed }: Happened): string[] {
  const [was, is] = [currentEntry(before.here)?.principal, currentEntry(after.here)?.principal]
  return is === was || (isConfirmed && is === owner.principal) ? [] : [`replaced: ${was} by ${is}`]
}

/** An attempt has one grant, so it gives one session, no fresher and no longer than that which gave it. */
function grantedTwice({ before, after, isConfirmed }: Happened): string[] {
  const known = new Set(before.sessions.map(({ id }) => id))
  const made = after.sessions.filter(({ id }) => !known.has(id))
  const broken = made.length > (isConfirmed ? 1 : 0) ? [`granted: ${made.length} sessions`] : []
  for (const { pairedBy, createdAt, expiresAt } of made) {
    const by = before.sessions.find(({ id }) => id === pairedBy)
    const isAsOld = by && String(by['createdAt']) === String(createdAt) && String(by['expiresAt']) === String(expiresAt)
    if (!isAsOld) broken.push('granted: a fresher or longer session')
  }
  return broken
}
