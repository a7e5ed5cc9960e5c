import { element } from './dom.ts'
import type { Switch } from './section.ts'
import type { Tools } from './tools.ts'

/** Creates a switch that simulates a missing network. */
export function createOfflineSwitch({ network, render }: Pick<Tools, 'network' | 'render'>): Switch {
  return createNetworkSwitch('Offline', 'fetch fails as if offline', 'offline', {
    read: () => network.isCut,
    write: (isOn) => network.cut(isOn),
    render,
  })
}

/** Creates a switch that keeps cookies from the servers, as a browser without them does. */
export function createCookieSwitch({ network, render }: Pick<Tools, 'network' | 'render'>): Switch {
  return createNetworkSwitch('No cookies', 'fetch sends and keeps none', 'no cookies', {
    read: () => !network.hasCookies,
    write: (isOn) => (network.hasCookies = !isOn),
    render,
  })
}

interface Setting {
  read(): boolean
  write(isOn: boolean): void
  /** Called when it was switched. */
  render(): void
}

function createNetworkSwitch(label: string, hint: string, summary: string, { read, write, render }: Setting): Switch {
  const box = element('input', { type: 'checkbox', role: 'switch', 'aria-label': label })
  box.addEventListener('change', () => {
    write(box.checked)
    render()
  })
  return {
    element: element('label', { class: 'switch' }, element('span', {}, label), element('small', {}, hint), box),
    render: () => void (box.checked = read()),
    summary: () => (read() ? summary : ''),
    reset: () => write(false),
  }
}
