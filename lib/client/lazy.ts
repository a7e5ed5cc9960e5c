import { guarded } from '../machine/guarded.ts'
import { createAuthWith } from './create-auth.ts'
import type { Lazy } from './later.ts'
import type { ControlParts } from './controls.ts'
import {
  acceptAccount,
  cancelUpgrade,
  confirmBackup,
  deriveKey,
  devices,
  ensureIdentity,
  exportSecret,
  fetch,
  getToken,
  importSecret,
  listIdentities,
  markWritten,
  previewConflict,
  provePairing,
  renameDevice,
  reportToken,
  requestPersistence,
  resolveConflict,
  revokeDevice,
  revokeOtherDevices,
  signOut,
  startBackground,
  unlinkAlias,
  unlockData,
  upgrade,
  start as startContext,
} from './later-parts.ts'
import type { Context, StartContext } from './shared/context.ts'
import type { DevtoolsControls } from './shared/devtools.ts'
import { readPayload } from './tokens/account-token.ts'
import { defaultAudience, isExchanged } from './tokens/audience.ts'
import { deviceToken } from './tokens/first-token.ts'
import { dropHeld } from './tokens/token-source.ts'

/** As in `start-context.ts`. The developer tools of a page, if there are any, learn how to load their controls. */
function start(context: StartContext): void {
  const wasComplete = context.dispatch !== undefined
  startContext(context)
  if (!wasComplete) guarded(() => context.record?.connect?.(() => loadControls(context as Context)))
}

// The controls import nothing themselves: a bundler that splits by reachability would cut the first load into pieces.
const PARTS: ControlParts = {
  defaultAudience,
  deviceToken,
  dropHeld,
  ensureIdentity,
  getToken,
  isExchanged,
  readPayload,
  reportToken,
  signOut,
}

async function loadControls(context: Context): Promise<DevtoolsControls> {
  const { createControls } = await import('./controls.ts')
  return createControls(context, PARTS)
}

/**
 * The chunk that loads right after the first identity is open, so that the first load stays small. One object: for a
 * module that is used as a whole, webpack needs more of its runtime in the first load. It names the first load's own
 * entry, since esbuild would otherwise cut the first load in two.
 */
export const later: Lazy & { readonly createAuthWith: typeof createAuthWith } = {
  acceptAccount,
  cancelUpgrade,
  confirmBackup,
  deriveKey,
  devices,
  ensureIdentity,
  exportSecret,
  fetch,
  getToken,
  importSecret,
  listIdentities,
  markWritten,
  previewConflict,
  provePairing,
  renameDevice,
  reportToken,
  requestPersistence,
  resolveConflict,
  revokeDevice,
  revokeOtherDevices,
  signOut,
  startBackground,
  unlinkAlias,
  unlockData,
  upgrade,
  start,
  createAuthWith,
}
