import type { Fault } from '../../../lib/testing/faulty-store.ts'
import type { NetworkFault } from './connection.ts'

/** Honest people: Ada's devices, on which Bob signs in now and then. */
export type Name = 'ada' | 'bob'

/** One thing that happens. All of it is plain data, so that a sequence can be written down and made smaller. */
export interface Step {
  /** 0 and 1: the tabs of the laptop. 2: that of the phone. */
  readonly tab: 0 | 1 | 2
  readonly do: string
  readonly who?: Name
  /** One of the variants of the act. */
  readonly how?: string
  /** What fails in the tab from now on. */
  readonly fault?: StepFault
  /**
   * `lasts`: what it waits for goes on into the next steps. `together`: at once with the next step. By default the step
   * waits until it is done.
   */
  readonly pace?: 'lasts' | 'together'
}

/** The `nth` operation fails. */
export type StepFault =
  | { readonly in: 'store'; readonly is: Fault; readonly nth: number }
  | { readonly in: 'network'; readonly is: NetworkFault; readonly nth: number }

/** A step as a report shows it. */
export function textOf({ do: name, who, how, fault, pace }: Step): string {
  const failing = fault && `${fault.in} #${fault.nth} ${fault.is}`
  const more = [who, how, failing, pace].filter(Boolean)
  return more.length > 0 ? `${name} (${more.join(', ')})` : name
}
