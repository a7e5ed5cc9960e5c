import type { SessionAnswer } from '../../adapters/better-auth/index.ts'
import { type Name, type World, nameOf, ownerOfPrincipal } from './world.ts'

/** Holds an answer about a session against what was said of its account before. */
export function expectAsTold(world: World, session: NonNullable<SessionAnswer['session']>): void {
  if (session.open) return
  const { accountId, principal, aliases, recoverable } = session
  const told = world.told.get(accountId)
  world.told.set(accountId, { principal, aliases, recoverable })
  if (told && told.principal !== principal) {
    const isReset = !told.recoverable && ownerOfPrincipal(world, told.principal) !== undefined
    if (!isReset || ownerOfPrincipal(world, principal) !== undefined)
      world.broken.push(
        `account ${accountId} was ${nameOf(world, told.principal)}${told.recoverable ? ', recoverable,' : ''} and is ${nameOf(world, principal)}`,
      )
    else world.log.push('      (a reset)')
  } else if (told) {
    const lost = told.aliases.filter((alias) => !aliases.includes(alias))
    if (lost.length > 0 && told.recoverable)
      world.broken.push(`account ${accountId} lost ${lost.map((alias) => nameOf(world, alias)).join()}`)
  }
}

/** An honest person's own session shows no principal of another person's device. */
export function expectNobodyElse(
  world: World,
  maker: Name | undefined,
  at: Name,
  session: NonNullable<SessionAnswer['session']>,
): void {
  if (maker !== at || at === 'eve' || world.eves.has(session.accountId)) return
  for (const principal of [session.principal, ...session.aliases]) {
    const owner = ownerOfPrincipal(world, principal)
    if (owner !== undefined && owner !== at)
      world.broken.push(`${at}, in a session of their own, is told to be ${nameOf(world, principal)}`)
  }
}
