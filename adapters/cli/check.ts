/** One check of the doctor and its result. */
export interface Check {
  readonly check: 'configuration' | 'clock' | 'database' | 'files' | 'migrations' | 'resolver'
  readonly level: 'ok' | 'problem' | 'warning'
  readonly message: string
}

/** Returns a check that found nothing wrong. */
export function ok(check: Check['check'], message: string): Check {
  return { check, level: 'ok', message }
}

/** Returns a check that found a problem. */
export function problem(check: Check['check'], message: string): Check {
  return { check, level: 'problem', message }
}
