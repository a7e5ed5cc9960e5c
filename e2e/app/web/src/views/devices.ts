import type { AccountDevice, Auth } from 'latchkey'
import { onClick, part } from '../dom.ts'
import { tell } from '../tell.ts'
import { briefTime } from '../time.ts'
import { attempt } from './attempt.ts'

/** The devices of the account: rename one, or sign one out. @returns a function that opens the dialog */
export function createDevicesDialog(auth: Auth): () => Promise<void> {
  const dialog = part<HTMLDialogElement>('devices-dialog')
  const list = part<HTMLUListElement>('devices-list')

  async function run(act: () => Promise<unknown>, done?: string): Promise<void> {
    const all = async (): Promise<void> => {
      await act()
      await load()
      if (done) tell(done)
    }
    await attempt('devices', all, (code) => FAILURES[code] ?? 'That did not work, and nothing has changed.')
  }

  async function load(): Promise<void> {
    const devices = [...(await auth.devices())].sort((a, b) => b.lastSeenAt - a.lastSeenAt)
    list.replaceChildren(...devices.map((device) => rowOf(device, devices, acts)))
    part<HTMLButtonElement>('devices-others').disabled = devices.length < 2
  }

  const acts: DeviceActs = {
    rename: (id, name) => run(() => auth.renameDevice(id, name), 'Renamed.'),
    revoke: (id) => run(() => auth.revokeDevice(id), 'Signed out there.'),
  }
  onClick('devices-others', () => run(() => auth.revokeOtherDevices(), 'Signed out everywhere else.'))
  onClick('devices-close', () => dialog.close())
  dialog.addEventListener('close', () => part('account-menu').focus())

  return async () => {
    list.replaceChildren()
    dialog.showModal()
    part('devices-heading').focus()
    await run(async () => {})
  }
}

interface DeviceActs {
  rename(id: string, name: string): Promise<void>
  revoke(id: string): Promise<void>
}

function rowOf(device: AccountDevice, all: readonly AccountDevice[], { rename, revoke }: DeviceActs): HTMLLIElement {
  const row = document.createElement('li')
  const name = Object.assign(document.createElement('input'), { value: device.name, maxLength: 40 })
  name.setAttribute('aria-label', `Name of ${device.name}`)
  name.addEventListener('change', () => void rename(device.id, name.value.trim() || device.name))
  const facts = Object.assign(document.createElement('p'), { className: 'hint', textContent: factsOf(device, all) })
  row.append(name, facts)
  if (!device.isCurrent) row.append(revokeButton(device, revoke))
  return row
}

function revokeButton({ id, name }: AccountDevice, revoke: DeviceActs['revoke']): HTMLButtonElement {
  const button = Object.assign(document.createElement('button'), {
    type: 'button',
    className: 'button small',
    textContent: 'Sign out',
  })
  button.setAttribute('aria-label', `Sign out ${name}`)
  button.addEventListener('click', () => void revoke(id))
  return button
}

function factsOf(
  { isCurrent, lastSeenAt, approvedBy, platform }: AccountDevice,
  all: readonly AccountDevice[],
): string {
  const approver = all.find(({ id }) => id === approvedBy)
  return [
    isCurrent ? 'This device' : `Last seen ${briefTime(lastSeenAt)}`,
    platform,
    approvedBy && `approved by ${approver?.name ?? 'a device that is gone'}`,
  ]
    .filter(Boolean)
    .join(' · ')
}

const FAILURES: Readonly<Partial<Record<string, string>>> = {
  SESSION_NOT_FRESH: 'You signed in too long ago for this. Sign out, sign in again and try once more.',
  SESSION_PAIRED: 'Another device approved this one. Sign in here first.',
  DEVICE_UNKNOWN: 'That device was signed out already.',
  OFFLINE: 'The server cannot be reached. Nothing has changed.',
}
