import type { AccountProvider, AccountSession } from '../client/shared/account-provider.ts'
import { isLatchkeyError } from '../errors.ts'
import { type TestDevice, testDevice } from './device.ts'
import { type AcceptanceCase, expectEqual } from './store-acceptance.ts'

/** One browser with its account server. */
export interface AccountWorld {
  readonly provider: AccountProvider
  /** Signs up a new account, as an app does inside `auth.upgrade`. */
  signUp(): unknown
  /** Disconnects the account server, or reconnects it. */
  setOnline(isOnline: boolean): void
}

/**
 * Acceptance tests that every {@link AccountProvider} must pass. They need no test runner: call `run` of each case.
 *
 * @param open - opens a browser without a session, with a new account server on each call
 */
export function accountAcceptance(open: () => Promise<AccountWorld>): AcceptanceCase[] {
  return Object.entries(CASES).map(([name, check]) => ({
    name,
    run: async () => check(await open(), await testDevice()),
  }))
}

/** Signs up with the device's proofs, as `auth.upgrade` does. */
async function signUp({ provider, signUp: run }: AccountWorld, device: TestDevice | null): Promise<AccountSession> {
  const mint = device && ((nonce?: string) => device.proof({ audience: provider.audience, purpose: 'upgrade', nonce }))
  const { result, sent } = await provider.withProof(mint, run)
  expectEqual(provider.readFailure(result), null)
  expectEqual(sent, true)
  const found = await provider.getSession({ peek: true })
  if (!found) throw new Error('no session after a sign-up')
  return found
}

/** Signs up, and binds the device if the sign-up did not. */
async function bound(world: AccountWorld, device: TestDevice): Promise<AccountSession> {
  const { provider } = world
  const found = await signUp(world, device)
  if (!found.open || !provider.bind) return found
  return provider.bind((nonce) => device.proof({ audience: provider.audience, purpose: 'bind', nonce }))
}

async function codeOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work()
    return 'none'
  } catch (error) {
    return isLatchkeyError(error) ? error.code : String(error)
  }
}

const CASES: Readonly<Record<string, (world: AccountWorld, device: TestDevice) => Promise<void>>> = {
  async 'without a session, getSession and getToken return null'({ provider }) {
    expectEqual(await provider.getSession(), null)
    expectEqual(await provider.getSession({ peek: true }), null)
    expectEqual(await provider.getToken(), null)
  },

  async 'the audience is an absolute URL without a trailing slash'({ provider: { audience } }) {
    expectEqual(new URL(audience).href.replace(/\/$/, ''), audience)
  },

  async 'a sign-up creates a session that the next getSession returns'(world, device) {
    const found = await signUp(world, device)
    expectEqual([typeof found.accountId, typeof found.principal], ['string', 'string'])
    expectEqual([Array.isArray(found.aliases), typeof found.recoverable], [true, 'boolean'])
    const again = await world.provider.getSession({ peek: true })
    expectEqual([again?.accountId, again?.id], [found.accountId, found.id])
  },

  async 'a sign-up with proofs has or takes the principal of the device'(world, device) {
    const { principal } = await bound(world, device)
    expectEqual(principal, device.principal)
    expectEqual((await world.provider.getSession())?.principal, device.principal)
  },

  async 'a sign-up without a device key works too'(world) {
    const { principal } = await signUp(world, null)
    expectEqual(principal !== '', true)
  },

  async 'peeking leaves an open account open'(world) {
    const { open } = await signUp(world, null)
    expectEqual((await world.provider.getSession({ peek: true }))?.open, open)
  },

  async 'an account that was used is fixed'(world, device) {
    const { provider } = world
    const { open } = await signUp(world, null)
    const fixed = await provider.getSession()
    if (!open || !provider.bind) return
    const bind = provider.bind.bind(provider)
    await codeOf(() => bind((nonce) => device.proof({ audience: provider.audience, purpose: 'bind', nonce })))
    expectEqual((await provider.getSession())?.principal, fixed?.principal)
  },

  async 'a proof for another purpose binds nothing'(world, device) {
    const { provider } = world
    const found = await signUp(world, null)
    if (!found.open || !provider.bind) return
    const bind = provider.bind.bind(provider)
    const code = await codeOf(() =>
      bind((nonce) => device.proof({ audience: provider.audience, purpose: 'exchange', nonce })),
    )
    expectEqual(code !== 'none', true)
    expectEqual((await provider.getSession({ peek: true }))?.principal === device.principal, false)
  },

  async 'an adopted principal is an alias of the account until it is given up'(world, device) {
    const { provider } = world
    await signUp(world, null)
    const { principal: linkTo } = (await provider.getSession())!
    if (!provider.link || !provider.unlink) return
    const { audience } = provider
    const linked = await provider.link((nonce) => device.proof({ audience, purpose: 'link', nonce, linkTo }))
    expectEqual([linked.principal, linked.aliases.includes(device.principal)], [linkTo, true])
    expectEqual((await provider.getSession())!.aliases.includes(device.principal), true)
    const { principal, aliases } = await provider.unlink(device.principal)
    expectEqual([principal, aliases.includes(device.principal)], [linkTo, false])
    expectEqual((await provider.getSession())!.aliases.includes(device.principal), false)
  },

  async 'a proof for another account adopts nothing'(world, device) {
    const { provider } = world
    await signUp(world, null)
    await provider.getSession()
    if (!provider.link) return
    const { audience } = provider
    const link = provider.link.bind(provider)
    const code = await codeOf(() =>
      link((nonce) => device.proof({ audience, purpose: 'link', nonce, linkTo: 'another account' })),
    )
    expectEqual(code, 'PROOF_LINK_MISMATCH')
    expectEqual((await provider.getSession())!.aliases.includes(device.principal), false)
  },

  async 'a device is known once its principal belongs to an account'(world, device) {
    const { provider } = world
    if (!provider.isKnown) return
    const isKnown = provider.isKnown.bind(provider)
    const ask = () => isKnown((nonce) => device.proof({ audience: provider.audience, purpose: 'known', nonce }))
    expectEqual(await ask(), false)
    await bound(world, device)
    expectEqual(await ask(), true)
  },

  async 'a token belongs to the account that is signed in'(world, device) {
    const { provider } = world
    const { accountId, principal } = await bound(world, device)
    const jwt = await provider.getToken()
    const payload = JSON.parse(atob(jwt!.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/'))) as { sub?: unknown }
    expectEqual(provider.isTokenOf?.(payload, { accountId, principal }) ?? payload.sub === principal, true)
    expectEqual(provider.isTokenOf?.({ ...payload, sub: 'another' }, { accountId, principal }) ?? false, false)
  },

  async 'withProof returns the result of `run`, and throws its error'({ provider }) {
    expectEqual((await provider.withProof(null, () => 'done')).result, 'done')
    expectEqual(provider.readFailure(undefined), null)
    const failing = provider.withProof(null, () => Promise.reject(new TypeError('run failed')))
    expectEqual(await codeOf(() => failing), 'TypeError: run failed')
  },

  async 'signing out ends the session'(world, device) {
    await signUp(world, device)
    await world.provider.signOut()
    expectEqual(await world.provider.getSession(), null)
  },

  async 'without a connection calls reject with OFFLINE, and the session survives'(world, device) {
    const { accountId } = await signUp(world, device)
    world.setOnline(false)
    expectEqual(await codeOf(() => world.provider.getSession()), 'OFFLINE')
    expectEqual(await codeOf(() => world.provider.getSession({ peek: true })), 'OFFLINE')
    world.setOnline(true)
    expectEqual((await world.provider.getSession({ peek: true }))?.accountId, accountId)
  },
}
