import type { Locator, Page } from '@playwright/test'

/** The developer panel of a page. */
export interface Panel {
  readonly element: Locator
  /** The button that opens and closes it. */
  readonly header: Locator
  readonly offline: Locator
  readonly instances: Locator
  readonly events: Locator
  /** The phase that is lit. */
  readonly present: Locator
  /** The way that was taken last. */
  readonly taken: Locator
  fact(name: string): Locator
  skew(label: string): Locator
}

/** Playwright looks into open shadow roots by itself. */
export function panelOf(page: Page): Panel {
  const element = page.locator('latchkey-devtools')
  return {
    element,
    header: element.getByRole('button', { name: 'Latchkey developer panel' }),
    offline: element.getByRole('switch', { name: 'Offline' }),
    instances: element.getByRole('combobox', { name: 'Instance' }),
    events: element.getByRole('region', { name: 'Last events' }).getByRole('listitem'),
    present: element.locator('.phase[data-is="present"]'),
    taken: element.locator('.edge[data-is="taken"]'),
    fact: (name) => element.locator(`[data-fact="${name}"] dd`),
    skew: (label) => element.getByRole('radio', { name: label, exact: true }),
  }
}

/** Everything that somebody could read out of the panel: markup, attributes, what fields hold. */
export function readAll(page: Page): Promise<string> {
  return page.locator('latchkey-devtools').evaluate((host) => {
    const texts: string[] = [host.outerHTML]
    const read = (root: ParentNode): void => {
      for (const element of root.querySelectorAll('*')) {
        texts.push(element.textContent, ...Array.from(element.attributes, ({ value }) => value))
        if ('value' in element) texts.push(String(element.value))
        if (element.shadowRoot) read(element.shadowRoot)
      }
    }
    read(host.shadowRoot!)
    return texts.join('\n')
  })
}
