import { createAuthEndpoint } from 'better-auth/api'
import { isKnown } from '../binding/known.ts'
import { principalStore } from '../binding/principal-store.ts'
import type { OneTimeProofs } from '../hooks/proofs.ts'
import type { Endpoint } from './endpoint.ts'

/** The response of `POST /latchkey/known`. */
export interface KnownAnswer {
  /** True if the principal of the device belongs to an account, or belonged to one. */
  readonly isKnown: boolean
  /** This server's clock, in milliseconds since 1970. */
  readonly now: number
}

/** Dependencies of the endpoint. */
export interface KnownTools {
  readonly proofs: OneTimeProofs
}

/**
 * Creates the endpoint that tells the holder of a key whether an account has or had its principal. It needs a proof of
 * this key and no session, and names no account.
 */
export function knownEndpoint(tools: () => KnownTools, clock: () => number): Endpoint {
  return createAuthEndpoint(
    '/latchkey/known',
    { method: 'POST', requireHeaders: true, metadata: { noStore: true } },
    async (ctx) => {
      const device = await tools().proofs.admit(ctx.context, ctx.headers, { purpose: 'known' })
      const now = clock()
      const principals = principalStore(ctx.context.adapter, new Date(now))
      return ctx.json<KnownAnswer>({ isKnown: await isKnown(principals, device), now })
    },
  )
}
