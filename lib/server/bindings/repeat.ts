import { isWriteConflict } from './sql-errors.ts'

const ATTEMPTS = 8

/**
 * Repeats what the database refused only because of a concurrent statement, up to eight times in all. What failed must
 * have changed nothing: one statement, or a transaction.
 *
 * @param isConflict - true for an error of that kind. Defaults to the errors of Postgres and SQLite
 */
export async function repeatOnConflict<Result>(
  work: () => Promise<Result>,
  isConflict: (error: unknown) => boolean = isWriteConflict,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt === ATTEMPTS || !isConflict(error)) throw error
      // Without the random part, two servers that refused each other would meet again.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 2 ** attempt))
    }
  }
}
