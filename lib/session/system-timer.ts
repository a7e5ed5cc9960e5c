import type { SessionTimer } from './options.ts'

/** The system's timers: the default of every option `timer`. */
export const SYSTEM_TIMER: SessionTimer = {
  set: (callback, milliseconds) => setTimeout(callback, milliseconds),
  clear: (handle) => clearTimeout(handle as number),
}
