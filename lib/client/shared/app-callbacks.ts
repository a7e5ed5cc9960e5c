import type { AuthEvent, PrincipalChangeReason } from '../../machine/events.ts'
import type { Context } from './context.ts'
import { guarded } from '../../machine/guarded.ts'

/** Connects the app's callbacks. */
export function connectAppCallbacks(context: Context): void {
  const { onPrincipalChange, onTokenExpired } = context.options
  context.on('reportExpiry', () => guarded(() => onTokenExpired?.()))
  context.on('reportPrincipalChange', ({ before, event }) => {
    const from = before.session?.principal ?? null
    const to = context.getState().session?.principal ?? null
    if (from !== to) guarded(() => onPrincipalChange?.({ from, to, reason: reasonOf(event) }))
  })
}

/** Only these events change the principal: see `show` in the transition table. */
function reasonOf(event: AuthEvent): PrincipalChangeReason {
  return event.type === 'conflictResolved' ? event.decision : (event.type as PrincipalChangeReason)
}
