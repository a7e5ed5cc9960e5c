/** Number of words that the user types again. */
const RETYPED = 3

/** Draws three different places from 1 to `count`, in ascending order. */
export function drawPlaces(count: number): readonly number[] {
  const drawn = Array.from(
    crypto.getRandomValues(new Uint32Array(count)),
    (order, index) => [order, index + 1] as const,
  )
  return drawn
    .sort(([one], [other]) => one - other)
    .slice(0, RETYPED)
    .map(([, place]) => place)
    .sort((one, other) => one - other)
}
