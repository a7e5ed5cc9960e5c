import { shownJson } from './hidden.ts'

type Attributes = Readonly<Record<string, string>>

/** Creates an element. No text is parsed as HTML, so it cannot inject scripts or styles. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  made.append(...children)
  return made
}

/** The same for an SVG element. */
export function drawn<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): SVGElementTagNameMap[Tag] {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  made.append(...children)
  return made
}

/** Changes the page only if the text differs. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text
}

/** Sets an attribute, or removes it for null. Changes the page only if the value differs. */
export function setAttribute(target: Element, name: string, value: string | null): void {
  if (target.getAttribute(name) === value) return
  if (value === null) target.removeAttribute(name)
  else target.setAttribute(name, value)
}

/** Creates a button. */
export function button(label: string, onClick: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const made = element('button', { type: 'button', class: 'button', ...attributes }, label)
  made.addEventListener('click', onClick)
  return made
}

/** Creates a link to a page of the documentation, which opens in a tab of its own. */
export function docsLink(page: string, label: string): HTMLAnchorElement {
  return element('a', { href: `${DOCS}${page}`, target: '_blank', rel: 'noopener' }, label)
}

const DOCS = 'https://github.com/latchkey-id/latchkey/blob/main/docs/'

/** The place of an error code in the documentation. */
export function errorPage(code: string): string {
  return `errors.md#${code.toLowerCase()}`
}

/** Creates a region that the keyboard can scroll, with a value as JSON. */
export function jsonBlock(label: string, value: unknown): HTMLElement {
  return element('pre', { tabindex: '0', role: 'region', 'aria-label': label }, shownJson(value))
}

/**
 * Creates a button that copies a value as JSON.
 *
 * @param say - tells whether it worked
 */
export function copyButton(label: string, read: () => unknown, say: (message: string) => void): HTMLButtonElement {
  const made = button(label, () => void copy())
  const copy = async (): Promise<void> => {
    const value = read()
    try {
      await navigator.clipboard.writeText(typeof value === 'string' ? value : shownJson(value))
      say(`${label}: copied`)
      made.textContent = 'Copied'
    } catch {
      say(`${label}: the browser does not allow it`)
      made.textContent = 'Not allowed'
    }
  }
  made.addEventListener('blur', () => (made.textContent = label))
  made.addEventListener('pointerleave', () => (made.textContent = label))
  return made
}
