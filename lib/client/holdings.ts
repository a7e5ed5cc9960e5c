import type { Entry } from '../keystore/record.ts'
import type { LocalHoldings } from './options.ts'
import type { Runtime } from './runtime.ts'

/** How long `describeLocal` may take before the device counts as holding something, in milliseconds. */
const PATIENCE = 2000

/** Whether the person would miss nothing if another identity took this one's place. */
export async function holdsNothing({ options }: Runtime, entry: Entry | undefined): Promise<boolean> {
  if (isMarked(entry)) return false
  if (!entry || !options.describeLocal) return true
  const { items } = await withPatience(options.describeLocal, entry.principal)
  return items === 0
}

/** The record itself says that it holds something. */
export function isMarked(entry: Entry | undefined): boolean {
  return entry !== undefined && (entry.kind === 'account' || entry.wrote || entry.derived || entry.origin === 'imported')
}

/** An app that throws or takes too long may well hold something. */
async function withPatience(describe: (principal: string) => LocalHoldings | Promise<LocalHoldings>, principal: string): Promise<LocalHoldings> {
  const unknown: LocalHoldings = { items: Number.NaN }
  let timer: ReturnType<typeof setTimeout> | undefined
  const patience = new Promise<LocalHoldings>((resolve) => (timer = setTimeout(resolve, PATIENCE, unknown)))
  try {
    return await Promise.race([describe(principal), patience])
  } catch {
    return unknown
  } finally {
    clearTimeout(timer)
  }
}
