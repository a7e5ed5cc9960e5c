import { LatchkeyError } from '../../lib/index.ts'
import type { RestartChange, SessionConnection, SessionTransport } from '../../lib/session.ts'
import { type HocuspocusProviderLike, close, open } from './provider.ts'
import { CONFIRMED, FORBIDDEN, TOKEN_ACCEPTED, TOKEN_UNCHECKED } from './protocol.ts'

/** What the transport uses of the app. */
export interface TransportParts {
  /** Returns the name of a principal's document. */
  name(principal: string): string
  /** Returns the current document, for comparison. */
  document(): unknown
  /** Creates a provider for the current document. */
  create(name: string, token: () => string): HocuspocusProviderLike
  /** True if the user's session has ended, in contrast to one that goes on with other roles. */
  isOver(): boolean
  /** Deletes the local data. */
  clear?(): Promise<void>
  /** Receives what concerns neither the token nor the network. */
  fault(error: unknown): void
}

/** A transport that also merges the document of an adopted principal. */
export interface HocuspocusTransport extends SessionTransport {
  /** Loads the document of `from` into the current one. */
  merge(change: RestartChange, token: string): Promise<void>
}

interface Held {
  readonly provider: HocuspocusProviderLike
  readonly name: string
  readonly document: unknown
}

interface Renewal {
  resolve(): void
  reject(error: LatchkeyError): void
}

/** Creates the transport that drives a provider. Only Latchkey decides when it connects. */
export function createTransport(parts: TransportParts): HocuspocusTransport {
  let held: Held | null = null
  let connection: SessionConnection | null = null
  let token = ''
  let renewal: Renewal | null = null
  let turn = 0
  let stopMerge = (): void => {}

  /** Stops all traffic. The provider stays, with its presence: the same session may go on. */
  function leave(): void {
    turn++
    connection = null
    stopMerge()
    renewal?.reject(new LatchkeyError('OFFLINE', 'the connection ended'))
    if (held) close(held.provider)
  }
  /** The session ended, or the document or its name changed: another provider is needed. */
  function drop(): void {
    leave()
    held?.provider.destroy()
    held = null
  }
  function refuse(reason: string): void {
    const refused = connection
    if (!refused) return
    renewal?.reject(new LatchkeyError('SESSION_TOKEN_REFUSED'))
    leave()
    if (reason === FORBIDDEN) parts.fault(new LatchkeyError('DOCUMENT_FORBIDDEN'))
    // Sent by a server whose hook returns no reason. Any other reason counts as a lost connection.
    refused.rejected((reason === 'permission-denied' ? 'UNAUTHORIZED' : reason) as 'UNAUTHORIZED')
  }
  function lose(): void {
    const lost = connection
    leave()
    lost?.lost()
  }
  function create(name: string): Held {
    const provider = parts.create(name, () => token)
    const isCurrent = (): boolean => held?.provider === provider
    provider.on('authenticated', () => isCurrent() && connection?.accepted())
    provider.on('authenticationFailed', ({ reason }: { reason: string }) => isCurrent() && refuse(reason))
    provider.on('close', ({ event }: { event: { readonly reason: string } }) => {
      if (!isCurrent()) return
      // A document that the server closes leaves the socket open, and arrives as code 1000.
      if (provider.configuration.websocketProvider.status !== 'connected') lose()
      // On a shared socket, the confirmation for the document before may arrive after this one was opened.
      else if (event.reason === CONFIRMED) void openAgain(provider)
      else refuse(event.reason)
    })
    provider.on('stateless', ({ payload }: { payload: string }) => {
      if (payload === TOKEN_ACCEPTED) renewal?.resolve()
      if (payload === TOKEN_UNCHECKED) renewal?.reject(new LatchkeyError('OFFLINE', 'the token was not checked'))
    })
    return { provider, name, document: parts.document() }
  }

  async function openAgain(provider: HocuspocusProviderLike): Promise<void> {
    const mine = turn
    await provider.sendToken()
    if (mine === turn) provider.startSync()
  }

  return {
    keeps: 'data',
    connect(given, next) {
      const name = parts.name(next.principal)
      if (held?.name === name && held.document === parts.document()) leave()
      else drop()
      connection = next
      token = given
      held ??= create(name)
      open(held.provider)
    },
    async update(given) {
      const provider = held?.provider
      if (!provider || !connection) throw new LatchkeyError('OFFLINE', 'not connected')
      const before = token
      token = given
      await new Promise<void>((resolve, reject) => {
        renewal = { resolve, reject }
        void provider.sendToken()
      }).catch((error: unknown) => {
        token = before
        throw error
      })
    },
    // A provider has intervals and listeners, which would outlive the session. One with other roles keeps it.
    disconnect: (reason) => (reason === 'ended' && parts.isOver() ? drop() : leave()),
    ...(parts.clear && {
      async clear() {
        drop()
        await parts.clear!()
      },
    }),
    async merge({ from, to }, given) {
      const name = parts.name(from)
      if (name === parts.name(to)) return
      drop()
      const stopped = new Promise<never>((_, reject) => {
        stopMerge = () => reject(new LatchkeyError('OFFLINE', 'the connection ended'))
      })
      stopped.catch(() => {})
      await load(
        parts.create(name, () => given),
        stopped,
      )
    },
  }
}

/** Loads a document once, and destroys its provider. */
async function load(provider: HocuspocusProviderLike, stopped: Promise<never>): Promise<void> {
  const loaded = new Promise<void>((resolve, reject) => {
    provider.on('synced', () => resolve())
    provider.on('authenticationFailed', ({ reason }: { reason: string }) =>
      reject(new LatchkeyError(reason === FORBIDDEN ? 'DOCUMENT_FORBIDDEN' : 'SESSION_TOKEN_REFUSED')),
    )
    provider.on('close', () => reject(new LatchkeyError('OFFLINE', 'the connection broke')))
  })
  try {
    open(provider)
    await Promise.race([loaded, stopped])
  } finally {
    close(provider)
    provider.destroy()
  }
}
