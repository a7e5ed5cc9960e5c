import {
  type ConnectedSession,
  type OwnerStore,
  type SessionAuth,
  type SessionOptions,
  connectSession,
  createWriteMarker,
  ownedTransport,
} from '../../lib/session.ts'
import { type HocuspocusProviderLike, type TransactionListener, type YDocLike, isLocalWrite } from './provider.ts'
import { createTransport } from './transport.ts'
import { checkName, documentName } from './protocol.ts'

/** What the app passes on to `new HocuspocusProvider`. */
export interface ProviderInput<Document extends YDocLike> {
  readonly name: string
  readonly document: Document
  /** Returns the current token: at each connection, and whenever the server asks for it. */
  readonly token: () => string
}

/** Options of `connectHocuspocus`. */
export interface HocuspocusOptions<Document extends YDocLike> extends SessionOptions {
  /** The `Y.Doc`, or a function that returns the current one: required with `clear`, which replaces it. */
  readonly document: Document | (() => Document)
  /**
   * The name of the document at the server. A text becomes `notes:PRINCIPAL`, so that each user has one; a function
   * returns any name, for example of a document that several users share.
   */
  readonly name: string | ((principal: string) => string)
  /** Creates a provider: `(input) => new HocuspocusProvider({ url, ...input })`. */
  readonly provider: (input: ProviderInput<Document>) => HocuspocusProviderLike
  /**
   * Where the owner of the stored document is recorded, in the same database. `'memory'`: the document is not stored on
   * this device, and its owner is known as long as the document is in memory.
   */
  readonly owner: Pick<OwnerStore, 'read' | 'write'> | 'memory'
  /** Deletes the stored document and replaces the one in memory. `session.clear()` calls it. */
  readonly clear?: () => unknown
}

/**
 * Supplies a Hocuspocus provider with tokens of the current identity: connects, refreshes in time, pauses when a token
 * is refused and resumes with a fresh one, and continues with the same document after an upgrade or an adoption. The
 * document of one user never reaches another, even after a reload. Use it with `hocuspocusAuth` at the server.
 *
 * @param auth - the result of `createAuth`
 * @throws {TypeError} an option is invalid
 */
export function connectHocuspocus<Document extends YDocLike>(
  auth: SessionAuth,
  options: HocuspocusOptions<Document>,
): ConnectedSession {
  const { document: given, name, provider, owner, clear, ...rest } = options
  checkOptions({ name, owner, provider, document: given, clear })
  const document = typeof given === 'function' ? given : (): Document => given
  const watch = createWatch(document, createWriteMarker(auth))
  const transport = createTransport({
    document: watch,
    name: typeof name === 'function' ? name : (principal) => documentName(name, principal),
    create: (documentName, token) => provider({ name: documentName, document: watch(), token }),
    fault: (error) => void rest.onFault?.(error),
    isOver: () => session.getState().principal === null,
    ...(clear && { clear: () => replace(watch, clear) }),
  })
  const store = owner === 'memory' ? memoryOwner(watch) : owner
  const owned = ownedTransport(auth, transport, {
    read: () => store.read(),
    write: (principal) => store.write(principal),
    adopt: transport.merge,
  })
  const session = connectSession(auth, owned, rest)
  return session
}

/** Returns the current document, and marks writes in it. */
function createWatch<Document extends YDocLike>(document: () => Document, markWritten: () => void): () => Document {
  let watched: Document | undefined
  const listener: TransactionListener = (transaction) => isLocalWrite(transaction) && markWritten()
  const watch = (): Document => {
    const found = document()
    if (found !== watched) {
      watched?.off('afterTransactionCleanup', listener)
      found.on('afterTransactionCleanup', listener)
      watched = found
    }
    return found
  }
  watch()
  return watch
}

/** A document cannot be emptied: deletions would sync too. */
async function replace(document: () => unknown, clear: () => unknown): Promise<void> {
  const before = document()
  await clear()
  if (document() === before) throw new TypeError('clear: expected `document` to return another document afterwards')
}

type Unchecked = Pick<HocuspocusOptions<YDocLike>, 'name' | 'owner'> &
  Readonly<Record<'provider' | 'document' | 'clear', unknown>>

/** The owners of documents that are not stored. A document may outlive its session, for example on another route. */
const owners = new WeakMap<object, string | null>()

function memoryOwner(document: () => object): Pick<OwnerStore, 'read' | 'write'> {
  return { read: () => owners.get(document()), write: (principal) => void owners.set(document(), principal) }
}

function checkOptions({ name, provider, owner, document, clear }: Unchecked): void {
  if (typeof name !== 'function') checkName(name)
  if (typeof provider !== 'function') throw new TypeError('provider: expected a function')
  if (owner !== 'memory' && (typeof owner?.read !== 'function' || typeof owner.write !== 'function'))
    throw new TypeError("owner: expected { read, write } or 'memory'")
  if (clear && typeof document !== 'function')
    throw new TypeError('document: expected a function, since clear is given')
}
