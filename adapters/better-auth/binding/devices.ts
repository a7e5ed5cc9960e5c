import { sidOf } from './session-id.ts'
import { isImpersonated } from './session-origin.ts'
import type { SessionRow } from './sessions.ts'
import { describeUserAgent } from './user-agent.ts'

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

/** Groups sessions by installation. An admin who impersonates the user is not one of the user's devices. */
export async function groupDevices(sessions: readonly SessionRow[]): Promise<readonly Device[]> {
  const groups = new Map<string, SessionRow[]>()
  for (const session of sessions) {
    if (isImpersonated(session)) continue
    const id = session.deviceTag ?? (await sidOf(session.id))
    groups.set(id, [...(groups.get(id) ?? []), session])
  }
  return [...groups].map(([id, group]) => ({ id, sessions: group }))
}

/** @param currentId - the id of the session that asks */
export async function describeDevice(
  { id, sessions }: Device,
  devices: readonly Device[],
  currentId: string,
): Promise<DeviceAnswer> {
  const { name, platform } = describeUserAgent(sessions[0]!.userAgent)
  const time = (date: Date): number => new Date(date).getTime()
  const approver = sessions.find(({ pairedBy }) => pairedBy != null)?.pairedBy
  return {
    id,
    name: sessions.find(({ deviceName }) => deviceName != null)?.deviceName ?? name,
    platform,
    createdAt: Math.min(...sessions.map(({ createdAt }) => time(createdAt))),
    lastSeenAt: Math.max(...sessions.map(({ updatedAt }) => time(updatedAt))),
    isCurrent: hasSession(sessions, currentId),
    approvedBy: approver == null ? null : (ownerOf(devices, approver) ?? (await sidOf(approver))),
  }
}

function ownerOf(devices: readonly Device[], sessionId: string): string | undefined {
  return devices.find(({ sessions }) => hasSession(sessions, sessionId))?.id
}

/** Returns true if a session is among these. */
export function hasSession(sessions: readonly SessionRow[], sessionId: string): boolean {
  return sessions.some(({ id }) => id === sessionId)
}

/**
 * Returns the devices that some sessions approved by pairing, directly or through others.
 *
 * @param approvers - ids of sessions, which may have ended
 */
export function letInBy(devices: readonly Device[], approvers: readonly string[]): readonly Device[] {
  const ids = new Set(approvers)
  const found = new Set<Device>()
  // A set that grows while it is read: each device found may have approved others.
  for (const id of ids) {
    for (const device of devices) {
      if (found.has(device) || !device.sessions.some(({ pairedBy }) => pairedBy === id)) continue
      found.add(device)
      for (const session of device.sessions) ids.add(session.id)
    }
  }
  return [...found]
}
