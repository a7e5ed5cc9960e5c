/** Number of suggestions. */
const SUGGESTIONS = 4

/** Returns the words of a list that differ least from a typed one, by at most two edits: the nearest first. */
export function nearWords(typed: string, list: readonly string[]): readonly string[] {
  const near = [1, 2].flatMap((edits) => list.filter((word) => isNear(typed, word, edits)))
  return [...new Set(near)].slice(0, SUGGESTIONS)
}

/** True if so many edits turn one text into the other: a letter removed, added, replaced, or swapped with the next. */
function isNear(from: string, to: string, edits: number): boolean {
  if (from === to) return true
  if (edits === 0) return false
  let same = 0
  while (from[same] === to[same]) same++
  const isSwapped = from[same] === to[same + 1] && from[same + 1] === to[same]
  const isNearAfter = (removed: number, added: number): boolean =>
    isNear(from.slice(same + removed), to.slice(same + added), edits - 1)
  return isNearAfter(1, 0) || isNearAfter(0, 1) || isNearAfter(1, 1) || (isSwapped && isNearAfter(2, 2))
}
