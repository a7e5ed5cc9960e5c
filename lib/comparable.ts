/**
 * Serializes a value so that equal values give the same text: members are sorted by name; in lists, the order and the
 * items null and undefined are ignored.
 */
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
