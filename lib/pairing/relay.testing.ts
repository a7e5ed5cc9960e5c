/** One request to the rendezvous, as the relay sees it. */
export interface Relayed {
  /** ``, `/read` or `/delete`. */
  readonly path: string
  readonly body: { readonly channel: string; readonly seq?: number; readonly data?: string; readonly tx?: string }
}

interface Kept {
  seq: number
  data: string
  tx: string
  /** The `tx` of the message before. */
  before: string
  isContested: boolean
}

/** A rendezvous under the control of a test: it sees everything, and may change everything. */
export interface Relay {
  readonly fetch: typeof fetch
  /** All that went through it, as text. */
  readonly seen: string[]
  readonly slots: Map<string, Kept>
  /** Called before the honest answer; what it returns is the answer instead. */
  hostile: ((relayed: Relayed, honest: () => Response) => Response | Promise<Response>) | null
}

/** The answer of the rendezvous with this slot. */
export function slotResponse({ seq, data, isContested = false }: Pick<Kept, 'seq' | 'data'> & Partial<Kept>): Response {
  return Response.json({ seq, data, isContested, expiresIn: 300_000, now: Date.now() })
}

/** The answer of the rendezvous that refuses. */
export function refusal(code: string): Response {
  return Response.json({ code }, { status: 409 })
}

/** Creates a relay that is honest until it is told otherwise. */
export function createRelay(): Relay {
  const slots = new Map<string, Kept>()
  const removed = new Set<string>()
  const seen: string[] = []

  function write({ channel, seq = -1, data = '', tx = '' }: Relayed['body']): Response {
    const kept = slots.get(channel)
    if (seq === 0 && !kept && !removed.has(channel))
      slots.set(channel, { seq, data, tx, before: '', isContested: false })
    else if (!kept) return refusal('RENDEZVOUS_ENDED')
    else if (kept.seq === seq - 1) Object.assign(kept, { seq, data, tx, before: kept.tx })
    else if ([kept.tx, kept.before][kept.seq - seq] !== tx) {
      kept.isContested = true
      return refusal('RENDEZVOUS_CONTESTED')
    }
    return slotResponse(slots.get(channel)!)
  }

  function answer({ path, body }: Relayed): Response {
    if (path === '') return write(body)
    const kept = slots.get(body.channel)
    if (path === '/read') return kept ? slotResponse(kept) : refusal('RENDEZVOUS_ENDED')
    slots.delete(body.channel)
    removed.add(body.channel)
    return Response.json({ status: true })
  }

  const relay: Relay = {
    seen,
    slots,
    hostile: null,
    async fetch(input, init) {
      const text = String(init!.body)
      const relayed: Relayed = {
        path: String(input).split('/latchkey/rendezvous')[1]!,
        body: JSON.parse(text) as Relayed['body'],
      }
      seen.push(`${String(input)} ${text}`)
      const honest = (): Response => answer(relayed)
      return relay.hostile ? relay.hostile(relayed, honest) : honest()
    },
  }
  return relay
}
