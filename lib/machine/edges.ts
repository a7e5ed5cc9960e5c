/**
 * Every way from one phase to another, for diagrams. Made out of the transition table by `npx vitest run
 * lib/machine/edges -u`.
 */
export const EDGES = [
  { from: 'starting', to: 'ready', events: ['opened', 'openFailed'] },
  { from: 'starting', to: 'pending', events: ['opened'] },
  { from: 'starting', to: 'conflict', events: ['opened'] },
  { from: 'ready', to: 'upgrading', events: ['upgradeStarted'] },
  { from: 'ready', to: 'pending', events: ['identityEnsured', 'recordChanged', 'upgradePended'] },
  { from: 'ready', to: 'conflict', events: ['identityEnsured', 'recordChanged', 'conflictFound'] },
  { from: 'ready', to: 'signing-out', events: ['signOutStarted'] },
  { from: 'upgrading', to: 'ready', events: ['upgradeCompleted', 'upgradeFailed', 'upgradePended'] },
  { from: 'upgrading', to: 'pending', events: ['upgradeFailed', 'upgradePended'] },
  { from: 'upgrading', to: 'conflict', events: ['conflictFound'] },
  {
    from: 'pending',
    to: 'ready',
    events: ['identityEnsured', 'recordChanged', 'upgradeCompleted', 'upgradePended', 'upgradeCancelled'],
  },
  { from: 'pending', to: 'upgrading', events: ['upgradeStarted'] },
  { from: 'pending', to: 'conflict', events: ['identityEnsured', 'recordChanged', 'conflictFound'] },
  { from: 'pending', to: 'signing-out', events: ['signOutStarted'] },
  {
    from: 'conflict',
    to: 'ready',
    events: ['identityEnsured', 'recordChanged', 'conflictResolved', 'upgradeCancelled'],
  },
  { from: 'conflict', to: 'pending', events: ['identityEnsured', 'recordChanged'] },
  { from: 'conflict', to: 'signing-out', events: ['signOutStarted'] },
  { from: 'signing-out', to: 'ready', events: ['signOutVetoed', 'signedOut'] },
  { from: 'signing-out', to: 'pending', events: ['signOutVetoed'] },
] as const
