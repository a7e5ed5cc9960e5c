import { describeUserAgent } from '../../../lib/server-kit.ts'
import { sidOf } from './session-id.ts'
import { isImpersonated } from './session-origin.ts'
import type { SessionRow } from './sessions.ts'

/** One device of an account: the sessions of one installation. Times are milliseconds since 1970. */
export interface DeviceAnswer {
  /** The sessions' tag, or the `sid` of the only session: identifies the device, and gives no access. */
  readonly id: string
  /** As the user named it, or from the user agent; plain text of at most 40 characters. */
  readonly name: string
  /** From the user agent, such as `Android`; null if it is unknown. */
  readonly platform: string | null
  readonly createdAt: number
  /** When Better Auth last extended one of the sessions; behind by at most `session.updateAge`, a day by default. */
  readonly lastSeenAt: number
  /** True for the device that asks. */
  readonly isCurrent: boolean
  /** Id of the device that approved this one by pairing, even if it is no longer in the list. Null if there is none. */
  readonly approvedBy: string | null
}

/** The live sessions of one installation, the latest first. */
export interface Device {
  readonly id: string
  readonly sessions: readonly SessionRow[]
}

/** Returns the id of a session's device. */
export async function deviceIdOf({ id, deviceTag }: Pick<SessionRow, 'id' | 'deviceTag'>): Promise<string> {
  return deviceTag ?? sidOf(id)
}

/** Groups sessions by installation. An admin who impersonates the user is not one of the user's devices. */
export async function groupDevices(sessions: readonly SessionRow[]): Promise<readonly Device[]> {
  const groups = new Map<string, SessionRow[]>()
  for (const session of sessions) {
    if (isImpersonated(session)) continue
    const id = await deviceIdOf(session)
    groups.set(id, [...(groups.get(id) ?? []), session])
  }
  return [...groups].map(([id, group]) => ({ id, sessions: group }))
}

/** @param currentId - the id of the session that asks */
export function describeDevice({ id, sessions }: Device, currentId: string): DeviceAnswer {
  const { name, platform } = describeUserAgent(sessions[0]!.userAgent)
  const time = (date: Date): number => new Date(date).getTime()
  return {
    id,
    name: sessions.find(({ deviceName }) => deviceName != null)?.deviceName ?? name,
    platform,
    createdAt: Math.min(...sessions.map(({ createdAt }) => time(createdAt))),
    lastSeenAt: Math.max(...sessions.map(({ updatedAt }) => time(updatedAt))),
    isCurrent: hasSession(sessions, currentId),
    approvedBy: sessions.find(({ pairedByDevice }) => pairedByDevice != null)?.pairedByDevice ?? null,
  }
}

/** Returns true if a session is among these. */
export function hasSession(sessions: readonly SessionRow[], sessionId: string): boolean {
  return sessions.some(({ id }) => id === sessionId)
}

/**
 * Returns the sessions of the devices that some devices approved by pairing, directly or through others. The device
 * that asks loses only the sessions that were approved: its user has signed in there since.
 *
 * @param approvers - ids of devices, which may have ended; the devices that are found are added
 * @param currentId - the id of the session that asks
 */
export function letInBy(devices: readonly Device[], approvers: Set<string>, currentId: string): readonly SessionRow[] {
  const found = new Set<SessionRow>()
  // A set that grows while it is read: each device found may have approved others.
  for (const approver of approvers) {
    for (const { id, sessions } of devices) {
      const letIn = sessions.filter(({ pairedByDevice }) => pairedByDevice === approver)
      if (letIn.length === 0) continue
      const isCurrent = hasSession(sessions, currentId)
      if (!isCurrent) approvers.add(id)
      for (const session of isCurrent ? letIn : sessions) found.add(session)
    }
  }
  return [...found]
}
