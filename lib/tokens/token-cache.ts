import { BoundedMap } from '../bounded-map.ts'
import { copyText } from './decode.ts'

/** Of the end of a token, in characters: of its signature, which no two tokens share. */
const INDEXED_CHARACTERS = 43

interface Entry<Value> {
  readonly token: string
  readonly value: Value
}

/**
 * Caches what was found in a token, for this exact text. Looked up by its end, because a hash of all of it takes longer
 * than the comparison; two tokens with the same end take each other's place.
 */
export class TokenCache<Value> {
  readonly #entries: BoundedMap<string, Entry<Value>>

  /** @param most - largest number of tokens; 0 stores none */
  constructor(most: number) {
    this.#entries = new BoundedMap(most)
  }

  get(token: string): Value | undefined {
    const entry = this.#entries.get(token.slice(-INDEXED_CHARACTERS))
    return entry?.token === token ? entry.value : undefined
  }

  set(token: string, value: Value): void {
    const kept = copyText(token)
    this.#entries.set(kept.slice(-INDEXED_CHARACTERS), { token: kept, value })
  }

  /** Deletes the token, which must be one that {@link get} found. */
  delete(token: string): void {
    this.#entries.delete(token.slice(-INDEXED_CHARACTERS))
  }
}
