/** Where the panel is: in the corner, or along an edge of the window. */
export const DOCKS = ['corner', 'left', 'right', 'bottom'] as const

/** One of {@link DOCKS}. */
export type Dock = (typeof DOCKS)[number]

/** What the panel remembers in this browser, for each origin. */
export interface Preferences {
  readonly dock: Dock
  /** Width, or height at the bottom, in pixels; null for the default. */
  readonly size: number | null
  /** Index of the view. */
  readonly view: number
}

const KEY = 'latchkey-devtools'
const DEFAULTS: Preferences = { dock: 'corner', size: null, view: 0 }

/** Reads them. Anything that makes no sense counts as the default. */
export function readPreferences(): Preferences {
  try {
    const { dock, size, view } = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Preferences>
    return {
      dock: DOCKS.find((known) => known === dock) ?? DEFAULTS.dock,
      size: Number.isFinite(size) ? size! : DEFAULTS.size,
      view: Number.isInteger(view) ? view! : DEFAULTS.view,
    }
  } catch {
    return DEFAULTS
  }
}

/** Stores them, if the browser lets the site store anything. */
export function savePreferences(preferences: Preferences): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences))
  } catch {
    // They hold until the page is closed.
  }
}
