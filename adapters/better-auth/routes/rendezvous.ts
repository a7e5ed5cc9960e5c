import type { GenericEndpointContext } from 'better-auth'
import { APIError, createAuthEndpoint, getIP } from 'better-auth/api'
import { type Endpoint } from './endpoint.ts'
import { refuseOtherPages } from './page-check.ts'
import type { RendezvousStore, Slot, Written } from '../binding/rendezvous-store.ts'
import { refusal } from '../hooks/proofs.ts'
import type { AddressCap } from './address-cap.ts'

/** The header of every request to the rendezvous: a page of another site cannot set it without a preflight. */
export const RENDEZVOUS_HEADER = 'x-latchkey-rendezvous'

/** The response of `POST /latchkey/rendezvous` and `POST /latchkey/rendezvous/read`. */
export interface SlotAnswer {
  readonly seq: number
  /** Cipher text, base64url. */
  readonly data: string
  /** True if a second party used the channel: end the pairing. */
  readonly isContested: boolean
  /** Milliseconds until the slot expires. */
  readonly expiresIn: number
  /** This server's clock, in milliseconds since 1970. */
  readonly now: number
}

/** Dependencies of the endpoints. */
export interface RendezvousTools {
  readonly store: RendezvousStore
  readonly cap: AddressCap
}

/** Largest message, in characters: 4 KiB. */
const MAX_MESSAGE_CHARACTERS = 4096

/** Largest number of a message. A pairing has four. */
const MAX_SEQ = 15

/**
 * Creates the endpoints by which two devices exchange four sealed messages. They need no session, and the server can
 * read nothing that goes through them.
 */
export function rendezvousEndpoints(
  tools: () => RendezvousTools,
  clock: () => number,
): Record<'latchkeyRendezvous' | 'latchkeyRendezvousRead' | 'latchkeyRendezvousDelete', Endpoint> {
  const answer = ({ seq, data, isContested, until }: Slot): SlotAnswer => ({
    seq,
    data,
    isContested,
    expiresIn: until.getTime() - clock(),
    now: clock(),
  })
  const options = { method: 'POST', requireHeaders: true, metadata: { noStore: true } } as const
  return {
    latchkeyRendezvous: createAuthEndpoint('/latchkey/rendezvous', options, async (ctx) => {
      const context = ctx as unknown as GenericEndpointContext
      const channel = channelOf(context)
      await write(context, channel, tools())
      const slot = await tools().store.read(ctx.context.adapter, channel)
      if (!slot) throw refusal('RENDEZVOUS_ENDED')
      return ctx.json<SlotAnswer>(answer(slot))
    }),
    latchkeyRendezvousRead: createAuthEndpoint('/latchkey/rendezvous/read', options, async (ctx) => {
      const slot = await tools().store.read(ctx.context.adapter, channelOf(ctx as unknown as GenericEndpointContext))
      if (!slot) throw refusal('RENDEZVOUS_ENDED')
      return ctx.json<SlotAnswer>(answer(slot))
    }),
    latchkeyRendezvousDelete: createAuthEndpoint('/latchkey/rendezvous/delete', options, async (ctx) => {
      await tools().store.remove(ctx.context.adapter, channelOf(ctx as unknown as GenericEndpointContext))
      return ctx.json({ status: true })
    }),
  }
}

/** Checks the sender, and returns the channel: 32 bytes that only devices that have seen the code know. */
function channelOf(ctx: GenericEndpointContext): string {
  refuseOtherPages(ctx)
  if (!ctx.headers?.has(RENDEZVOUS_HEADER)) throw invalid(`expected the header ${RENDEZVOUS_HEADER}`)
  return textOf(ctx.body, 'channel', /^[\w-]{43}$/)
}

async function write(ctx: GenericEndpointContext, channel: string, { store, cap }: RendezvousTools): Promise<void> {
  const { seq } = (ctx.body ?? {}) as { readonly seq?: unknown }
  if (!Number.isInteger(seq) || (seq as number) < 0 || (seq as number) > MAX_SEQ) throw invalid('seq: expected 0 to 15')
  const data = textOf(ctx.body, 'data', /^[\w-]*$/)
  if (data.length > MAX_MESSAGE_CHARACTERS) throw invalid(`data: expected at most ${MAX_MESSAGE_CHARACTERS} characters`)
  const tx = textOf(ctx.body, 'tx', /^[\w-]{22}$/)
  if (seq === 0 && ctx.request && !cap.take(getIP(ctx.request, ctx.context.options))) throw refusal('RENDEZVOUS_FULL')
  refuseUnwritten(await store.write(ctx.context.adapter, channel, { seq: seq as number, data, tx }))
}

function refuseUnwritten(written: Written): void {
  if (written === 'full') throw refusal('RENDEZVOUS_FULL')
  if (written === 'ended') throw refusal('RENDEZVOUS_ENDED')
  if (written !== 'done') throw refusal('RENDEZVOUS_CONTESTED')
}

function textOf(body: unknown, name: string, form: RegExp): string {
  const value = (body as Record<string, unknown> | null | undefined)?.[name]
  if (typeof value === 'string' && form.test(value)) return value
  throw invalid(`${name}: expected base64url`)
}

function invalid(message: string): APIError {
  return new APIError('BAD_REQUEST', { code: 'BODY_INVALID', message })
}
