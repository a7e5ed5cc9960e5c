/** One value that changed. Undefined: it was, or is, not there. */
export interface Change {
  /** Names of the members that lead to it, with dots. */
  readonly path: string
  readonly before: unknown
  readonly after: unknown
}

/** Lists the values in which two states differ. Arrays are compared as one value. */
export function changesBetween(before: unknown, after: unknown, path = ''): Change[] {
  if (before === after) return []
  if (!isPlain(before) || !isPlain(after))
    return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ path, before, after }]
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((name) =>
    changesBetween(before[name], after[name], path ? `${path}.${name}` : name),
  )
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
