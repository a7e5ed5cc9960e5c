import type { Locator, Page } from '@playwright/test'

/** The developer panel of a page. */
export interface Panel {
  readonly element: Locator
  /** What it shows: inside the element, or inside the app's topmost modal dialog. */
  readonly inner: Locator
  /** The button that opens and closes it. */
  readonly header: Locator
  readonly offline: Locator
  readonly instances: Locator
  /** Events of the machine, newest first; in the view Timeline. */
  readonly events: Locator
  readonly requests: Locator
  /** What was done in the panel. */
  readonly notes: Locator
  /** Selects a view. */
  show(view: 'State' | 'Timeline' | 'Tokens' | 'Storage' | 'Acts'): Promise<void>
  /** Presses a button under Acts. */
  act(name: string): Promise<void>
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
  const inner = page.getByRole('complementary', { name: 'Latchkey developer panel' })
  const show: Panel['show'] = (view) => inner.getByRole('tab', { name: view }).click()
  return {
    element,
    inner,
    header: inner.getByRole('button', { name: 'Latchkey developer panel' }),
    offline: inner.getByRole('switch', { name: 'Offline' }),
    instances: inner.getByRole('combobox', { name: 'Instance' }),
    events: inner.locator('li:is([data-kind="event"], [data-kind="ignored"])'),
    requests: inner.locator('li[data-kind="request"]'),
    notes: inner.locator('li[data-kind="note"]'),
    present: inner.locator('.phase[data-is="present"]'),
    taken: inner.locator('.edge[data-is="taken"]'),
    fact: (name) => inner.locator(`[data-fact="${name}"] dd`),
    skew: (label) => inner.getByRole('radio', { name: label, exact: true }),
    show,
    async act(name) {
      await show('Acts')
      await inner.getByRole('button', { name, exact: true }).click()
    },
  }
}

/** Opens every row of the timeline. */
export async function openRows({ show, inner }: Panel): Promise<void> {
  await show('Timeline')
  await inner.locator('li > details').evaluateAll((rows) => rows.forEach((row) => row.setAttribute('open', '')))
}

/** Everything that can be read out of the panel: markup, attributes, what fields hold. */
export function readAll(page: Page): Promise<string> {
  return panelOf(page).inner.evaluate((panel) => {
    const { host } = panel.getRootNode() as ShadowRoot
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
