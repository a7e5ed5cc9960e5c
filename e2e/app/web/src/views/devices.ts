import type { AccountDevice, Auth } from 'latchkey'
import { arrange, onClick, part, setText } from '../dom.ts'
import { tell } from '../tell.ts'
import { briefTime } from '../time.ts'
import { attempt } from './attempt.ts'

/** The devices of the account: rename one, or sign one out. @returns a function that opens the dialog */
export function createDevicesDialog(auth: Auth): () => Promise<void> {
  const dialog = part<HTMLDialogElement>('devices-dialog')
  const list = part<HTMLUListElement>('devices-list')
  const status = part('devices-status')
  const rows = new Map<string, Row>()

  async function run(act: () => Promise<unknown>, done = ''): Promise<void> {
    const all = async (): Promise<void> => {
      await act()
      await load()
      // A message of the page is not announced while a dialog is open.
      if (dialog.open) setText(status, done)
      else if (done) tell(done)
    }
    setText(status, '')
    await attempt('devices', all, (code) => FAILURES[code] ?? 'That did not work, and nothing has changed.')
  }

  /** A name that is being typed stays, with the focus. */
  async function load(): Promise<void> {
    const devices = [...(await auth.devices())].sort((a, b) => b.lastSeenAt - a.lastSeenAt)
    const hadFocus = list.contains(document.activeElement)
    const elements = devices.map((device) => {
      const row = rows.get(device.id) ?? createRow(device, acts)
      rows.set(device.id, row)
      fillRow(row, device, devices)
      return row.element
    })
    arrange(list, elements)
    for (const id of [...rows.keys()]) if (!devices.some((device) => device.id === id)) rows.delete(id)
    part<HTMLButtonElement>('devices-others').disabled = devices.length < 2
    // The row of a device that was signed out is gone.
    if (hadFocus && !list.contains(document.activeElement)) part('devices-heading').focus()
  }

  const acts: DeviceActs = {
    rename: (id, name) => run(() => auth.renameDevice(id, name), 'Renamed.'),
    revoke: (id) => run(() => auth.revokeDevice(id), 'Signed out there.'),
  }
  onClick('devices-others', () => run(() => auth.revokeOtherDevices(), 'Signed out everywhere else.'))
  onClick('devices-close', () => dialog.close())
  dialog.addEventListener('close', () => part('account-menu').focus())

  return async () => {
    rows.clear()
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

/** One device in the list. */
interface Row {
  readonly element: HTMLLIElement
  readonly name: HTMLInputElement
  readonly facts: HTMLElement
  readonly revoke: HTMLButtonElement
  /** Its name at the server. */
  known: string
}

function createRow({ id, name, isCurrent }: AccountDevice, acts: DeviceActs): Row {
  const row: Row = {
    element: document.createElement('li'),
    name: Object.assign(document.createElement('input'), { value: name, maxLength: 40 }),
    facts: Object.assign(document.createElement('p'), { className: 'hint' }),
    revoke: Object.assign(document.createElement('button'), {
      type: 'button',
      className: 'button small',
      textContent: 'Sign out',
    }),
    known: name,
  }
  row.name.addEventListener('change', () => void acts.rename(id, row.name.value.trim() || row.known))
  row.revoke.addEventListener('click', () => void acts.revoke(id))
  row.element.append(row.name, row.facts)
  if (!isCurrent) row.element.append(row.revoke)
  return row
}

function fillRow(row: Row, device: AccountDevice, all: readonly AccountDevice[]): void {
  const isTyping = document.activeElement === row.name && row.name.value.trim() !== ''
  if (!isTyping) row.name.value = device.name
  row.known = device.name
  row.name.setAttribute('aria-label', `Name of ${device.name}`)
  row.revoke.setAttribute('aria-label', `Sign out ${device.name}`)
  setText(row.facts, factsOf(device, all))
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
