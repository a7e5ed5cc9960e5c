import type { Entry } from '../../keystore/record.ts'
import type { LocalHoldings } from '../options.ts'
import type { Runtime } from './context.ts'

/** How long `describeLocal` may take before the device counts as holding something, in milliseconds. */
const PATIENCE = 2000

/** Whether the person would miss nothing if another identity took this one's place. */
export async function holdsNothing({ options }: Runtime, entry: Entry | undefined): Promise<boolean> {
  if (isMarked(entry)) return false
  if (!entry || !options.describeLocal) return true
  const { describeLocal } = options
  const described = await describe(() => describeLocal(entry.principal))
  // An app that throws or takes too long may well hold something.
  return described?.items === 0
}

/** The record itself says that it holds something. */
export function isMarked(entry: Entry | undefined): boolean {
  return (
    entry !== undefined && (entry.kind === 'account' || entry.wrote || entry.derived || entry.origin === 'imported')
  )
}

/** What the app says; null where it says nothing, fails or takes too long. */
export async function describe(
  say: () => LocalHoldings | Promise<LocalHoldings> | undefined,
): Promise<LocalHoldings | null> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const patience = new Promise<null>((resolve) => (timer = setTimeout(resolve, PATIENCE, null)))
  try {
    return (await Promise.race([say(), patience])) ?? null
  } catch {
    return null
  } finally {
    clearTimeout(timer)
  }
}
