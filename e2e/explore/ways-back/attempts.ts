import type { Approval, Arrival, PairingOffer, ShownCode } from '../../../lib/pairing.ts'
import type { RestorePreview } from '../../../lib/recovery.ts'
import type { Owner, Page, World } from './world.ts'

/** How an identity comes to another device. */
export const WAYS = ['words', 'file', 'passkey', 'pairing, code here', 'pairing, code there'] as const

export type Way = (typeof WAYS)[number]

/** One attempt, on a page of the device that is to get the identity. */
export interface Attempt {
  readonly world: World
  readonly owner: Owner
  readonly way: Way
  readonly page: Page
  /** The page of the owner's own device, for a pairing. */
  readonly other: Page
  /** Called once the user has confirmed what is shown: from now on the identity may come. */
  readonly confirm: () => void
}

/** Goes through a restore or a pairing as users do. */
export function attemptOf(attempt: Attempt): Promise<unknown> {
  const { page, owner, way, world } = attempt
  switch (way) {
    case 'words':
      return restore(attempt, () => page.recovery.readPhrase(owner.words), page.recovery.importPhrase)
    case 'file':
      world.authenticator.choice = owner.passkey
      return restore(attempt, () => page.passkeys.readFile(owner.file), page.passkeys.importBackup)
    case 'passkey':
      world.authenticator.choice = owner.passkey
      return restore(attempt, () => page.passkeys.readStored(), page.passkeys.importBackup)
    default:
      return pair(attempt)
  }
}

async function restore<Preview extends RestorePreview>(
  { owner, confirm }: Attempt,
  read: () => Promise<Preview>,
  bring: (preview: Preview, options: { replace: boolean; evenIfUnknown: boolean }) => Promise<unknown>,
): Promise<unknown> {
  const preview = await read()
  if (preview.principal !== owner.principal) throw new Error(`the preview shows ${preview.principal}`)
  confirm()
  return twice(() => bring(preview, { replace: true, evenIfUnknown: true }))
}

/** Whose click came to nothing, clicks again. */
function twice<Result>(click: () => Promise<Result>): Promise<Result> {
  return click().catch((error: { code?: string }) => {
    if (error.code === undefined) throw error
    return click()
  })
}

async function pair({ way, page, other, confirm }: Attempt): Promise<unknown> {
  const ends: (() => Promise<void>)[] = []
  /** Both devices at once. If one fails, the other one gives up as its user would. */
  const both = async <One, Other>(one: Promise<One>, second: Promise<Other>): Promise<[One, Other]> => {
    const work = [one, second].map((each) => each.catch((error: unknown) => endAll().then(() => Promise.reject(error))))
    const [first, last] = await Promise.allSettled(work)
    for (const result of [first!, last!]) if (result.status === 'rejected') throw result.reason
    return [await one, await second]
  }
  const endAll = async (): Promise<void> => {
    await Promise.all(ends.map((end) => end()))
    // A device that waits for one that is gone, with nothing to cancel yet: its user closes the page.
    for (const { faults } of [page, other]) faults.die()
  }
  const shows = async <Met extends Approval | Arrival>(code: Promise<ShownCode<Met>>): Promise<ShownCode<Met>> => {
    const shown = await code
    ends.push(() => shown.cancel())
    return shown
  }
  try {
    const [approval, arrival] = await met()
    ends.push(
      async () => void (await approval.cancel()),
      () => arrival.cancel(),
    )
    await approval.check(arrival.checkCode)
    const [taken, approving] = [arrival.offer().then(take), approval.approve()]
    // Where the last message is lost, the other device would wait until the code expires.
    return await Promise.race([taken, approving.then(() => taken)]).finally(async () => {
      await endAll()
      await Promise.allSettled([taken, approving])
    })
  } finally {
    await endAll()
  }

  async function met(): Promise<[Approval, Arrival]> {
    if (way === 'pairing, code there') {
      const code = await shows(other.pairing.addDevice({ label: 'notes' }))
      return both(code.met(), page.pairing.join(code.text))
    }
    const code = await shows(page.pairing.showCode())
    return both(other.pairing.scan(code.text, { label: 'notes' }), code.met())
  }

  function take(offer: PairingOffer): Promise<unknown> {
    confirm()
    return twice<unknown>(() => (offer.mode === 'secret' ? offer.accept({ replace: true }) : offer.accept()))
  }
}
