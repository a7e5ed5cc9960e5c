import { type Auth, createAuth, memoryStore } from 'latchkey'
import { createPairing } from 'latchkey/pairing'
import { createRecovery } from 'latchkey/recovery'
import { type MemoryAccountClient, memoryAccountServer } from 'latchkey/testing'

/** What came back on an empty device. */
export interface BroughtBack {
  readonly isSamePrincipal: boolean
  /** True if `deriveKey` gives the same bytes. */
  readonly isSameKey: boolean
}

interface Device {
  readonly auth: Auth
  readonly account: MemoryAccountClient
}

const server = memoryAccountServer()

/** The first device keeps its record in this browser; another one has its own. */
async function openDevice(initialMode: 'local-first' | 'anonymous', isFirst: boolean): Promise<Device> {
  const account = server.connect()
  const keystore = isFirst ? {} : { keystore: memoryStore() }
  const auth = createAuth({ account: account.provider, harden: 'never', initialMode, ...keystore })
  await auth.ready
  return { auth, account }
}

const principalOf = ({ auth }: Device): string | undefined => auth.getState().session?.principal
const keyOf = async ({ auth }: Device): Promise<string> => String(new Uint8Array(await auth.deriveKey('notes')))

async function compare(first: Device, second: Device): Promise<BroughtBack> {
  return {
    isSamePrincipal: principalOf(first) === principalOf(second),
    isSameKey: (await keyOf(first)) === (await keyOf(second)),
  }
}

/** The words of one device are read on another, which is empty; with an account, it is signed in before. */
export async function bringBackByWords(hasAccount: boolean): Promise<BroughtBack> {
  const [first, second] = [await openDevice('local-first', true), await openDevice('anonymous', false)]
  const { words } = await createRecovery(first.auth).beginBackup()
  if (hasAccount) {
    await first.auth.upgrade(() => first.account.signUp('ada'))
    await second.auth.upgrade(() => second.account.signIn('ada'))
  }
  const recovery = createRecovery(second.auth)
  const preview = await recovery.readPhrase(words.join(' '))
  if (hasAccount) await recovery.unlockData(preview)
  else await recovery.importPhrase(preview, { evenIfUnknown: true })
  return compare(first, second)
}

/** Two devices pair at a rendezvous in this page, by the code that either of them shows. */
export async function bringBackByPairing(shower: 'old' | 'new'): Promise<BroughtBack> {
  const [first, second] = [await openDevice('local-first', true), await openDevice('local-first', false)]
  const given = { server: `${location.origin}/api/auth`, fetch: rendezvous(), interval: 5 }
  const old = createPairing(first.auth, { ...given, deviceName: 'laptop' })
  const fresh = createPairing(second.auth, { ...given, deviceName: 'phone' })
  const shown = shower === 'old' ? await old.addDevice() : await fresh.showCode()
  const [approval, arrival] = await Promise.all(
    shower === 'old'
      ? [(shown as Awaited<ReturnType<typeof old.addDevice>>).met(), fresh.join(shown.text)]
      : [old.scan(shown.text), (shown as Awaited<ReturnType<typeof fresh.showCode>>).met()],
  )
  await approval.check(arrival.checkCode)
  const approved = approval.approve()
  const offer = await arrival.offer()
  if (offer.mode !== 'secret') throw new Error(`expected an identity, got ${offer.mode}`)
  await offer.accept({ replace: true })
  await approved
  return compare(first, second)
}

interface Slot {
  readonly seq: number
  readonly data: string
}

/** Answers as the rendezvous of the Better Auth plugin. */
function rendezvous(): typeof fetch {
  const slots = new Map<string, Slot>()
  return async (input, init) => {
    const { channel, seq, data } = JSON.parse(String(init!.body)) as Slot & { readonly channel: string }
    const path = String(input).split('/latchkey/rendezvous')[1]
    if (path === '') slots.set(channel, { seq, data })
    if (path === '/delete') slots.delete(channel)
    const slot = slots.get(channel)
    if (path === '/delete') return answer({ status: true })
    if (!slot) return answer({ code: 'RENDEZVOUS_ENDED' }, 404)
    return answer({ ...slot, isContested: false, expiresIn: 300_000, now: Date.now() })
  }
}

/** Without `Response.json`, which old browsers lack. */
function answer(body: object, status = 200): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })
}
