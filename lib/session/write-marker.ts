import type { SessionAuth } from './options.ts'

/**
 * Creates a function for adapters to call on each local write that does not go through `auth.fetch`. The first one of
 * each principal calls `auth.markWritten`, so that a later sign-in to another account asks the user what to do with the
 * data. It never throws and never delays the write; what failed is tried again on the next one.
 *
 * @param auth - the result of `createAuth`
 */
export function createWriteMarker(auth: Pick<SessionAuth, 'getState' | 'markWritten'>): () => void {
  let marked: string | undefined
  return () => {
    const principal = auth.getState().session?.principal
    if (principal === undefined || principal === marked || !auth.markWritten) return
    marked = principal
    auth.markWritten().catch(() => (marked = undefined))
  }
}
