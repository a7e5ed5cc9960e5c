import type { Entry } from '../../keystore/record.ts'
import { TIMED_OUT, withTimeout } from '../../timeout.ts'
import type { LocalHoldings } from '../auth.ts'
import type { Context } from './context.ts'

/** After this time without an answer of `describeLocal` the device counts as holding something. */
const DESCRIBE_TIMEOUT_MS = 2000

/** True if replacing this identity would lose no user data. */
export async function holdsNothing({ options }: Context, entry: Entry | undefined): Promise<boolean> {
  if (isMarked(entry)) return false
  if (!entry || !options.describeLocal) return true
  const { describeLocal } = options
  const described = await describe(() => describeLocal(entry.principal))
  // An app that throws or takes too long may well hold something.
  return described?.items === 0
}

/** True if the record itself says that the identity holds something. */
export function isMarked(entry: Entry | undefined): boolean {
  return (
    entry !== undefined && (entry.kind === 'account' || entry.wrote || entry.derived || entry.origin === 'imported')
  )
}

/** The app's description; null where it has none, fails or takes too long. */
export async function describe(
  ask: () => LocalHoldings | Promise<LocalHoldings> | undefined,
): Promise<LocalHoldings | null> {
  try {
    const described = await withTimeout(Promise.resolve(ask()), DESCRIBE_TIMEOUT_MS)
    return described === TIMED_OUT ? null : (described ?? null)
  } catch {
    return null
  }
}
