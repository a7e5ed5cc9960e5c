import type { Entry } from '../../keystore/record.ts'
import { withTimeout } from '../../timeout.ts'
import type { Context } from './context.ts'

/** If `describeLocal` takes longer, the device counts as having data. */
const DESCRIBE_TIMEOUT_MS = 2000

/** True if replacing this identity would lose no user data. */
export async function holdsNothing({ options }: Context, entry: Entry | undefined): Promise<boolean> {
  if (isMarked(entry)) return false
  if (!entry || !options.describeLocal) return true
  const { describeLocal } = options
  const described = await describe(() => describeLocal(entry.principal))
  // If the app throws or takes too long, data must be assumed.
  return described?.items === 0
}

/** True if the record itself shows that the identity has data. */
export function isMarked(entry: Entry | undefined): boolean {
  return (
    entry !== undefined && (entry.kind === 'account' || entry.wrote || entry.derived || entry.origin === 'imported')
  )
}

/** Returns the app's description; null if it has none, fails or takes too long. */
export async function describe<Answer>(ask: () => Answer | Promise<Answer> | undefined): Promise<Answer | null> {
  try {
    return (await withTimeout(Promise.resolve(ask()), DESCRIBE_TIMEOUT_MS, () => null)) ?? null
  } catch {
    return null
  }
}
