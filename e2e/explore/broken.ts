/** A sequence that breaks something. */
export class BrokenSequence extends Error {
  override readonly name = 'BrokenSequence'
}

/** @throws {BrokenSequence} with what broke, and all that was said */
export function stopIfBroken({
  broken,
  log,
}: {
  readonly broken: readonly string[]
  readonly log: readonly string[]
}): void {
  if (broken.length > 0) throw new BrokenSequence(`${[...new Set(broken)].join('\n')}\n\n${log.join('\n')}`)
}
