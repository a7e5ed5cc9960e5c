// What the owner guard costs: 100 000 local writes to a Y.Doc and to a map of rows, and a Y.Doc of 10 MB that is loaded
// and edited 10 000 times, with it and without it, in turn.
// `node --expose-gc e2e/bench/owner-guard.mjs [ROUNDS [CASE]]`. Prints the medians and their ratio.
import { createAuth, memoryStore } from 'latchkey'
import { connectHocuspocus } from 'latchkey/hocuspocus'
import { connectSession, createWriteMarker, ownedTransport } from 'latchkey/session'
import * as Y from 'yjs'

const ROWS = 100_000
const EDITS = 10_000
const LARGE_BYTES = 10 * 2 ** 20
const ITEM_BYTES = 1024
const ROUNDS = Number(process.argv[2] ?? 7)
const NAMED = process.argv[3]
const account = { audience: 'https://notes.example', getSession: async () => null, getToken: async () => null }
const auth = createAuth({
  account: /** @type {any} */ (account),
  keystore: memoryStore(),
  audience: 'https://notes.example',
})
await auth.ready

const owner = () => {
  /** @type {string | null} */
  let stored = null
  return {
    read: () => stored,
    write: (/** @type {string | null} */ principal) => void (stored = principal),
  }
}

/** @param {Y.Doc} document */
function guard(document) {
  connectHocuspocus(auth, {
    document,
    name: 'notes',
    owner: owner(),
    autoStart: false,
    provider: () => {
      throw new Error('never connected')
    },
  })
}

/** A document as it is stored on a device. */
const large = (() => {
  const document = new Y.Doc()
  const notes = document.getArray('notes')
  for (let item = 0; item < LARGE_BYTES / ITEM_BYTES; item++) notes.push([`note ${item} `.padEnd(ITEM_BYTES, 'x')])
  return Y.encodeStateAsUpdate(document)
})()

/** Each returns what it has written, so that it is still there when the memory is read. */
const CASES = {
  /** @param {boolean} guarded */
  rows(guarded) {
    const rows = new Map()
    const markWritten = guarded ? createWriteMarker(auth) : () => {}
    if (guarded) {
      const transport = ownedTransport(auth, { keeps: 'data', connect: () => {}, disconnect: () => {} }, owner())
      connectSession(auth, transport, { autoStart: false })
    }
    for (let row = 0; row < ROWS; row++) {
      rows.set(`row ${row}`, { id: row, text: `row ${row}` })
      markWritten()
    }
    return rows
  },
  /** @param {boolean} guarded */
  document(guarded) {
    const document = new Y.Doc()
    if (guarded) guard(document)
    const notes = document.getArray('notes')
    for (let row = 0; row < ROWS; row++) notes.push([`row ${row}`])
    return document
  },
  /** Yjs encodes each transaction of a document whose updates anything listens to. Here nothing does. */
  'large document': (/** @type {boolean} */ guarded) => openLarge(new Y.Doc(), guarded),
  /** As in an app, where a provider and y-indexeddb listen to updates. @param {boolean} guarded */
  'large stored document'(guarded) {
    const document = new Y.Doc()
    document.on('update', () => {})
    return openLarge(document, guarded)
  },
}

/** @param {Y.Doc} document @param {boolean} guarded */
function openLarge(document, guarded) {
  if (guarded) guard(document)
  Y.applyUpdate(document, large)
  const notes = document.getArray('notes')
  for (let edit = 0; edit < EDITS; edit++) notes.push([`edit ${edit}`])
  return document
}

/** What is written stays reachable until the memory is read. @type {unknown[]} */
const alive = []

/** @param {number[]} values */
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN

for (const [name, fill] of Object.entries(CASES)) {
  if (NAMED !== undefined && NAMED !== name) continue
  const found = { plain: { ms: [], bytes: [] }, guarded: { ms: [], bytes: [] } }
  fill(false)
  fill(true)
  for (let round = 0; round < ROUNDS; round++)
    for (const guarded of round % 2 === 0 ? [false, true] : [true, false]) {
      globalThis.gc?.()
      const before = process.memoryUsage().heapUsed
      const cpu = process.cpuUsage()
      const index = alive.push(fill(guarded))
      const { user, system } = process.cpuUsage(cpu)
      globalThis.gc?.()
      const into = /** @type {{ ms: number[], bytes: number[] }} */ (found[guarded ? 'guarded' : 'plain'])
      into.ms.push((user + system) / 1000)
      into.bytes.push(process.memoryUsage().heapUsed - before)
      alive[index - 1] = null
    }
  const [plain, guarded] = [found.plain, found.guarded].map(({ ms, bytes }) => ({
    ms: median(ms),
    bytes: median(bytes),
  }))
  console.log(
    JSON.stringify({
      case: name,
      plain,
      guarded,
      time: Number((guarded.ms / plain.ms).toFixed(3)),
      memory: Number((guarded.bytes / plain.bytes).toFixed(3)),
    }),
  )
}
auth.close()
process.exit()
