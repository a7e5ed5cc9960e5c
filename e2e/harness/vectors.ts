import { nativeSuite, nobleSuite, testDevice } from 'latchkey/testing'

/** One identity of `lib/vectors/latchkey-v1.json`. */
export interface Vector {
  readonly secret: string
  readonly x: string
  readonly thumbprint: string
  readonly principal: string
  readonly derived_keys: Readonly<Record<string, string>>
  readonly now: number
  readonly token: string
  readonly upgrade_proof: string
  readonly bind_proof: string
  readonly link_proof: string
}

const SUITES = { native: nativeSuite, noble: nobleSuite }

/** Makes in this page, from its secret, what a vector holds. */
export async function reproduceVector(vector: Vector, suite: keyof typeof SUITES): Promise<Vector> {
  const device = await testDevice(vector.secret, SUITES[suite])
  const proof = (purpose: 'upgrade' | 'bind' | 'link', jws: string): Promise<string> => {
    const { aud, jti, nonce, link_to: linkTo } = payloadOf(jws)
    return device.proof({ audience: aud, now: vector.now, purpose, jti, nonce, linkTo })
  }
  const keys = Object.keys(vector.derived_keys).map(async (purpose) => [
    purpose,
    hex(await device.key.deriveKey(purpose)),
  ])
  return {
    secret: device.secret,
    x: device.key.x,
    thumbprint: device.thumbprint,
    principal: device.principal,
    derived_keys: Object.fromEntries(await Promise.all(keys)) as Record<string, string>,
    now: vector.now,
    token: await device.token({ audience: payloadOf(vector.token).aud, now: vector.now }),
    upgrade_proof: await proof('upgrade', vector.upgrade_proof),
    bind_proof: await proof('bind', vector.bind_proof),
    link_proof: await proof('link', vector.link_proof),
  }
}

/** Which implementation the library takes for a secret when it is left to choose, and who comes out. */
export async function chooseSuite(secret: string): Promise<{ readonly suite: string; readonly principal: string }> {
  const { key, principal } = await testDevice(secret)
  return { suite: key.suite, principal }
}

function payloadOf(jws: string): { aud: string; jti: string; nonce?: string; link_to?: string } {
  return JSON.parse(atob(jws.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/'))) as ReturnType<typeof payloadOf>
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
