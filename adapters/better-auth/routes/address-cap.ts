import { BoundedMap } from '../../../lib/server-kit.ts'

/** Caps how many slots the clients of one address have at a time, in this process. */
export interface AddressCap {
  /**
   * @param address - null if it is unknown: then nothing is capped here
   * @returns false if the address already has the maximum
   */
  take(address: string | null): boolean
}

/** Largest number of addresses that are remembered. */
const MAX_ADDRESSES = 10_000

/**
 * Creates a cap. It is kept in memory only, so that the storage does not reveal who paired.
 *
 * @param most - maximum number of slots
 * @param lifetime - of a slot, in milliseconds
 */
export function createAddressCap(most: number, lifetime: number, clock: () => number): AddressCap {
  const taken = new BoundedMap<string, readonly number[]>(MAX_ADDRESSES)
  return {
    take(address) {
      if (address === null) return true
      const now = clock()
      // Not only expired ones: after a clock was set back, nothing may be capped for hours.
      const live = (taken.get(address) ?? []).filter((at) => Math.abs(now - at) < lifetime)
      if (live.length >= most) return false
      taken.set(address, [...live, now])
      return true
    },
  }
}
