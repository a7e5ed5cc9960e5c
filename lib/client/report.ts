import type { Runtime } from './runtime.ts'

/** Tells the app what it asked to hear. */
export function reportToApp(runtime: Runtime): void {
  const { onPrincipalChange, onTokenExpired } = runtime.options
  runtime.on('reportExpiry', () => runtime.core.guarded(() => onTokenExpired?.()))
  runtime.on('reportPrincipalChange', (before, event) => {
    const from = before.session?.principal ?? null
    const to = runtime.getState().session?.principal ?? null
    if (from !== to)
      runtime.core.guarded(() =>
        onPrincipalChange?.({ from, to, reason: event.type === 'conflictResolved' ? event.decision : event.type }),
      )
  })
}
