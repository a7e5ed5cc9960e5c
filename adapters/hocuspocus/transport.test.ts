import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { HocuspocusProvider, HocuspocusProviderWebsocket } from '@hocuspocus/provider'
import * as Y from 'yjs'
import type { Auth } from '../../lib/index.ts'
import { createSessionResolver } from '../../lib/server.ts'
import { ownedTransport } from '../../lib/session.ts'
import { type TransportRig, testDevice, transportAcceptance } from '../../lib/testing.ts'
import { AUDIENCE, type TestHocuspocus, startHocuspocus, until } from './hocuspocus.testing.ts'
import { createTransport } from './transport.ts'
import { documentName } from './protocol.ts'

let hocuspocus: TestHocuspocus
beforeAll(async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  const resolver = createSessionResolver({ localFirst: { audience: AUDIENCE, afterUpgrade: 'allow' } })
  hocuspocus = await startHocuspocus(resolver)
})
afterAll(() => hocuspocus.close())

/** @param shared - true for a socket that several documents could share */
async function openRig(shared: boolean): Promise<TransportRig> {
  const [device, stranger] = [await testDevice(), await testDevice()]
  const session = { principal: device.principal, principals: [device.principal] }
  const auth = { ready: Promise.resolve(), getState: () => ({ session }), subscribe: () => () => {} } as unknown as Auth
  let document = new Y.Doc()
  let owner: string | null = null
  const socket = shared ? new HocuspocusProviderWebsocket({ url: hocuspocus.url }) : undefined
  const transport = createTransport({
    name: (principal) => documentName('notes', principal),
    document: () => document,
    create: (name, token) =>
      new HocuspocusProvider({
        ...(socket ? { websocketProvider: socket } : { url: hocuspocus.url }),
        name,
        document,
        token,
      }),
    clear: async () => void (document = new Y.Doc()),
    fault: () => {},
    isOver: () => true,
  })
  // Another `iat` makes another token.
  let now = Math.floor(Date.now() / 1000)
  const sign = ({ token }: typeof device): Promise<string> => token({ audience: AUDIENCE, now: now-- })
  const own = [device, stranger].map(({ principal }) => documentName('notes', principal))
  return {
    transport: ownedTransport(auth, transport, {
      read: () => owner,
      write: (principal) => void (owner = principal),
      adopt: transport.merge,
    }),
    principal: device.principal,
    token: () => sign(device),
    async refusedToken() {
      const [[header, payload], [, , signature]] = [(await sign(device)).split('.'), (await sign(device)).split('.')]
      return `${header}.${payload}.${signature}`
    },
    other: { principal: stranger.principal, token: () => sign(stranger) },
    connections: () => hocuspocus.open().filter((name) => own.includes(name)).length,
    cut() {
      hocuspocus.online = false
      hocuspocus.online = true
    },
    // A socket of the package `ws` that still opens throws when it is closed.
    close: () => socket && until(() => expect(socket.status).toBe('connected')).then(() => socket.destroy()),
  }
}

describe('the contract of a session transport, with a socket of its own', () => {
  test.each(transportAcceptance(() => openRig(false)))('$name', ({ run }) => run())
})

describe('the contract of a session transport, with a shared socket', () => {
  test.each(transportAcceptance(() => openRig(true)))('$name', ({ run }) => run())
})
