import { HocuspocusProvider } from '@hocuspocus/provider'
import { connectHocuspocus } from 'latchkey/hocuspocus'
import type { ConnectedSession, SessionState } from 'latchkey/session'
import * as Y from 'yjs'
import './account.ts'

/** What a spec can do in the page with an account server and a Hocuspocus server behind it. */
export interface DocumentPage {
  /** Connects the document of the identity that was opened last. */
  connect(url: string): Promise<void>
  write(text: string): void
  text(): string
  state(): SessionState
}

let document = new Y.Doc()
let session: ConnectedSession | undefined

const documents: DocumentPage = {
  async connect(url) {
    session = connectHocuspocus(account.auth, {
      document: () => document,
      name: 'notes',
      owner: 'memory',
      provider: (input) => new HocuspocusProvider({ url, ...input }),
      clear: () => void (document = new Y.Doc()),
      beforeRestart: (_, connected) => connected.clear(),
    })
    await session.ready
  },
  write: (text) => document.getText('notes').insert(0, text),
  text: () => document.getText('notes').toString(),
  state: () => session!.getState(),
}

Object.assign(globalThis, { documents })
