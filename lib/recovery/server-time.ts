import { LARGEST_SKEW_MS } from '../client/tokens/clock-skew.ts'

/**
 * Returns the time of a server. A new device may have a wrong clock, by which servers refuse every token and proof.
 *
 * @param own - the time of this device, in milliseconds since 1970: for a server that does not tell, or is too far off
 */
export async function timeOf(server: { getTime?(): Promise<number> } | undefined, own: number): Promise<number> {
  const theirs = await server?.getTime?.().catch(() => undefined)
  return typeof theirs === 'number' && Math.abs(theirs - own) <= LARGEST_SKEW_MS ? theirs : own
}
