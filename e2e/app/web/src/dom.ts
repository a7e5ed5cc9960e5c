/** Returns the part of the page with this name. Each name occurs once in index.html. */
export function part<Kind extends HTMLElement = HTMLElement>(name: string): Kind {
  return first<Kind>(document, `[data-testid="${name}"]`)
}

export function first<Kind extends Element = HTMLElement>(within: ParentNode, selector: string): Kind {
  const found = within.querySelector<Kind>(selector)
  if (!found) throw new TypeError(`the page has no ${selector}`)
  return found
}

/** Changes the page only if the text differs: screen readers announce every change of a live region. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

export function setHidden(element: HTMLElement, hidden: boolean): void {
  if (element.hidden !== hidden) element.hidden = hidden
}

export function onClick(name: string, act: () => unknown): void {
  part(name).addEventListener('click', () => void act())
}

/** Escape during a request would hide its outcome. */
export function keepOpenWhileBusy(dialog: HTMLDialogElement): void {
  dialog.addEventListener('cancel', (event) => {
    if (dialog.hasAttribute('data-busy')) event.preventDefault()
  })
}

/** Announces a text to screen readers. */
export function announce(text: string): void {
  setText(part('announcement'), text)
}

/** Matches phones, where list and note are two views. */
export const narrow: MediaQueryList = matchMedia('(max-width: 719px)')

/** Orders the rows, and moves only those in the wrong place: a row that moves loses the focus. */
export function arrange(list: HTMLElement, rows: readonly HTMLElement[]): void {
  const focused = document.activeElement
  const kept = new Set<Element>(rows)
  for (const row of [...list.children]) if (!kept.has(row)) row.remove()
  rows.forEach((row, place) => {
    if (list.children[place] !== row) list.insertBefore(row, list.children[place] ?? null)
  })
  if (focused instanceof HTMLElement && focused !== document.activeElement && list.contains(focused)) focused.focus()
}
