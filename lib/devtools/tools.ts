import type { DevtoolsControls } from '../client/shared/devtools.ts'
import type { Log } from './log.ts'
import type { Network } from './network.ts'
import type { Observed } from './observe.ts'

/** What the parts of the panel share. */
export interface Tools {
  readonly log: Log
  readonly network: Network
  /** Returns the controls of an instance; undefined until they have loaded, which the first call begins. */
  controlsOf(observed: Observed): DevtoolsControls | undefined
  /** Says something to screen readers. */
  say(message: string): void
  /** Shows what has changed. */
  render(): void
}

/**
 * Loads controls on request. A failed load is tried again at the next request.
 *
 * @param onLoad - called when controls have loaded
 */
export function controlLoader(onLoad: () => void): Tools['controlsOf'] {
  const known = new WeakMap<Observed, DevtoolsControls | 'loading'>()
  return (observed) => {
    const found = known.get(observed)
    if (!found && observed.load) {
      known.set(observed, 'loading')
      observed.load().then(
        (controls) => {
          known.set(observed, controls)
          onLoad()
        },
        () => known.delete(observed),
      )
    }
    return found === 'loading' ? undefined : found
  }
}
