/** A piece of a statement: texts with parameters between them, one text more than parameters. */
export interface Sql {
  readonly parts: readonly string[]
  readonly parameters: readonly (string | number)[]
}

/** Takes a text as it is. Never give it anything that came from outside this folder and the catalog. */
export const raw = (text: string): Sql => ({ parts: [text], parameters: [] })

export const EMPTY: Sql = raw('')

/** Writes a statement: pieces are inserted, strings and numbers become parameters. */
export function sql(texts: TemplateStringsArray, ...values: readonly (Sql | string | number)[]): Sql {
  const pieces = values.flatMap((value, at) => [toPiece(value), raw(texts[at + 1]!)])
  return join([raw(texts[0]!), ...pieces], '')
}

function toPiece(value: Sql | string | number): Sql {
  return typeof value === 'object' ? value : { parts: ['', ''], parameters: [value] }
}

/** Joins pieces. */
export function join(pieces: readonly Sql[], separator: string): Sql {
  const parts: string[] = ['']
  for (const [at, piece] of pieces.entries()) {
    parts.push(parts.pop()! + (at === 0 ? '' : separator) + piece.parts[0]!, ...piece.parts.slice(1))
  }
  return { parts, parameters: pieces.flatMap(({ parameters }) => parameters) }
}

/** Joins conditions, of which one suffices. */
export const either = (conditions: readonly Sql[]): Sql => sql`(${join(conditions, ' or ')})`

/** Joins conditions, all of which are needed. */
export const all = (conditions: readonly Sql[]): Sql => sql`(${join(conditions, ' and ')})`
