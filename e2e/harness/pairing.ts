import { type Auth, createAuth } from 'latchkey'
import { type Approval, type Arrival, type Pairing, type ShownCode, createPairing } from 'latchkey/pairing'

/** A device in a page, with what the user sees of a pairing. */
interface PairingDevice {
  readonly auth: Auth
  readonly pairing: Pairing
  shown?: ShownCode<Approval>
  approval?: Approval
  arrival?: Arrival
}

let device: PairingDevice | undefined

/** Opens the identity of this browser, for pairing at a rendezvous of this origin. */
export async function openPairingDevice(deviceName: string): Promise<string> {
  const auth = createAuth({ name: 'pairing', describeLocal: () => ({ items: 0 }) })
  await auth.ready
  const server = `${location.origin}/api/auth`
  device = { auth, pairing: createPairing(auth, { server, deviceName, interval: 20 }) }
  return auth.getState().session!.principal
}

/** The device of this page. */
export function pairingDevice(): PairingDevice {
  return device!
}
