import type { LatchkeyErrorCode } from '../errors.ts'
import type { AuthMode } from '../machine/state.ts'
import type { Resolution, SessionSource } from './types.ts'

/** The outcome of one request, for logs and metrics. It holds no secrets and no text from the request. */
export type Outcome =
  | { readonly ok: true; readonly source: SessionSource; readonly authMode: AuthMode }
  | { readonly ok: false; readonly source: SessionSource; readonly reason: LatchkeyErrorCode }

/** Number of requests by outcome since the start. */
export interface OutcomeCounts {
  readonly accepted: Readonly<Partial<Record<SessionSource, number>>>
  readonly refused: Readonly<Partial<Record<LatchkeyErrorCode, number>>>
}

/** Counts outcomes. Made by {@link createOutcomeCounter}. */
export interface OutcomeCounter {
  /** Pass it as `onOutcome`. */
  readonly count: (outcome: Outcome) => void
  /** Returns a copy of the current counts. */
  readonly counts: () => OutcomeCounts
}

/** Creates counters for metrics: accepted requests by source, refused requests by reason. */
export function createOutcomeCounter(): OutcomeCounter {
  const accepted: Partial<Record<SessionSource, number>> = {}
  const refused: Partial<Record<LatchkeyErrorCode, number>> = {}
  return {
    count(outcome) {
      if (outcome.ok) accepted[outcome.source] = (accepted[outcome.source] ?? 0) + 1
      else refused[outcome.reason] = (refused[outcome.reason] ?? 0) + 1
    },
    counts: () => ({ accepted: { ...accepted }, refused: { ...refused } }),
  }
}

export function outcomeOf(resolution: Resolution): Outcome {
  const { source } = resolution
  return resolution.ok
    ? { ok: true, source, authMode: resolution.session.authMode }
    : { ok: false, source, reason: resolution.reason }
}
