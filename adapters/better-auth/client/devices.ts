import {
  type AccountDevice,
  type AccountDevices,
  type DeviceRevocation,
  LatchkeyError,
  isLatchkeyError,
} from '../../../lib/index.ts'
import { type Fetch, READ, ask, foreign } from './requests.ts'

/** The devices of an account, as the endpoints of the plugin list, name and revoke them. */
export function accountDevices(fetch: Fetch): AccountDevices {
  const post = (act: string, body: object, signal: AbortSignal | undefined): Promise<unknown> =>
    ask(fetch, `/latchkey/devices/${act}`, { body, redirect: 'manual', signal }).catch(rethrow)
  return {
    async list({ accountId, signal }) {
      const query = new URLSearchParams({ accountId }).toString()
      const answer = await ask(fetch, `/latchkey/devices?${query}`, { ...READ, signal }).catch(rethrow)
      const { devices } = (answer ?? {}) as { readonly devices?: unknown }
      if (!Array.isArray(devices) || !devices.every(isDevice)) throw foreign()
      return devices
    },
    async rename(id, name, { accountId, signal }) {
      const answer = await post('rename', { id, name, accountId }, signal)
      if ((answer as { readonly status?: unknown } | null)?.status !== true) throw foreign()
    },
    revoke: async (id, { andThoseItLetIn, accountId, signal }) =>
      revoked(await post('revoke', { id, andThoseItLetIn, accountId }, signal)),
    revokeOthers: async ({ accountId, signal }) => revoked(await post('revoke-others', { accountId }, signal)),
  }
}

/** The app has to let the user sign in again: it needs the server's own code. */
function rethrow(error: unknown): never {
  const { cause } = error as { readonly cause?: { readonly code?: unknown } }
  const isStale = isLatchkeyError(error, 'PROVIDER_REFUSED') && cause?.code === 'SESSION_NOT_FRESH'
  throw isStale ? new LatchkeyError('SESSION_NOT_FRESH', undefined, cause) : error
}

function isDevice(device: unknown): device is AccountDevice {
  const { id, name, isCurrent } = (device ?? {}) as Partial<AccountDevice>
  return typeof id === 'string' && typeof name === 'string' && typeof isCurrent === 'boolean'
}

function revoked(answer: unknown): DeviceRevocation {
  const { sessions, keys } = (answer ?? {}) as Partial<DeviceRevocation>
  if (typeof sessions !== 'number' || typeof keys !== 'string') throw foreign()
  return { sessions, keys }
}
