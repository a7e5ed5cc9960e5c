/** The part of the page with this name; each is there once, in index.html. */
export function part<Kind extends HTMLElement = HTMLElement>(name: string): Kind {
  return first<Kind>(document, `[data-testid="${name}"]`)
}

export function first<Kind extends Element = HTMLElement>(within: ParentNode, selector: string): Kind {
  const found = within.querySelector<Kind>(selector)
  if (!found) throw new TypeError(`the page has no ${selector}`)
  return found
}

/** Touches the page only where something changes: screen readers speak every change of a live region. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

export function setHidden(element: HTMLElement, hidden: boolean): void {
  if (element.hidden !== hidden) element.hidden = hidden
}

export function onClick(name: string, act: () => unknown): void {
  part(name).addEventListener('click', () => void act())
}

/** Says something to those who cannot see it happen. */
export function announce(text: string): void {
  setText(part('announcement'), text)
}

/** A phone: list and note are two views there. */
export const narrow: MediaQueryList = matchMedia('(max-width: 719px)')
