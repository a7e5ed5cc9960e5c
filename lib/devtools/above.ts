/** Events of the pointer that must not reach a dialog, which may close on a click outside its frame. */
const POINTER_EVENTS = ['click', 'pointerdown', 'pointerup', 'mousedown', 'mouseup', 'touchstart', 'touchend']

/**
 * Keeps the panel usable while the app shows a modal dialog: everything outside the topmost one is inert, even in the
 * top layer. So the panel moves into the dialog, as a popover, and back afterwards.
 *
 * @param home - where the panel is otherwise
 * @param signal - moves it back for good
 */
export function stayAbove(home: ShadowRoot, panel: HTMLElement, signal: AbortSignal): void {
  let modals: readonly HTMLDialogElement[] = []
  const carrier = createCarrier(home)

  function move(): void {
    modals = [...new Set([...modals, ...document.querySelectorAll<HTMLDialogElement>('dialog:modal')])].filter(isModal)
    const topmost = signal.aborted ? undefined : modals.at(-1)
    carrier.toggleAttribute('open', home.host.hasAttribute('open'))
    if (topmost ? carrier.parentNode === topmost : panel.parentNode === home) return
    if (!topmost) {
      home.append(panel)
      carrier.remove()
      return
    }
    topmost.append(carrier)
    carrier.shadowRoot!.append(panel)
    carrier.showPopover?.()
  }

  const observer = new MutationObserver(move)
  observer.observe(document, { subtree: true, childList: true, attributeFilter: ['open'] })
  // A dialog inside a shadow root is not observed; but it takes the focus.
  document.addEventListener(
    'focusin',
    (event) => {
      const inside = event.composedPath().filter((node) => node instanceof HTMLDialogElement && isModal(node))
      modals = [...modals, ...(inside as HTMLDialogElement[]).reverse()]
      if (inside.length) move()
    },
    { signal, capture: true },
  )
  home.host.addEventListener('toggle', move, { signal })
  signal.addEventListener('abort', () => {
    observer.disconnect()
    move()
  })
  move()
}

const isModal = (dialog: HTMLDialogElement): boolean => dialog.isConnected && dialog.matches(':modal')

function createCarrier(home: ShadowRoot): HTMLElement {
  const carrier = document.createElement('div')
  carrier.dataset['latchkeyDevtools'] = ''
  carrier.popover = 'manual'
  carrier.attachShadow({ mode: 'open' }).adoptedStyleSheets = home.adoptedStyleSheets
  for (const type of POINTER_EVENTS) carrier.addEventListener(type, (event) => event.stopPropagation())
  return carrier
}
