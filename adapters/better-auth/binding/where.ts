import type { Where } from 'better-auth'

type Columns = Readonly<Record<string, string | null | undefined>>

/** Matches rows with all of these values. A column without a value is null. */
export function equal(columns: Columns): Where[] {
  return Object.entries(columns).map(([field, value]) => ({ field, value: value ?? null }))
}

/** Matches rows with one of these values. A column without a value is left out. */
export function either(columns: Columns): Where[] {
  return equal(columns)
    .filter(({ value }) => value !== null)
    .map((condition) => ({ ...condition, connector: 'OR' }))
}
