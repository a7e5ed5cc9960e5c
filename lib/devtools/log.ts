import type { SeenRequest } from './network.ts'
import type { Observed, SeenEvent } from './observe.ts'
import { spanLabel } from './labels.ts'

/** How many requests and notes are kept. */
const KEPT_ENTRIES = 100

/** Something that the panel did or noticed, which is no event of the machine. */
export interface Note {
  readonly kind: 'note'
  readonly tick: number
  readonly name: string
  readonly detail: string
  /** The instance that it is about. */
  readonly observed: Observed
}

/** An entry of the timeline. */
export type Entry = (SeenEvent & { readonly kind?: undefined }) | SeenRequest | Note

/** Requests and notes, newest first. */
export interface Log {
  readonly requests: readonly SeenRequest[]
  readonly notes: readonly Note[]
  addRequest(request: SeenRequest): void
  /** Records what the panel did. */
  note(observed: Observed, name: string, detail?: string): void
  /** Records a correction of the clock, which is no event: only the instance's timing shows it. */
  watchClock(observed: Observed): void
  /** Everything about one instance, newest first. */
  entriesOf(observed: Observed): readonly Entry[]
}

/** Creates an empty log. */
export function createLog(): Log {
  const requests: SeenRequest[] = []
  const notes: Note[] = []
  const skews = new WeakMap<Observed, number>()
  const keep = <Item>(items: Item[], item: Item): void => {
    items.unshift(item)
    items.length = Math.min(items.length, KEPT_ENTRIES)
  }
  const log: Log = {
    requests,
    notes,
    addRequest: (request) => keep(requests, request),
    note: (observed, name, detail = '') =>
      keep(notes, { kind: 'note', tick: performance.now(), name, detail, observed }),
    watchClock(observed) {
      const { skew } = observed.instance.timing
      const known = skews.get(observed) ?? 0
      skews.set(observed, skew)
      // The panel itself sets it to 0 with each wrong clock.
      if (skew !== known && skew !== 0) log.note(observed, 'clockCorrected', signed(skew))
    },
    entriesOf: (observed) =>
      [...observed.events, ...requests, ...notes.filter((note) => note.observed === observed)].sort(
        (one, other) => other.tick - one.tick,
      ),
  }
  return log
}

/** A span of time with its sign. */
export function signed(span: number): string {
  return `${span < 0 ? '−' : '+'}${spanLabel(span)}`
}
