import { describe, test } from 'vitest'
import type { Auth } from '../../lib/index.ts'
import type { SessionTimer } from '../../lib/session.ts'
import { type TransportRig, transportAcceptance } from '../../lib/testing.ts'
import type { ZeroInput } from './connect.ts'
import { createTransport } from './transport.ts'
import { TestZero } from './zero.testing.ts'

const PRINCIPAL = 'ada'

/** Every wait ends as soon as all answers are there. */
const TIMER: SessionTimer = {
  set: (callback) => setImmediate(callback),
  clear: (handle) => clearImmediate(handle as NodeJS.Immediate),
}

/** A client with a server that refuses some tokens. */
class ServedZero extends TestZero {
  constructor(input: ZeroInput) {
    super(input)
    const { connect } = this.connection
    this.connection.connect = async (options) => {
      await connect(options)
      if (this.isClosed || !options) return
      if (options.auth.startsWith('refused')) this.refuse('invalid')
      else this.show('connected')
    }
  }
  get isConnected(): boolean {
    return !this.isClosed && this.connection.state.current.name === 'connected'
  }
}

async function openRig(): Promise<TransportRig> {
  const session = { principal: PRINCIPAL, principals: [PRINCIPAL] }
  const auth = { ready: Promise.resolve(), getState: () => ({ session }), subscribe: () => () => {} } as unknown as Auth
  const zeros: ServedZero[] = []
  const headers = { queryHeaders: {}, mutateHeaders: {}, onClientStateNotFound: () => {} }
  let count = 0
  return {
    transport: createTransport<ServedZero>({
      auth,
      clock: Date.now,
      timer: TIMER,
      create(userID) {
        const zero = new ServedZero({ userID, ...headers })
        zeros.push(zero)
        return zero
      },
      stored: async () => [],
      isOver: () => true,
      onWrite: () => {},
      onChange: () => {},
      fault: () => {},
    }),
    principal: PRINCIPAL,
    token: () => `token ${++count}`,
    refusedToken: () => `refused ${++count}`,
    connections: () => zeros.filter(({ isConnected }) => isConnected).length,
    // Zero stops for good there. It opens a broken socket again by itself.
    cut: () => zeros.filter(({ isConnected }) => isConnected).forEach((zero) => zero.show('error')),
    // A client that is closed loses the writes of its last second.
    staysOpen: true,
    close: () => {},
  }
}

describe('the contract of a session transport', () => {
  test.each(transportAcceptance(openRig))('$name', ({ run }) => run())
})
