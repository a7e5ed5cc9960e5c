/** A larger difference is ignored: the server's clock is not plausible. Milliseconds. */
export const LARGEST_SKEW_MS: number = 24 * 60 * 60 * 1000

/**
 * Returns the time of a server. A new device may have a wrong clock, by which servers refuse every token and proof.
 *
 * @param own - the time of this device, in milliseconds since 1970: for a server that does not tell, or is too far off
 */
export async function timeOf(server: { getTime?(): Promise<number> } | undefined, own: number): Promise<number> {
  const theirs = await server?.getTime?.().catch(() => undefined)
  return typeof theirs === 'number' && Math.abs(theirs - own) <= LARGEST_SKEW_MS ? theirs : own
}
