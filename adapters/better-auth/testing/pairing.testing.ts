import { randomBytes } from 'node:crypto'
import {
  type LatchkeyPluginOptions,
  PROOF_HEADER,
  type RendezvousStorage,
  type SlotAnswer,
  latchkey,
  latchkeyJwt,
} from '../index.ts'
import type { TestDevice } from '../../../lib/testing.ts'
import { type Person, post } from './requests.testing.ts'
import { AUDIENCE, ORIGIN, type TestServer } from './server.testing.ts'

/** The plugins of a server with pairing. */
export function withPairing(
  pairing: LatchkeyPluginOptions['pairing'] = {},
  more: Omit<LatchkeyPluginOptions, 'pairing'> = {},
): [ReturnType<typeof latchkey>, ReturnType<typeof latchkeyJwt>] {
  return [latchkey({ ...more, pairing }), latchkeyJwt()]
}

/** Random bytes in base64url. */
export function randomText(bytes: number): string {
  return randomBytes(bytes).toString('base64url')
}

/** What a request to the rendezvous came to: the slot, or the code of the refusal. */
export type Met = Partial<SlotAnswer> & { readonly status: number; readonly code?: string }

/** A party that knows a channel. */
export interface Party {
  write(seq: number, data: string, tx?: string): Promise<Met>
  read(): Promise<Met>
  remove(): Promise<Met>
}

/** @param headers - more headers, or others */
export function partyOf(
  { handler }: Pick<TestServer, 'handler'>,
  channel: string,
  headers: Record<string, string> = {},
): Party {
  const send = async (path: string, body: object): Promise<Met> => {
    const request = new Request(
      `${ORIGIN}/api/auth/latchkey/rendezvous${path}`,
      post({ channel, ...body }, { 'x-latchkey-rendezvous': '1', origin: ORIGIN, ...headers }),
    )
    const response = await handler(request)
    return { ...(JSON.parse((await response.text()) || '{}') as object), status: response.status }
  }
  return {
    write: (seq, data, tx = randomText(16)) => send('', { seq, data, tx }),
    read: () => send('/read', {}),
    remove: () => send('/delete', {}),
  }
}

/** A secondary storage in memory, as one Redis is for many servers. */
export function memoryStorage(clock: () => number = Date.now): RendezvousStorage & { readonly keys: () => string[] } {
  const kept = new Map<string, { readonly value: string; readonly until: number }>()
  const live = (key: string): string | null => {
    const found = kept.get(key)
    return found && found.until > clock() ? found.value : null
  }
  return {
    keys: () => [...kept.keys()],
    get: async (key) => live(key),
    set: async (key, value, ttl = 1e9) => void kept.set(key, { value, until: clock() + ttl * 1000 }),
    delete: async (key) => void kept.delete(key),
    async increment(key, ttl) {
      const count = Number(live(key) ?? 0) + 1
      kept.set(key, { value: String(count), until: count === 1 ? clock() + ttl * 1000 : kept.get(key)!.until })
      return count
    },
  }
}

/** A request of a device that signs with the purpose `pair`. */
export async function pairCall(
  device: TestDevice,
  thumbprint: string,
  body: object = {},
  headers: Record<string, string> = {},
): Promise<RequestInit> {
  const proof = await device.proof({ audience: AUDIENCE, purpose: 'pair', pairTo: thumbprint })
  return post({ thumbprint, ...body }, { [PROOF_HEADER]: proof, ...headers })
}

/** The device's session lets a device with this thumbprint in. */
export async function approve({ browser, device }: Person, thumbprint: string): Promise<Response> {
  return browser.send('/latchkey/pair/grant', await pairCall(device, thumbprint))
}

/** The grant for a new device. */
export async function grantFor(one: Person, { thumbprint }: TestDevice): Promise<string> {
  const response = await approve(one, thumbprint)
  if (!response.ok) throw new Error(await response.text())
  return ((await response.json()) as { grant: string }).grant
}

/** The session that gave a grant withdraws it. */
export async function withdraw({ browser }: Person, grant: string): Promise<unknown> {
  return (await browser.send('/latchkey/pair/withdraw', post({ grant }))).json()
}

/** The device uses a grant. */
export async function redeem({ browser, device }: Person, grant: string): Promise<Response> {
  return browser.send('/latchkey/pair/redeem', await pairCall(device, device.thumbprint, { grant }))
}
