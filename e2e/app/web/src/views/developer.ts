import { announce, part } from '../dom.ts'

/** @returns what opens Latchkey's panel for developers; it leaves the page when it is closed */
export function createDeveloperPanel(): () => void {
  const panel = document.createElement('latchkey-devtools')
  const leave = (): void => {
    panel.remove()
    part('account-menu').focus()
  }
  panel.addEventListener('toggle', () => {
    if (!panel.open) leave()
  })
  panel.addEventListener('load', () => panel.focus())
  panel.addEventListener('error', () => {
    announce('The developer panel could not be loaded. Try again when the network is back.')
    panel.remove()
  })
  return () => {
    panel.open = true
    document.body.append(panel)
  }
}
