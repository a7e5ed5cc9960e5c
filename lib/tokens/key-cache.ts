import { BoundedMap } from '../bounded-map.ts'
import type { PublicKey } from './public-key.ts'

/** Most keys that were used once. */
const MOST_RECENT = 1000

/**
 * Caches public keys by their `x`. A device signs a new token every quarter of an hour, and the token is cached itself:
 * most keys are not used again before that. Only a key that is used twice within a short time is kept for longer, so a
 * flood of new keys takes little memory and displaces none that is in use.
 */
export class KeyCache {
  readonly #recent: BoundedMap<string, PublicKey>
  readonly #kept: BoundedMap<string, PublicKey>

  /** @param most - largest number of keys that are kept; 0 keeps none */
  constructor(most: number) {
    this.#recent = new BoundedMap(Math.min(most, MOST_RECENT))
    this.#kept = new BoundedMap(most)
  }

  get(x: string): PublicKey | undefined {
    return this.#kept.get(x) ?? this.#keep(x)
  }

  add(key: PublicKey): void {
    this.#recent.set(key.jwk.x, key)
  }

  #keep(x: string): PublicKey | undefined {
    const key = this.#recent.get(x)
    if (!key) return undefined
    this.#recent.delete(x)
    this.#kept.set(key.jwk.x, key)
    return key
  }
}
