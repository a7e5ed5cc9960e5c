import type { Database } from 'better-sqlite3'
import type { ServerSession } from 'latchkey/server'

type User = Pick<ServerSession, 'principals'>

/** Returns the titles of one user's notes, under whichever principal they were written. */
export function titlesOf(database: Database, { principals }: User): string[] {
  const statement = database.prepare<[string], string>(
    'select title from note where owner in (select value from json_each(?)) order by title',
  )
  return statement.pluck().all(JSON.stringify(principals))
}

/** Adds a note under the canonical principal, which comes first; anonymous sessions have none. */
export function addNote(database: Database, { principals: [owner] }: User, id: string, title: string): void {
  database.prepare('insert into note (id, owner, title) values (?, ?, ?)').run(id, owner, title)
}

/** Renames a note of this user, and returns false if there is none with this id. */
export function renameNote(database: Database, { principals }: User, id: string, title: string): boolean {
  const statement = database.prepare(
    'update note set title = ? where id = ? and owner in (select value from json_each(?))',
  )
  return statement.run(title, id, JSON.stringify(principals)).changes === 1
}
