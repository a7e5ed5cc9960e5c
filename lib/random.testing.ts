import { createHash } from 'node:crypto'

/** Numbers from a seed, the same in every run of it. */
export interface Randomness {
  /** Returns a whole number from 0 to below `most`. */
  below(most: number): number
  /** Returns 64 bytes. */
  bytes(): Buffer
  pick<Value>(values: readonly Value[]): Value
}

export function randomness(seed: string): Randomness {
  let block: Buffer = Buffer.alloc(0)
  let count = 0
  const bytes = (): Buffer => createHash('sha512').update(`${seed} ${count++}`).digest()
  const below = (most: number): number => {
    if (block.length < 4) block = bytes()
    const value = block.readUInt32LE()
    block = block.subarray(4)
    return value % most
  }
  return { below, bytes, pick: (values) => values[below(values.length)]! }
}
