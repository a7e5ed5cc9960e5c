import type { Auth } from '../client/auth.ts'

/** The methods of {@link Auth} that are used. */
export type PairableAuth = Pick<
  Auth,
  'getState' | 'exportSecret' | 'importSecret' | 'listIdentities' | 'provePairing' | 'acceptAccount'
>
