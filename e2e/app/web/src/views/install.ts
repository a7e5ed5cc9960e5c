import { onClick, part, setHidden, setText } from '../dom.ts'
import type { View } from '../app.ts'

/** Chromium's event, which no standard describes. */
interface InstallEvent extends Event {
  prompt(): Promise<unknown>
}

/** An installed app keeps its data longer. Offers the browser's prompt, or says how where there is none. */
export function createInstall(onChange: () => void): View {
  const button = part('install')
  let offered: InstallEvent | undefined
  addEventListener('beforeinstallprompt', (event) => {
    event.preventDefault()
    offered = event as InstallEvent
    onChange()
  })
  addEventListener('appinstalled', () => {
    offered = undefined
    onChange()
  })
  onClick('install', async () => {
    await offered?.prompt()
    offered = undefined
    onChange()
  })

  return {
    render() {
      setHidden(button, !offered)
      setText(part('install-words'), installWords())
    },
  }
}

/** Only Safari has `navigator.standalone`: a tab there and the installed app have separate storage. */
function installWords(): string {
  const { standalone } = navigator as { standalone?: boolean }
  if (standalone === false) return 'To keep your notes longer: Share, then “Add to Home Screen”. Back up first.'
  return standalone ? 'Did you write notes in Safari before? Bring them here with “I have it elsewhere”.' : ''
}
