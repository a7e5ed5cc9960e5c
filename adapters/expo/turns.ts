/** Shared by all copies of this module: a reload during development loads it again, over the same storage. */
const TURNS = Symbol.for('latchkey.expo.turns')

/**
 * Runs work on one item after the work that began before it, in this process. SecureStore has no transactions.
 *
 * @param work - must settle only once nothing of it can still happen
 */
export function inTurn<Value>(key: string, work: () => Promise<Value>): Promise<Value> {
  const scope = globalThis as { [TURNS]?: Map<string, Promise<unknown>> }
  const turns = (scope[TURNS] ??= new Map())
  const turn = (turns.get(key) ?? Promise.resolve()).then(work)
  turns.set(
    key,
    turn.catch(() => {}),
  )
  return turn
}
