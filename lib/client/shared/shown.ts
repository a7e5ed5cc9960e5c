import { currentEntry } from '../../keystore/keyring.ts'
import type { Context } from './context.ts'

/**
 * Returns the id of the identity that this tab shows, null if it shows none. A write may have learned of another one
 * that another tab made current: then the result is undefined, and no id of the record equals it.
 */
export function shownId(context: Context): string | null | undefined {
  const { session, authMode } = context.getState()
  const keyring = context.keyring()
  const entry = currentEntry(keyring)
  const isShown = entry?.principal === session?.principal && (entry?.kind === 'account') === (authMode === 'external')
  return isShown ? (keyring?.current ?? null) : undefined
}
