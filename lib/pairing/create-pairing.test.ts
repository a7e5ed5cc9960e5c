import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Auth, AuthOptions } from '../client/auth.ts'
import { type TestBrowser, testBrowser } from '../client/client.testing.ts'
import { LatchkeyError } from '../errors.ts'
import { formatSecret } from '../identity/secret.ts'
import { parseKeyring } from '../keystore/keyring.ts'
import { memoryStore } from '../keystore/memory.ts'
import type { RecordStore } from '../keystore/store.ts'
import type { Approval } from './approval.ts'
import type { Arrival, IdentityOffer } from './arrival.ts'
import { formatCode, keysOf, parseCode } from './code.ts'
import { type Pairing, type PairingOptions, createPairing } from './create-pairing.ts'
import { type Relay, createRelay, refusal, slotResponse } from './relay.testing.ts'
import { openAtScanner } from './sealed-channel.ts'

const SERVER = 'https://notes.example/api/auth'
const URL_OF_APP = 'https://notes.example/'

interface Device {
  readonly browser: TestBrowser
  readonly auth: Auth
  readonly pairing: Pairing
}

const relays: Relay[] = []

async function device(relay: Relay, options: Partial<PairingOptions> = {}, auths: AuthOptions = {}): Promise<Device> {
  relays.push(relay)
  const browser = testBrowser()
  const auth = await browser.load(auths)
  const given = { server: SERVER, url: URL_OF_APP, fetch: relay.fetch, interval: 1 }
  return { browser, auth, pairing: createPairing(auth, { ...given, deviceName: 'a device', ...options }) }
}

/** The device that has the identity, and the new one, which has an empty identity of its own. */
async function twoDevices(
  relay = createRelay(),
  auths?: AuthOptions,
): Promise<{ relay: Relay; old: Device; fresh: Device }> {
  const old = await device(relay, { deviceName: 'laptop' })
  return { relay, old, fresh: await device(relay, { deviceName: 'phone' }, auths) }
}

interface Greeted {
  readonly approval: Approval
  readonly arrival: Arrival
}

const FLOWS = {
  /** The old device shows the code. */
  async A({ old, fresh }: { old: Device; fresh: Device }): Promise<Greeted> {
    const shown = await old.pairing.addDevice({ label: 'my notes' })
    const [arrival, approval] = await Promise.all([fresh.pairing.join(shown.text), shown.met()])
    return { arrival, approval }
  },
  /** The new device shows the code. */
  async B({ old, fresh }: { old: Device; fresh: Device }): Promise<Greeted> {
    const shown = await fresh.pairing.showCode()
    const [approval, arrival] = await Promise.all([old.pairing.scan(shown.text, { label: 'my notes' }), shown.met()])
    return { arrival, approval }
  },
}

const principalOf = ({ auth }: Device): string => auth.getState().session!.principal
const recordOf = async ({ browser }: Device): Promise<unknown> => browser.store.read()
const entriesOf = async (one: Device) => parseKeyring(await recordOf(one))!.entries.map(({ principal }) => principal)
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error: { code?: string }) => error.code ?? String(error),
  )

afterEach(() => {
  vi.unstubAllGlobals()
  // A pairing that was not ended would ask every millisecond until the end of the file.
  for (const relay of relays.splice(0)) relay.hostile = () => refusal('RENDEZVOUS_ENDED')
})

describe.each(Object.entries(FLOWS))('flow %s', (_, greet) => {
  test('gives the new device the same identity and the same keys, after the code and both confirmations (checklist 29: by pairing another device)', async () => {
    const devices = await twoDevices()
    const { old, fresh } = devices
    const key = await old.auth.deriveKey('notes')
    const { approval, arrival } = await greet(devices)
    expect([approval.name, approval.mode, arrival.name, arrival.mode]).toEqual(['phone', 'secret', 'laptop', 'secret'])
    expect(arrival.checkCode).toMatch(/^\d{4}$/)
    await approval.check(` ${arrival.checkCode.slice(0, 2)} ${arrival.checkCode.slice(2)} `)
    const [given, offer] = [approval.approve(), await identityOf(arrival)]
    expect(offer).toMatchObject({
      principal: principalOf(old),
      label: 'my notes',
      knownHere: false,
      replaces: principalOf(fresh),
    })
    await offer.accept({ replace: true })
    expect(await given).toBe('done')
    expect(principalOf(fresh)).toBe(principalOf(old))
    expect(await fresh.auth.deriveKey('notes')).toEqual(key)
    expect(devices.relay.slots.size).toBe(0)
  })

  test('works on a device whose site data was cleared', async () => {
    const relay = createRelay()
    const old = await device(relay)
    const fresh = await deviceWith(relay, { trace: { found: () => true, leave: () => {} } })
    expect(fresh.auth.getState()).toMatchObject({ session: null, storage: { problem: 'KEYSTORE_VANISHED' } })
    const { approval, arrival } = await greet({ old, fresh })
    await approval.check(arrival.checkCode)
    const given = approval.approve()
    const offer = await identityOf(arrival)
    expect(offer).toMatchObject({ principal: principalOf(old), knownHere: false, replaces: null })
    await offer.accept()
    expect(await given).toBe('done')
    expect(principalOf(fresh)).toBe(principalOf(old))
  })

  test.each([
    ['cannot be read', 'read', 'KEYSTORE_BLOCKED'],
    ['is full', 'update', 'KEYSTORE_FULL'],
  ] as const)('begins nothing on a device whose store %s: no secret is sent to it', async (_, access, code) => {
    const relay = createRelay()
    const old = await device(relay)
    const fresh = await deviceWith(relay, { [access]: () => Promise.reject(new LatchkeyError(code)) })
    expect(await codeOf(greet({ old, fresh }))).toBe(code)
    expect(relay.seen.join()).not.toMatch(/"seq":[1-9]/)
  })

  test('tells the rendezvous nothing but cipher texts', async () => {
    const devices = await twoDevices()
    const { old, fresh, relay } = devices
    const { approval, arrival } = await greet(devices)
    await approval.check(arrival.checkCode)
    const given = approval.approve()
    await (await identityOf(arrival)).accept({ replace: true })
    await given
    const secret = await old.auth.exportSecret()
    const known = [secret, principalOf(old), 'laptop', 'phone', 'my notes', 'secret', 'thumbprint', 'done']
    const all = relay.seen.join('\n')
    const decoded = [...all.matchAll(/"data":"([\w-]+)"/g)].map(([, data]) =>
      Buffer.from(data!, 'base64url').toString(),
    )
    expect(decoded.length).toBeGreaterThanOrEqual(4)
    for (const text of known) expect(`${all}\n${decoded.join('\n')}`).not.toContain(text)
    const members = relay.seen.flatMap((line) => Object.keys(JSON.parse(line.slice(line.indexOf('{'))) as object))
    expect([...new Set(members)].sort()).toEqual(['channel', 'data', 'seq', 'tx'])
    expect(fresh.auth.getState().session!.principal).toBe(principalOf(old))
  })

  test('gives nothing before the check code was typed', async () => {
    const devices = await twoDevices()
    const { approval, arrival } = await greet(devices)
    // An offer would come first.
    await expect(Promise.race([approval.approve(), arrival.offer()])).rejects.toThrow(TypeError)
    await expect(approval.check(wrong(arrival))).rejects.toMatchObject({ code: 'PAIRING_CHECK_WRONG' })
    await expect(approval.approve()).rejects.toThrow(TypeError)
    expect([...devices.relay.slots.values()].map(({ seq }) => seq)).toEqual([2])
  })

  test('is over after three wrong codes', async () => {
    const devices = await twoDevices()
    const { approval, arrival } = await greet(devices)
    for (const left of [2, 1, 0]) {
      expect(await codeOf(approval.check(wrong(arrival)))).toBe('PAIRING_CHECK_WRONG')
      expect(approval.triesLeft).toBe(left)
    }
    expect(await codeOf(approval.check(arrival.checkCode))).toBe('RENDEZVOUS_ENDED')
    await expect(approval.approve()).rejects.toThrow(TypeError)
    expect(await codeOf(arrival.offer())).toBe('RENDEZVOUS_ENDED')
    expect(devices.relay.slots.size).toBe(0)
  })

  test('a refusal on either device changes nothing', async () => {
    const devices = await twoDevices()
    const before = await recordOf(devices.fresh)
    const first = await greet(devices)
    await first.approval.cancel()
    expect(await codeOf(first.arrival.offer())).toBe('RENDEZVOUS_ENDED')
    const second = await greet(devices)
    await second.approval.check(second.arrival.checkCode)
    const given = second.approval.approve()
    await (await second.arrival.offer()).refuse()
    expect(await given).toBe('refused')
    expect(await recordOf(devices.fresh)).toEqual(before)
  })

  test('an offer alone stores nothing, and a failing store keeps the identity before', async () => {
    const devices = await twoDevices()
    const { fresh, old } = devices
    const before = await recordOf(fresh)
    const { approval, arrival } = await greet(devices)
    await approval.check(arrival.checkCode)
    const given = approval.approve()
    const offer = await identityOf(arrival)
    expect(await recordOf(fresh)).toEqual(before)
    const { update } = fresh.browser.store
    fresh.browser.store.update = () => Promise.reject(new Error('full'))
    expect(await codeOf(offer.accept({ replace: true }))).not.toBe('none')
    fresh.browser.store.update = update
    expect(await recordOf(fresh)).toEqual(before)
    expect(principalOf(fresh)).not.toBe(principalOf(old))
    await offer.accept({ replace: true })
    expect(await given).toBe('done')
  })

  test('never counts as a backup, on neither device', async () => {
    const devices = await twoDevices()
    const { old, fresh } = devices
    const storage = old.auth.getState().storage
    const { approval, arrival } = await greet(devices)
    await approval.check(arrival.checkCode)
    const given = approval.approve()
    await (await identityOf(arrival)).accept({ replace: true })
    await given
    expect(old.auth.getState().storage).toEqual(storage)
    expect(fresh.auth.getState().storage).toMatchObject({ durability: 'ephemeral', advice: 'back-up' })
    for (const { auth } of [old, fresh])
      expect((await auth.listIdentities({ withCurrent: true })).flatMap(({ backups }) => backups)).toEqual([])
  })

  test('a changed message ends the pairing, whichever it is, and nothing is stored', async () => {
    for (const place of [1, 2, 3]) {
      const devices = await twoDevices()
      const before = await recordOf(devices.fresh)
      devices.relay.hostile = ({ path, body }, honest) =>
        path === '' && body.seq === place ? (honest(), change(devices.relay, body.channel)) : honest()
      expect(await codeOf(whole(devices, greet)), String(place)).toMatch(/^(PAIRING_FAILED|RENDEZVOUS_\w+)$/)
      expect(await recordOf(devices.fresh)).toEqual(before)
    }
  })

  test('an earlier message in the place of a later one ends the pairing, and nothing is stored', async () => {
    for (const place of [2, 3]) {
      const devices = await twoDevices()
      const before = await recordOf(devices.fresh)
      const sent: string[] = []
      devices.relay.hostile = ({ path, body }, honest) => {
        if (path !== '') return honest()
        sent[body.seq!] = body.data!
        const answer = honest()
        if (body.seq === place) devices.relay.slots.get(body.channel)!.data = sent[place - 1]!
        return answer
      }
      expect(await codeOf(whole(devices, greet)), String(place)).toMatch(/^(PAIRING_FAILED|RENDEZVOUS_\w+)$/)
      expect(await recordOf(devices.fresh)).toEqual(before)
    }
  })

  test('an end that the rendezvous makes up changes nothing', async () => {
    for (const place of [1, 2, 3]) {
      const devices = await twoDevices()
      const before = await recordOf(devices.fresh)
      devices.relay.hostile = ({ body }, honest) => (body.seq === place ? refusal('RENDEZVOUS_ENDED') : honest())
      expect(await codeOf(whole(devices, greet))).toMatch(/^RENDEZVOUS_/)
      expect(await recordOf(devices.fresh)).toEqual(before)
    }
  })

  test('a write whose response is lost is no second one', async () => {
    const devices = await twoDevices()
    const lost = new Set<string>()
    devices.relay.hostile = ({ path, body }, honest) => {
      const answer = honest()
      const key = `${body.channel}${body.seq}`
      if (path !== '' || lost.has(key)) return answer
      lost.add(key)
      return new Response('gateway', { status: 502 })
    }
    await whole(devices, greet)
    expect(principalOf(devices.fresh)).toBe(principalOf(devices.old))
    expect(lost.size).toBe(5)
  })

  test.each([1, 3])(
    'a write whose response is lost is no second one, even if it was answered meanwhile: message %i',
    async (seq) => {
      const devices = await twoDevices()
      const { relay } = devices
      let isLost = false
      relay.hostile = async ({ path, body }, honest) => {
        const answer = honest()
        if (path !== '' || body.seq !== seq || isLost) return answer
        isLost = true
        await vi.waitFor(() => expect(relay.slots.get(body.channel)!.seq).toBe(seq + 1), { timeout: 30_000 })
        return new Response('gateway', { status: 502 })
      }
      await whole(devices, greet)
      expect(principalOf(devices.fresh)).toBe(principalOf(devices.old))
    },
  )

  test('a look whose response is lost is repeated', async () => {
    const devices = await twoDevices()
    const { approval, arrival } = await greet(devices)
    await approval.check(arrival.checkCode)
    let looks = 0
    devices.relay.hostile = ({ path }, honest) =>
      path === '/read' && ++looks === 1 ? new Response('gateway', { status: 502 }) : honest()
    const given = approval.approve().catch((error: unknown) => error)
    await (await identityOf(arrival)).accept({ replace: true })
    expect(await given).toBe('done')
  })

  test('devices of another app or server cannot pair', async () => {
    for (const other of [{ name: 'other' }, { server: 'https://other.example/api/auth' }]) {
      const relay = createRelay()
      const devices = { relay, old: await device(relay), fresh: await device(relay, other) }
      expect(await codeOf(whole(devices, greet))).toBe('PAIRING_FAILED')
    }
  })
})

/** What the new device is offered: an identity. */
async function identityOf(arrival: Arrival): Promise<IdentityOffer> {
  const offer = await arrival.offer()
  if (offer.mode !== 'secret') throw new Error(`expected an identity, got ${offer.mode}`)
  return offer
}

/** A device without an identity, whose store behaves as given. */
async function deviceWith(relay: Relay, store: Partial<RecordStore>): Promise<Device> {
  relays.push(relay)
  const browser = testBrowser(undefined, undefined, { ...memoryStore(), ...store })
  const auth = await browser.load()
  const given = { server: SERVER, url: URL_OF_APP, fetch: relay.fetch, interval: 1, deviceName: 'phone' }
  return { browser, auth, pairing: createPairing(auth, given) }
}

const wrong = ({ checkCode }: Arrival): string => String((Number(checkCode) + 1) % 10_000).padStart(4, '0')

/** A pairing from beginning to end, or to the first failure. */
async function whole(devices: { old: Device; fresh: Device }, greet: (typeof FLOWS)['A']): Promise<void> {
  const { approval, arrival } = await greet(devices)
  await approval.check(arrival.checkCode)
  const given = approval.approve()
  given.catch(() => {})
  await (await identityOf(arrival)).accept({ replace: true })
  await given
}

function change(relay: Relay, channel: string): Response {
  const slot = relay.slots.get(channel)!
  const honest = { ...slot }
  const bytes = Buffer.from(slot.data, 'base64url')
  bytes[bytes.length - 1]! ^= 1
  slot.data = bytes.toString('base64url')
  // The writer sees what it wrote.
  return slotResponse(honest)
}

describe('a photo of the code', () => {
  test('of a second device raises the alarm on both: the old one gives nothing, even after the right code', async () => {
    const { relay, old, fresh } = await twoDevices()
    const thief = await device(relay)
    const shown = await old.pairing.addDevice()
    const [arrival, approval] = await Promise.all([fresh.pairing.join(shown.text), shown.met()])
    expect(await codeOf(thief.pairing.join(shown.text))).toBe('RENDEZVOUS_CONTESTED')
    await approval.check(arrival.checkCode)
    expect(await codeOf(Promise.race([approval.approve(), arrival.offer()]))).toBe('RENDEZVOUS_CONTESTED')
    expect(await codeOf(approval.approve())).toBe('RENDEZVOUS_CONTESTED')
    expect(await codeOf(arrival.offer())).toMatch(/^RENDEZVOUS_/)
  })

  test('of a faster device leaves the honest one without a check code, and the old one gives nothing', async () => {
    const { relay, old, fresh } = await twoDevices()
    const thief = await device(relay)
    const shown = await old.pairing.addDevice()
    const [stolen, approval] = await Promise.all([thief.pairing.join(shown.text), shown.met()])
    expect(await codeOf(fresh.pairing.join(shown.text))).toBe('RENDEZVOUS_CONTESTED')
    await approval.check(stolen.checkCode)
    expect(await codeOf(approval.approve())).toBe('RENDEZVOUS_CONTESTED')
  })

  test('at a hostile rendezvous, which keeps two slots: the honest device gets no answer that it can open', async () => {
    const { relay, old, fresh } = await twoDevices()
    const thief = await device(relay)
    const shown = await old.pairing.addDevice()
    const [, approval] = await Promise.all([thief.pairing.join(shown.text), shown.met()])
    expect(approval.name).toBe('a device')
    const reply = [...relay.slots.values()][0]!.data
    relay.hostile = ({ path, body }) =>
      slotResponse(path === '' ? { seq: 1, data: body.data! } : { seq: 2, data: reply })
    expect(await codeOf(fresh.pairing.join(shown.text))).toBe('PAIRING_FAILED')
    relay.hostile = null
    expect([...relay.slots.values()].map(({ seq }) => seq)).toEqual([2])
  })

  test('of the new device plants no identity: both honest devices raise the alarm before anything is stored', async () => {
    const { relay, old, fresh } = await twoDevices()
    const thief = await device(relay)
    const before = await recordOf(fresh)
    const shown = await fresh.pairing.showCode()
    const [planting, arrival] = await Promise.all([thief.pairing.scan(shown.text), shown.met()])
    await planting.check(arrival.checkCode)
    const given = planting.approve()
    const offer = await identityOf(arrival)
    expect(await codeOf(old.pairing.scan(shown.text))).toBe('RENDEZVOUS_CONTESTED')
    expect(await codeOf(offer.accept({ replace: true }))).toBe('RENDEZVOUS_CONTESTED')
    expect(await codeOf(given)).not.toBe('none')
    expect(await recordOf(fresh)).toEqual(before)
  })

  test('the device that scans cannot choose the check code: it depends on the answer', async () => {
    const { old, fresh } = await twoDevices()
    const codes = new Set<string>()
    for (let count = 0; count < 8; count++) {
      const { arrival, approval } = await FLOWS.A({ old, fresh })
      codes.add(arrival.checkCode)
      await approval.cancel()
    }
    expect(codes.size).toBeGreaterThan(4)
  })
})

describe('a pairing', () => {
  test('accepts a code only where it belongs: a link for the new device, a scan for the old one', async () => {
    const { relay, old, fresh } = await twoDevices()
    const [ofOld, ofNew] = [await old.pairing.addDevice(), await fresh.pairing.showCode()]
    const sent = relay.seen.length
    expect(await codeOf(fresh.pairing.join(ofNew.text))).toBe('PAIRING_CODE_INVALID')
    expect(relay.seen).toHaveLength(sent)
    expect(await codeOf(Promise.race([old.pairing.scan(ofOld.text), ofOld.met()]))).toBe('PAIRING_CODE_INVALID')
  })

  test('never acts on the address of the page by itself (checklist 32: no link acts by itself)', async () => {
    const { relay, old } = await twoDevices()
    const { text } = await old.pairing.addDevice()
    const sent = relay.seen.length
    const look = vi.fn(() => text)
    vi.stubGlobal('location', {
      origin: 'https://notes.example',
      protocol: 'https:',
      hostname: 'notes.example',
      get href() {
        return look()
      },
      get hash() {
        return look()
      },
    })
    const opened = await device(relay, {})
    await opened.auth.ready
    expect(relay.seen).toHaveLength(sent)
    expect(look).not.toHaveBeenCalled()
  })

  test('ends when it is cancelled, on either device', async () => {
    const { relay, old, fresh } = await twoDevices()
    const shown = await old.pairing.addDevice()
    const met = shown.met()
    await shown.cancel()
    expect(await codeOf(met)).toBe('RENDEZVOUS_ENDED')
    expect(await codeOf(fresh.pairing.join(shown.text))).toBe('RENDEZVOUS_ENDED')
    expect(relay.slots.size).toBe(0)
  })

  test('asks the user first, and sends nothing if that fails', async () => {
    const relay = createRelay()
    const confirmUser = vi.fn(() => Promise.reject(new Error('no passkey')))
    const { pairing } = await device(relay, { confirmUser })
    await expect(pairing.addDevice()).rejects.toThrow('no passkey')
    const { text } = await (await device(relay)).pairing.showCode()
    const sent = relay.seen.length
    await expect(pairing.scan(text)).rejects.toThrow('no passkey')
    expect(confirmUser).toHaveBeenCalledWith('secret')
    expect(relay.seen).toHaveLength(sent)
  })

  const refusals: (false | null | { data: null; error: object })[] = [
    false,
    null,
    { data: null, error: { code: 'INVALID_EMAIL_OR_PASSWORD' } },
  ]
  test.each(refusals)('takes the answer %j as a refusal', async (answer) => {
    const relay = createRelay()
    const { pairing } = await device(relay, { confirmUser: () => Promise.resolve(answer) })
    const { text } = await (await device(relay)).pairing.showCode()
    const sent = relay.seen.length
    for (const act of [() => pairing.addDevice(), () => pairing.scan(text)])
      await expect(act()).rejects.toMatchObject({
        code: 'PROVIDER_REFUSED',
        ...(answer && { cause: answer.error }),
      })
    expect(relay.seen).toHaveLength(sent)
  })

  test.each([undefined, true, { data: { user: {} }, error: null }])(
    'takes the answer %j as a confirmation',
    async (answer) => {
      const { pairing } = await device(createRelay(), { confirmUser: () => answer })
      const shown = await pairing.addDevice()
      await shown.cancel()
    },
  )

  test('says so where there is no WebCrypto, and sends nothing', async () => {
    const { relay, old, fresh } = await twoDevices()
    const [ofOld, ofNew] = [await old.pairing.addDevice(), await fresh.pairing.showCode()]
    const sent = relay.seen.length
    const begin = [
      () => old.pairing.addDevice(),
      () => old.pairing.scan(ofNew.text),
      () => fresh.pairing.join(ofOld.text),
      () => fresh.pairing.showCode(),
    ]
    for (const crypto of [undefined, { getRandomValues: globalThis.crypto.getRandomValues }]) {
      vi.stubGlobal('crypto', crypto)
      for (const act of begin) expect(await codeOf(act())).toBe('CRYPTO_UNAVAILABLE')
    }
    expect(relay.seen).toHaveLength(sent)
  })

  test('refuses options that it does not know', async () => {
    const { auth } = await device(createRelay())
    const options = { server: SERVER, deviceName: 'a device', confirmuser: () => false }
    expect(() => createPairing(auth, options)).toThrow(/^confirmuser: unknown option/)
  })

  test('gives no secret if another identity became current meanwhile', async () => {
    const devices = await twoDevices()
    const { approval, arrival } = await FLOWS.A(devices)
    await approval.check(arrival.checkCode)
    await devices.old.auth.importSecret(formatSecret(new Uint8Array(32).fill(7)), { replace: true })
    const given = codeOf(approval.approve())
    expect(await codeOf(arrival.offer())).toBe('RENDEZVOUS_ENDED')
    expect(await given).toBe('IDENTITY_CHANGED')
  })

  test('needs an identity, and a secret that can still be given', async () => {
    const relay = createRelay()
    const anonymous = await device(relay, {}, { initialMode: 'anonymous' })
    expect(await codeOf(anonymous.pairing.addDevice())).toBe('IDENTITY_UNKNOWN')
    const hardened = await device(relay, {}, { harden: 'always' })
    await vi.waitFor(() => expect(hardened.auth.getState().storage.protection).toBe('hardened'), { timeout: 30_000 })
    expect(await codeOf(hardened.pairing.addDevice())).toBe('SECRET_HARDENED')
    expect(relay.seen).toEqual([])
  })

  test('replaces an empty identity, and sets one with data aside', async () => {
    const { old, fresh } = await twoDevices(createRelay(), { describeLocal: () => ({ items: 0 }) })
    const accept = async (): Promise<void> => {
      const { approval, arrival } = await FLOWS.A({ old, fresh })
      await approval.check(arrival.checkCode)
      const given = approval.approve()
      await (await identityOf(arrival)).accept({ replace: true })
      await given
    }
    await accept()
    expect(await entriesOf(fresh)).toEqual([principalOf(old)])
    await fresh.auth.importSecret(formatSecret(new Uint8Array(32).fill(7)), { replace: true, forgetEmpty: true })
    const own = principalOf(fresh)
    await fresh.auth.markWritten()
    await accept()
    expect(new Set(await entriesOf(fresh))).toEqual(new Set([principalOf(old), own]))
  })

  test('sets an identity aside where the app does not say that it is empty', async () => {
    const { old, fresh } = await twoDevices()
    const own = principalOf(fresh)
    const { approval, arrival } = await FLOWS.A({ old, fresh })
    await approval.check(arrival.checkCode)
    const given = approval.approve()
    await (await identityOf(arrival)).accept({ replace: true })
    await given
    expect(new Set(await entriesOf(fresh))).toEqual(new Set([principalOf(old), own]))
  })

  test('does not replace an identity unless it was asked to', async () => {
    const devices = await twoDevices()
    const before = await recordOf(devices.fresh)
    const { approval, arrival } = await FLOWS.A(devices)
    await approval.check(arrival.checkCode)
    approval.approve().catch(() => {})
    expect(await codeOf((await identityOf(arrival)).accept())).toBe('IDENTITY_CHANGED')
    expect(await recordOf(devices.fresh)).toEqual(before)
  })

  test.each([
    ['over 40 characters', 'x'.repeat(41)],
    ['with a control character', 'a\nb'],
    ['that reverses the direction of the text', 'gnp.\u202Eexe'],
    ['with an isolate', 'a\u2066b'],
  ])('shows no name %s, on either side', async (_, deviceName) => {
    const relay = createRelay()
    await expect(device(relay, { deviceName })).rejects.toThrow(TypeError)
    const old = await device(relay)
    await expect(old.pairing.addDevice({ label: deviceName })).rejects.toThrow(TypeError)
    const shown = await old.pairing.addDevice()
    const met = shown.met()
    await sendFirst(relay, shown.text, { name: deviceName, random: 'x'.repeat(43), thumbprint: 'x'.repeat(43) })
    expect(await codeOf(met)).toBe('PAIRING_FAILED')
  })

  test.each([
    ['no name', { random: 'x'.repeat(43), thumbprint: 'x'.repeat(43) }],
    ['a name that is no text', { name: ['a'], random: 'x'.repeat(43), thumbprint: 'x'.repeat(43) }],
    ['no random', { name: 'a', thumbprint: 'x'.repeat(43) }],
    ['no thumbprint', { name: 'a', random: 'x'.repeat(43) }],
    ['nothing', null],
    ['the greeting of the other kind of device', { name: 'a', random: 'x'.repeat(43), mode: 'secret' }],
  ])('with a device that greets with %s ends', async (_, hello) => {
    const relay = createRelay()
    const shown = await (await device(relay)).pairing.addDevice()
    const met = shown.met()
    await sendFirst(relay, shown.text, hello)
    expect(await codeOf(met)).toBe('PAIRING_FAILED')
    expect(relay.slots.size).toBe(0)
  })

  test.each([
    ['a secret that is none', { secret: 'x', label: '' }],
    ['a grant instead', { grant: 'x'.repeat(43), label: '' }],
    ['both', { secret: 'A'.repeat(43), grant: 'A'.repeat(43), label: '' }],
    ['a label that turns the text', { secret: 'A'.repeat(43), label: '\u202E' }],
    ['nothing', null],
  ])('with a device that gives %s ends, and nothing is stored', async (_, gift) => {
    const relay = createRelay()
    const fresh = await device(relay)
    const before = await recordOf(fresh)
    const shown = await fresh.pairing.showCode()
    const met = shown.met()
    const hello = { name: 'a', random: 'x'.repeat(43), mode: 'secret' }
    const { channel, write } = await sendFirst(relay, shown.text, hello)
    const arrival = await met
    await write(3, await channel.seal(3, gift as object))
    expect(await codeOf(arrival.offer())).toBe('PAIRING_FAILED')
    expect(await recordOf(fresh)).toEqual(before)
  })

  test('waits while there is no network, and goes on afterwards', async () => {
    const { relay, old, fresh } = await twoDevices()
    const shown = await old.pairing.addDevice()
    let failures = 3
    relay.hostile = (_, honest) => (failures-- > 0 ? Promise.reject(new TypeError('Failed to fetch')) : honest())
    const met = shown.met()
    await vi.waitFor(() => expect(failures).toBeLessThanOrEqual(0), { timeout: 30_000 })
    await fresh.pairing.join(shown.text)
    expect((await met).name).toBe('phone')
  })

  describe('with a server that never answers', () => {
    const { setTimeout: realTimeout } = globalThis
    let asked = 0
    const never = (): Promise<Response> => {
      asked++
      return new Promise(() => {})
    }
    const fakeTime = () => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
    afterEach(() => void vi.useRealTimers())

    /** Lets time pass until a promise has its result: ten seconds for each request, and the pauses between them. */
    async function passTime<Value>(promise: Promise<Value>): Promise<Value> {
      let isSettled = false
      void promise.finally(() => (isSettled = true))
      while (!isSettled) {
        const isAsked = asked > 0
        // Not afterwards: the next request may be made while time passes.
        asked = 0
        await vi.advanceTimersByTimeAsync(isAsked ? 10_000 : 1)
        // What the engine computes takes real time, and no less of it than passes here: no code expires meanwhile.
        await new Promise((resolve) => realTimeout(resolve, 0))
      }
      return promise
    }

    test.each(['addDevice', 'showCode'] as const)('does not begin: %s', async (method) => {
      const { relay, old } = await twoDevices()
      fakeTime()
      relay.hostile = never
      expect(await passTime(codeOf(old.pairing[method]()))).toBe('OFFLINE')
    })

    test('is over when its code expires', async () => {
      const { relay, old } = await twoDevices()
      fakeTime()
      const met = codeOf((await old.pairing.addDevice()).met())
      relay.hostile = never
      expect(await passTime(met)).toBe('RENDEZVOUS_ENDED')
    })

    test('ends at once when it is cancelled', async () => {
      const { relay, old } = await twoDevices()
      const shown = await old.pairing.addDevice()
      relay.hostile = never
      const met = codeOf(shown.met())
      void shown.cancel()
      expect(await met).toBe('RENDEZVOUS_ENDED')
    })

    test('says so in the end where it is cancelled, and where a message is sent', async () => {
      const { relay, old, fresh } = await twoDevices()
      const { approval, arrival } = await FLOWS.A({ old, fresh })
      await approval.check(arrival.checkCode)
      fakeTime()
      relay.hostile = never
      expect(await passTime(codeOf(approval.approve()))).toBe('OFFLINE')
      await passTime(arrival.cancel())
    })
  })

  test.each(['addDevice', 'scan', 'join', 'showCode'] as const)('ends by the signal of %s', async (act) => {
    const { relay, old, fresh } = await twoDevices()
    const code = await (act === 'scan' ? fresh.pairing.showCode() : old.pairing.addDevice())
    const begin = (signal: AbortSignal): Promise<unknown> =>
      act === 'scan'
        ? old.pairing.scan(code.text, { signal })
        : act === 'join'
          ? fresh.pairing.join(code.text, { signal })
          : (act === 'addDevice' ? old : fresh).pairing[act]({ signal })

    // Before it begins: nothing is sent.
    const sent = relay.seen.length
    const cause = new Error('closed')
    await expect(begin(AbortSignal.abort(cause))).rejects.toMatchObject({ code: 'RENDEZVOUS_ENDED', cause })
    expect(relay.seen).toHaveLength(sent)

    // While a server does not answer: at once, and what the server made of it is removed.
    const stop = new AbortController()
    let answer = (): void => {}
    relay.hostile = (_, honest) => new Promise((resolve) => (answer = () => resolve(honest())))
    const begun = codeOf(begin(stop.signal))
    await vi.waitFor(() => expect(relay.seen.length).toBeGreaterThan(sent), { timeout: 30_000 })
    stop.abort()
    expect(await begun).toBe('RENDEZVOUS_ENDED')
    relay.hostile = null
    answer()
    const left = act === 'addDevice' || act === 'showCode' ? 1 : 0
    await vi.waitFor(() => expect(relay.slots.size).toBe(left), { timeout: 30_000 })
  })

  test('ends by a signal at each later step, on both devices', async () => {
    for (const step of ['met', 'check', 'approve'] as const) {
      const { relay, old, fresh } = await twoDevices()
      const stop = new AbortController()
      const shown = await old.pairing.addDevice({ signal: stop.signal })
      const met = codeOf(shown.met())
      if (step === 'met') {
        stop.abort()
        expect(await met).toBe('RENDEZVOUS_ENDED')
        expect(await codeOf(fresh.pairing.join(shown.text))).toBe('RENDEZVOUS_ENDED')
        continue
      }
      const [arrival, approval] = await Promise.all([fresh.pairing.join(shown.text), shown.met()])
      await approval.check(arrival.checkCode)
      const offer = codeOf(arrival.offer())
      if (step === 'check') stop.abort()
      const given = codeOf(approval.approve())
      if (step === 'approve') await offer
      stop.abort()
      expect(await given).toBe('RENDEZVOUS_ENDED')
      expect(await offer).toBe(step === 'check' ? 'RENDEZVOUS_ENDED' : 'none')
      await vi.waitFor(() => expect(relay.slots.size).toBe(0), { timeout: 30_000 })
    }
  })

  test('does not end by a signal that fires afterwards, and does not hold it', async () => {
    const devices = await twoDevices()
    const stop = new AbortController()
    const removed = vi.spyOn(stop.signal, 'removeEventListener')
    const added = vi.spyOn(stop.signal, 'addEventListener')
    const shown = await devices.old.pairing.addDevice({ signal: stop.signal })
    const [arrival, approval] = await Promise.all([devices.fresh.pairing.join(shown.text), shown.met()])
    await approval.check(arrival.checkCode)
    const given = approval.approve()
    await (await identityOf(arrival)).accept({ replace: true })
    expect(await given).toBe('done')
    stop.abort()
    expect(removed).toHaveBeenCalledTimes(added.mock.calls.length)
    expect(principalOf(devices.fresh)).toBe(principalOf(devices.old))
  })

  test.each(['as soon as the identity is current', 'right after it has accepted'])(
    'is accepted on both devices if the new one closes its dialog %s',
    async (when) => {
      const { relay, old, fresh } = await twoDevices()
      const stop = new AbortController()
      const shown = await old.pairing.addDevice()
      const { signal } = stop
      const [arrival, approval] = await Promise.all([fresh.pairing.join(shown.text, { signal }), shown.met()])
      await approval.check(arrival.checkCode)
      const given = approval.approve().catch((error: unknown) => error)
      const offer = await identityOf(arrival)
      // The old device looks for the answer only once the dialog is closed.
      let close = (): void => {}
      const closed = new Promise<void>((resolve) => (close = resolve))
      relay.hostile = async ({ path, body }, honest) => {
        if (path === '/read' && relay.slots.get(body.channel)?.seq === 4) await closed
        return honest()
      }
      const isCurrent = (): boolean => fresh.auth.getState().session?.principal === offer.principal
      if (when.startsWith('as soon')) fresh.auth.subscribe(() => isCurrent() && stop.abort())
      await offer.accept({ replace: true })
      stop.abort()
      await arrival.cancel()
      close()
      expect(await given).toBe('done')
      expect(relay.slots.size).toBe(0)
    },
  )

  async function offered() {
    const devices = await twoDevices()
    const { approval, arrival } = await FLOWS.A(devices)
    await approval.check(arrival.checkCode)
    const given = approval.approve().catch((error: unknown) => error)
    const importSecret = vi.spyOn(devices.fresh.auth, 'importSecret')
    return { ...devices, given, offer: await identityOf(arrival), importSecret }
  }

  test('that is accepted by two clicks is accepted once', async () => {
    const { offer, given, importSecret } = await offered()
    const accept = () => offer.accept({ replace: true })
    const [first, second] = await Promise.all([accept(), accept()])
    expect(await accept()).toBe(first)
    expect(second).toBe(first)
    expect(await given).toBe('done')
    expect(importSecret).toHaveBeenCalledTimes(1)
  })

  test('is refused if the first click refused, and accepted if the first click accepted', async () => {
    const refused = await offered()
    const refusing = refused.offer.refuse()
    expect(await codeOf(refused.offer.accept({ replace: true }))).toBe('RENDEZVOUS_ENDED')
    await refusing
    expect(await refused.given).toBe('refused')
    expect(refused.importSecret).not.toHaveBeenCalled()

    const accepted = await offered()
    const accepting = accepted.offer.accept({ replace: true })
    await Promise.all([accepted.offer.refuse(), accepting])
    expect(await accepted.given).toBe('done')
    expect(principalOf(accepted.fresh)).toBe(accepted.offer.principal)
  })

  test('can be refused after an acceptance that failed', async () => {
    const { offer, given } = await offered()
    const accepting = codeOf(offer.accept())
    await offer.refuse()
    expect(await accepting).toBe('IDENTITY_CHANGED')
    expect(await given).toBe('refused')
  })

  test('that is cancelled before its gift was written gives nothing', async () => {
    const { relay, old, fresh } = await twoDevices()
    const { approval, arrival } = await FLOWS.A({ old, fresh })
    await approval.check(arrival.checkCode)
    const written: unknown[] = []
    let reads = 0
    relay.hostile = async ({ path, body }, honest) => {
      if (path === '' && body.seq === 3) written.push(body)
      // The second look of the old device is that before its gift.
      const answer = honest()
      if (path === '/read' && ++reads === 2) void approval.cancel()
      return answer
    }
    expect(await codeOf(approval.approve())).toBe('RENDEZVOUS_ENDED')
    await new Promise((resolve) => setTimeout(resolve))
    expect(written).toEqual([])
  })

  test('needs a server that answers as a rendezvous', async () => {
    const { relay, old } = await twoDevices()
    relay.hostile = () => new Response('<html>Welcome to the hotel</html>')
    expect(await codeOf(old.pairing.addDevice())).toBe('OFFLINE')
    relay.hostile = () => refusal('SOMETHING_ELSE')
    expect(await codeOf(old.pairing.addDevice())).toBe('OFFLINE')
    relay.hostile = () => refusal('RENDEZVOUS_FULL')
    expect(await codeOf(old.pairing.addDevice())).toBe('RENDEZVOUS_FULL')
  })
})

/** Sends a first message of its own, as a device that has seen the code. */
async function sendFirst(relay: Relay, text: string, hello: unknown) {
  const code = parseCode(text, text.includes('=1h') ? 'h' : 'n')
  expect(formatCode(URL_OF_APP, code)).toBe(text)
  const keys = await keysOf(code)
  const context = { server: SERVER, name: 'latchkey', channel: keys.channel, shower: code.shower }
  const channel = await openAtScanner(context, code, keys)
  const write = async (seq: number, data: string): Promise<void> => {
    const body = JSON.stringify({ channel: keys.channel, seq, data, tx: 'x'.repeat(22) })
    const response = await relay.fetch(`${SERVER}/latchkey/rendezvous`, { method: 'POST', body })
    expect(response.status).toBe(200)
  }
  await write(1, await channel.seal(1, hello as object))
  return { channel, write }
}
