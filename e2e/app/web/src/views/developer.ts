import { part } from '../dom.ts'
import { tell } from '../tell.ts'

/** @returns a function that opens Latchkey's developer panel; it is removed from the page when closed */
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
    tell('The developer panel could not be loaded. Reload the page once the network is back.')
    panel.remove()
  })
  return () => {
    panel.open = true
    document.body.append(panel)
  }
}
