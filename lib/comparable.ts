/** One text for equal values: members by name, a list in any order, nothing for what is not there. */
export function comparable(value: unknown): string {
  if (Array.isArray(value))
    return `[${value
      .filter((part) => part != null)
      .map(comparable)
      .sort()
      .join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const members = Object.entries(value).map(([name, part]) => `${JSON.stringify(name)}:${comparable(part)}`)
  return `{${members.sort().join()}}`
}
