import type { Context } from './context.ts'

/** By the device's own clock, in milliseconds since 1970: the correction is forgotten at each reload. */
export function deviceTime({ now, timing }: Pick<Context, 'now' | 'timing'>): number {
  return now() - timing.skew
}
