import { quantity } from '../words.ts'
import { type NoteText, headingOf } from './note.ts'

/** Number of headings that are named. */
const NAMED = 3

/**
 * Returns a summary of an owner's notes, for the user.
 *
 * @param latest - the latest change first
 */
export function summaryWords(count: number, latest: readonly NoteText[]): string {
  if (count === 0) return 'No notes yet'
  const names = latest.slice(0, NAMED).map((note) => `“${headingOf(note)}”`)
  const rest = count - names.length
  return `${quantity(count, 'note')}: ${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}
