import { type Doing, addressIn } from './act.ts'
import { accountOf } from './subject.ts'
import { send } from './send.ts'
import { type Name, type Seat, type World, proofOf, tokenOf } from './world.ts'
import { dumpOf } from './dump.ts'

const isSignedIn = (seat: Seat): boolean => tokenOf(seat) !== undefined

const changeEmail: Doing = async (world, seat, act) => {
  if (!isSignedIn(seat)) return
  const newEmail = addressIn(world, seat, act)
  if (act.how !== 'code') return void (await send(world, seat, '/change-email', { body: { newEmail } }))
  await send(world, seat, '/email-otp/request-email-change', { body: { newEmail } })
}

const changePassword: Doing = async (world, seat) => {
  if (!isSignedIn(seat)) return
  const { password } = seat.person
  const body = { currentPassword: password, newPassword: password, revokeOtherSessions: true }
  await send(world, seat, '/change-password', { body })
}

const revokeOthers: Doing = async (world, seat) => {
  if (isSignedIn(seat)) await send(world, seat, '/revoke-other-sessions', { body: {} })
}

const unlinkProvider: Doing = async (world, seat) => {
  const dump = await dumpOf(world)
  const account = isSignedIn(seat) ? accountOf(dump, tokenOf(seat)!) : undefined
  const row = dump['account']!.find(({ userId, providerId }) => userId === account?.id && providerId === 'local')
  if (row) await send(world, seat, '/unlink-account', { body: { accountId: row['id'] } })
}

const twoFactor: Doing = async (world, seat) => {
  if (!isSignedIn(seat)) return
  const { person } = seat
  const { body } = await send(world, seat, '/two-factor/enable', { body: { password: person.password } })
  const { backupCodes } = (body ?? {}) as { backupCodes?: string[] }
  if (backupCodes) person.backupCodes = backupCodes
}

const apiKey: Doing = async (world, seat) => {
  if (!isSignedIn(seat)) return
  const { body } = await send(world, seat, '/api-key/create', { body: { name: 'mine' } })
  const { key } = (body ?? {}) as { key?: string }
  const { name } = seat.person
  if (key) world.apiKeys.set(name, [...(world.apiKeys.get(name) ?? []), key])
}

const updateUser: Doing = async (world, seat, { proof }) => {
  if (!isSignedIn(seat)) return
  const headers = proof ? await proofOf(seat) : {}
  await send(world, seat, '/update-user', { body: { name: 'another name' }, headers })
}

/** The account's principals have no owner for ever; for those of honest people that is their own doing. */
const deleteUser: Doing = async (world, seat) => {
  if (!isSignedIn(seat)) return
  const account = accountOf(await dumpOf(world), tokenOf(seat)!)
  const { refused } = await send(world, seat, '/delete-user', { body: {} })
  if (refused || !account) return
  for (const principal of [account.id, ...account.principals]) {
    // What a reset is about to give back to its key is not retired with the account.
    if (!account.isLost) world.retired.add(principal)
    giveUp(world, seat.person.name, principal, account.isLost ? 'lost' : 'deleted')
  }
}

/** Notes that a principal's owner gave it up. */
export function giveUp(world: World, by: Name, principal: string, why: string): void {
  const owner = Object.values(world.seats).find(({ device }) => device.principal === principal)?.person.name
  if (owner === by) world.gaveUp.set(principal, why)
}

const STEPS = [5 * 60_000, 16 * 60_000, 25 * 3_600_000, 8 * 86_400_000, 31 * 86_400_000]

/** Time passes. */
const wait: Doing = async ({ explored }, _, { nth = 0 }) => explored.advance(STEPS[nth % STEPS.length]!)

export const ACCOUNT_ACTS: Readonly<Record<string, Doing>> = {
  changeEmail,
  changePassword,
  revokeOthers,
  unlinkProvider,
  twoFactor,
  apiKey,
  updateUser,
  deleteUser,
  wait,
}
