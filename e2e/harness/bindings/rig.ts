import type { AuthState } from 'latchkey'
import type { BackupsAuth, DevicesAuth, ReadableAuth, UpgradableAuth } from 'latchkey/react'

/** One component: what it follows, and how it shows it. */
export interface Part {
  readonly id: string
  readonly auth: ReadableAuth & UpgradableAuth & DevicesAuth & BackupsAuth
  /** `field`: a selector that reads the component's own state, of the framework's kind. */
  readonly use: 'auth' | 'upgrade' | 'devices' | 'backups' | 'field'
  readonly select?: (state: AuthState) => unknown
  /** Called at each rendering. */
  readonly show: (value: never) => string
  /** True: an element more is in the page. Some frameworks say nothing of another text while they hydrate. */
  readonly isMarked?: (value: never) => boolean
  /** Hands out what changes the component's own state of a `field`. */
  readonly expose?: (change: (field: keyof AuthState) => void) => void
}

/** What is mounted in a page. */
export interface Mounted {
  /** Waits until the framework has rendered what is pending. */
  settle(): Promise<void>
  unmount(): void
}

/** How one framework mounts components, each in an error boundary. */
export interface BindingRig {
  readonly name: string
  /** How often a component renders for one change. */
  readonly renders: number
  /** False: an error stops the rendering of what follows in the page. */
  readonly hasErrorBoundaries: boolean
  mount(target: Element, parts: readonly Part[], onError: (error: unknown) => void): Mounted
  /** Takes over what the server rendered. */
  hydrate(target: Element, parts: readonly Part[]): Mounted
}
