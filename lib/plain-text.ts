/**
 * Returns true if a text has no control character and no half of a surrogate pair. Postgres refuses some of these, and
 * others are stored as another text.
 */
export function isPlainText(text: string): boolean {
  return !/[\p{Cc}\p{Cs}]/u.test(text)
}
