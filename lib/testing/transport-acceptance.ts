import { LatchkeyError, isLatchkeyError } from '../errors.ts'
import type { SessionConnection, SessionTransport } from '../session/transport.ts'
import { checkTransport } from '../session/transport.ts'
import type { AcceptanceCase } from './store-acceptance.ts'

/** A transport with the server that it connects to. */
export interface TransportRig {
  readonly transport: SessionTransport
  /** `sub` of the tokens that `token` returns. */
  readonly principal: string
  /** Returns a token that the server accepts: a new one on each call, with the same principal and roles. */
  token(): Promise<string> | string
  /** Returns a token with the claims of `token` that the server refuses, for example with a wrong signature. */
  refusedToken(): Promise<string> | string
  /** Returns the number of open connections at the server. */
  connections(): Promise<number> | number
  /** Breaks all connections, as a network failure does. Omit it for a transport that reconnects on its own. */
  cut?(): unknown
  /** Another user. Required for `keeps: 'data'`; null if the data ends with the page. */
  readonly other?: {
    readonly principal: string
    /** Returns a token of this user that the server accepts. */
    token(): Promise<string> | string
  } | null
  /** The transport leaves its connection open on a pause, since its engine stops by itself. */
  readonly staysOpen?: boolean
  /** Frees the rig's resources. */
  close(): unknown
}

/**
 * Acceptance tests that every {@link SessionTransport} must pass. They need no test runner: call `run` of each case. If
 * the transport never responds, a case does not settle, so run it with a timeout.
 *
 * @param open - opens a new rig without a connection on each call
 */
export function transportAcceptance(open: () => Promise<TransportRig>): AcceptanceCase[] {
  return Object.entries(CASES).map(([name, check]) => ({
    name,
    async run() {
      const rig = await open()
      try {
        await check(rig)
      } finally {
        await rig.transport.disconnect('ended')
        await rig.close()
      }
    },
  }))
}

type Report = 'accepted' | 'rejected' | 'lost'

/** A connection that records what the transport reports. */
interface RecordedConnection extends SessionConnection {
  readonly reports: Report[]
  /** Resolves with the first report. */
  readonly first: Promise<Report>
  /** Resolves once this report was made. */
  until(report: Report): Promise<unknown>
}

function recordConnection(
  principal: string,
  handOver: SessionConnection['handOver'] = refuseHandOver,
): RecordedConnection {
  const reports: Report[] = []
  let tell: (report: Report) => void = () => {}
  const first = new Promise<Report>((resolve) => void (tell = resolve))
  const add = (report: Report): void => {
    reports.push(report)
    tell(report)
  }
  return {
    principal,
    reports,
    first,
    until: (report) => eventually(() => reports.includes(report)),
    accepted: () => add('accepted'),
    rejected: () => add('rejected'),
    lost: () => add('lost'),
    handOver,
  }
}

/** A session without `beforeRestart`. */
const refuseHandOver = (): Promise<void> => Promise.reject(new LatchkeyError('PRINCIPAL_MISMATCH'))

/** Connects, and returns once the server accepted the token. */
async function connected({ transport, principal, token }: TransportRig): Promise<RecordedConnection> {
  const connection = recordConnection(principal)
  await transport.connect(await token(), connection)
  expectEqual(await connection.first, 'accepted')
  return connection
}

const CASES: Readonly<Record<string, (rig: TransportRig) => Promise<void>>> = {
  async 'declares what it keeps'({ transport, other }) {
    checkTransport(transport)
    // Without it, the cases about the owner of the data check nothing.
    if (transport.keeps === 'data' && other === undefined)
      throw new Error("the rig needs `other` for keeps: 'data'; null if the data ends with the page")
  },

  async 'reports accepted once the server accepted the token'(rig) {
    const { reports } = await connected(rig)
    expectEqual(await rig.connections(), 1)
    expectEqual(reports.includes('rejected') || reports.includes('lost'), false)
  },

  async 'reports rejected for a refused token, and never accepted'({ transport, principal, refusedToken }) {
    const connection = recordConnection(principal)
    await transport.connect(await refusedToken(), connection)
    expectEqual(await connection.first, 'rejected')
    expectEqual(connection.reports.includes('accepted'), false)
  },

  async 'connects with a good token after a refused one'(rig) {
    const refused = recordConnection(rig.principal)
    await rig.transport.connect(await rig.refusedToken(), refused)
    await refused.first
    await rig.transport.disconnect('paused')
    await connected(rig)
  },

  async 'closes its connection on a pause, and connects again'(rig) {
    await connected(rig)
    await rig.transport.disconnect('paused')
    if (!rig.staysOpen) await eventually(async () => (await rig.connections()) === 0)
    await connected(rig)
    await eventually(async () => (await rig.connections()) === 1)
  },

  async 'closes its connection at the end, and connects again'(rig) {
    await connected(rig)
    await rig.transport.disconnect('ended')
    await eventually(async () => (await rig.connections()) === 0)
    await connected(rig)
  },

  async 'closes a connection that the server did not answer yet'({ transport, principal, token, connections }) {
    const connecting = transport.connect(await token(), recordConnection(principal))
    await transport.disconnect('ended')
    await connecting
    await eventually(async () => (await connections()) === 0)
  },

  async 'may be disconnected without a connection'({ transport, connections }) {
    await transport.disconnect('paused')
    await transport.disconnect('ended')
    expectEqual(await connections(), 0)
  },

  async 'reports a broken connection as lost, and connects again'(rig) {
    if (!rig.cut) return
    const connection = await connected(rig)
    await rig.cut()
    await connection.until('lost')
    expectEqual(connection.reports.includes('rejected'), false)
    await connected(rig)
  },

  async 'update resolves once the server accepted the token'(rig) {
    const { transport, token, connections } = rig
    if (!transport.update) return
    const connection = await connected(rig)
    await transport.update(await token())
    expectEqual(connection.reports.includes('rejected') || connection.reports.includes('lost'), false)
    expectEqual(await connections(), 1)
  },

  async 'reports a token that the server refuses on an update, by the update or by the connection'(rig) {
    const { transport, refusedToken } = rig
    if (!transport.update) return
    const connection = await connected(rig)
    let isRefused = false
    Promise.resolve(transport.update(await refusedToken())).catch(() => (isRefused = true))
    await eventually(() => isRefused || connection.reports.includes('rejected'))
  },

  async 'hold does not connect'(rig) {
    if (!rig.transport.hold) return
    await rig.transport.hold(await rig.token())
    expectEqual(await rig.connections(), 0)
    // One that `hold` had begun to open would be there by now.
    await connected(rig)
    expectEqual(await rig.connections(), 1)
  },

  async 'clear resolves after the end, and another session may follow'(rig) {
    if (!rig.transport.clear) return
    await connected(rig)
    await rig.transport.disconnect('ended')
    await rig.transport.clear()
    await connected(rig)
  },

  async 'clear resolves during a pause, and the same session goes on'(rig) {
    if (!rig.transport.clear) return
    await connected(rig)
    await rig.transport.disconnect('paused')
    await rig.transport.clear()
    await connected(rig)
    await eventually(async () => (await rig.connections()) === 1)
  },

  async 'stores the owner of the data, if it returns one'(rig) {
    if (!rig.transport.owner) return
    await connected(rig)
    await rig.transport.disconnect('ended')
    expectEqual(await rig.transport.owner(), rig.principal)
  },

  async 'does not connect another user to kept data without a handover, and has no connection then'(rig) {
    const { transport, other, connections } = rig
    if (!other) return
    await connected(rig)
    await transport.disconnect('ended')
    const connection = recordConnection(other.principal)
    const error: unknown = await Promise.resolve(transport.connect(await other.token(), connection)).catch((e) => e)
    expectEqual(isLatchkeyError(error, 'PRINCIPAL_MISMATCH'), true)
    expectEqual(connection.reports.length, 0)
    await eventually(async () => (await connections()) === 0)
  },

  async 'connects another user after the handover, and asks no second time'(rig) {
    const { transport, principal, other } = rig
    if (!other) return
    await connected(rig)
    await transport.disconnect('ended')
    const froms: string[] = []
    for (let round = 0; round < 2; round++) {
      const connection = recordConnection(other.principal, async (from) => {
        froms.push(from)
        await transport.clear?.()
        await transport.assign?.(other.principal)
      })
      await transport.connect(await other.token(), connection)
      expectEqual(await connection.first, 'accepted')
      await transport.disconnect('ended')
    }
    expectEqual(froms.join(), principal)
  },
}

/** Waits for a condition that depends on the network. */
async function eventually(check: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await check())) await new Promise((resolve) => setTimeout(resolve, 1))
}

function expectEqual(actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`expected ${String(expected)}, got ${String(actual)}`)
}
