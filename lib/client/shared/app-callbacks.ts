import type { AuthEvent, PrincipalChangeReason } from '../../machine/transition.ts'
import type { Runtime } from './context.ts'

/** Only these events change the principal: see the `show` rows of the transition table. */
function reasonOf(event: AuthEvent): PrincipalChangeReason {
  return event.type === 'conflictResolved' ? event.decision : (event.type as PrincipalChangeReason)
}

/** Tells the app what it asked to hear. */
export function reportToApp(runtime: Runtime): void {
  const { onPrincipalChange, onTokenExpired } = runtime.options
  runtime.on('reportExpiry', () => runtime.core.guarded(() => onTokenExpired?.()))
  runtime.on('reportPrincipalChange', (before, event) => {
    const from = before.session?.principal ?? null
    const to = runtime.getState().session?.principal ?? null
    if (from !== to) runtime.core.guarded(() => onPrincipalChange?.({ from, to, reason: reasonOf(event) }))
  })
}
