import { type OptionNames, checkOptionNames } from '../../../lib/server-kit.ts'
import { createAddressCap } from './address-cap.ts'
import type { OnDevicePaired } from './pair.ts'
import type { RendezvousTools } from './rendezvous.ts'
import { type RendezvousStorage, SLOT_LIFETIME_MS, createRendezvousStore } from '../binding/rendezvous-store.ts'

/** Options of pairing. */
export interface PairingOptions {
  /**
   * Where the sealed messages wait for the other device. Defaults to the table `latchkeyRendezvous`. Better Auth's
   * secondary storage is suitable if its `increment` is atomic.
   */
  readonly rendezvousStore?: RendezvousStorage
  /** Largest number of pairings at a time. */
  readonly limit?: PairingLimit
  /** Called after a device was let into an account. Send the user a mail. */
  readonly onDevicePaired?: OnDevicePaired
}

/** Largest number of pairings at a time. */
export interface PairingLimit {
  /** From one client address, begun in five minutes, in each process. Defaults to 20. */
  readonly perAddress?: number
  /** Of all clients. Defaults to 10 000. */
  readonly total?: number
}

const PAIRING_OPTIONS: OptionNames<PairingOptions> = { rendezvousStore: true, limit: true, onDevicePaired: true }
const LIMIT_OPTIONS: OptionNames<PairingLimit> = { perAddress: true, total: true }

/** @throws {TypeError} an option is unknown or invalid */
export function createRendezvousTools(options: PairingOptions, clock: () => number): RendezvousTools {
  checkOptionNames('pairing.', options, PAIRING_OPTIONS)
  checkOptionNames('pairing.limit.', options.limit ?? {}, LIMIT_OPTIONS)
  const { perAddress = 20, total = 10_000 } = options.limit ?? {}
  for (const most of [perAddress, total])
    if (!Number.isInteger(most) || most < 1) throw new TypeError('pairing.limit: expected integers from 1')
  return {
    store: createRendezvousStore(clock, total, options.rendezvousStore),
    cap: createAddressCap(perAddress, SLOT_LIFETIME_MS, clock),
  }
}
