import type { App } from '../app.ts'
import { type Approval, type Arrival, type PairingOffer, createPairing } from 'latchkey/pairing'
import encodeQR from 'qr'
import { first, onClick, part, setHidden, setText } from '../dom.ts'
import { scanCode } from '../scanner.ts'
import { tell } from '../tell.ts'
import { attempt } from './attempt.ts'
import { type EntryActs, enterBy } from './outcome.ts'

/** Steps of both sides; each is a part of the dialog. */
const STEPS = ['code', 'scan', 'digits', 'join', 'show', 'offer'] as const
type Step = (typeof STEPS)[number]

export interface PairingDialog {
  /** On the device that has the notes. */
  addDevice(): Promise<void>
  /** On the new device, after its link was opened. Nothing happens before the user clicks. */
  join(link: string): void
  /** On the new device: reads the code of the other one with the camera. */
  scan(): Promise<void>
  /** On the new device: shows a code, for the camera of the other one. */
  showCode(): Promise<void>
}

/** Brings a second device in: a QR code here, four digits there. Loads when it is opened. */
export function createPairingDialog(app: App, acts: EntryActs): PairingDialog {
  const { auth } = app
  const pairing = createPairing(auth, { server: `${location.origin}/api/auth`, deviceName: deviceName() })
  const dialog = part<HTMLDialogElement>('pairing-dialog')
  let cancel: (() => unknown) | undefined
  let approval: Approval | undefined
  let offer: PairingOffer | undefined
  let link = ''
  /** The attempt whose errors are shown. */
  let turn = 0

  function show(step: Step, words: string): void {
    for (const each of STEPS) setHidden(part(`pairing-${each}`), each !== step)
    setText(part('pairing-heading'), HEADINGS[step])
    setText(part('pairing-words'), words)
    setText(part('pairing-error'), '')
    if (!dialog.open) dialog.showModal()
    part('pairing-heading').focus()
  }

  const run = (act: () => Promise<void>): Promise<void> => {
    const mine = turn
    // Ending a pairing, by closing the dialog or to begin another one, needs no words.
    return attempt('pairing', act, (code) => (mine === turn ? (FAILURES[code] ?? FAILED) : undefined))
  }

  async function finish(words: string): Promise<void> {
    cancel = undefined
    dialog.close()
    tell(words)
  }

  onClick('pairing-close', () => dialog.close())
  dialog.addEventListener('close', () => {
    turn++
    void cancel?.()
    cancel = approval = offer = undefined
    part('pairing-qr').replaceChildren()
    part('account-menu').focus()
  })

  first(part('pairing-digits'), 'form').addEventListener('submit', (event) => {
    event.preventDefault()
    void run(async () => {
      const given = approval!
      await given.check(part<HTMLInputElement>('pairing-typed').value)
      setText(part('pairing-words'), 'Waiting for confirmation on the other device…')
      const answer = await given.approve()
      await finish(answer === 'done' ? 'The other device has your notes now.' : 'The other device refused.')
    })
  })

  /** The other device has this one before it: it is asked there, then here. */
  async function receive(arrival: Arrival): Promise<void> {
    cancel = () => arrival.cancel()
    setText(part('pairing-check'), arrival.checkCode)
    show('show', `Type these digits on “${arrival.name}”. Nothing has changed here yet.`)
    offer = await arrival.offer()
    cancel = () => offer?.refuse()
    show('offer', offerWords(offer))
  }

  function give(met: Approval): void {
    approval = met
    cancel = () => met.cancel()
    part<HTMLInputElement>('pairing-typed').value = ''
    show('digits', `A device that calls itself “${met.name}” wants your notes. Type the digits that it shows.`)
    part('pairing-typed').focus()
  }

  /** @returns the text of the other device's code */
  async function scan(): Promise<string> {
    const closing = new AbortController()
    await cancel?.()
    cancel = () => closing.abort()
    show('scan', 'Hold the code of the other device in front of the camera.')
    return scanCode(part<HTMLVideoElement>('pairing-video'), isPairingLink, closing.signal)
  }

  const join = (text: string): void => {
    link = text
    show('join', 'You have the code of another device. Join only if you showed it there yourself just now.')
  }

  /** Closing the dialog ends the pairing while the devices meet, too. */
  function meet<Met>(begin: (how: { readonly signal: AbortSignal }) => Promise<Met>): Promise<Met> {
    const closing = new AbortController()
    cancel = () => closing.abort()
    return begin({ signal: closing.signal })
  }

  onClick('pairing-join-now', () => run(async () => receive(await meet((how) => pairing.join(link, how)))))
  onClick('pairing-scan-instead', () => {
    turn++
    return run(async () => {
      const text = await scan()
      give(await meet((how) => pairing.scan(text, how)))
    })
  })
  async function take(accepted: PairingOffer): Promise<void> {
    if (accepted.mode === 'secret') {
      await accepted.accept({ replace: true })
      return finish('This device has the notes now.')
    }
    const error = await enterBy(
      app,
      acts,
      'Signed in.',
      () => accepted.accept(),
      () => dialog.close(),
    )
    if (error) throw error
  }

  onClick('pairing-accept', () => {
    if (dialog.hasAttribute('data-busy')) return undefined
    return run(async () => {
      const [accepted, refuse] = [offer!, cancel]
      // Closing the dialog from now on refuses nothing.
      cancel = undefined
      try {
        await take(accepted)
      } catch (error) {
        if (offer === accepted) cancel = refuse
        throw error
      }
    })
  })

  return {
    addDevice: () =>
      run(async () => {
        const code = await pairing.addDevice()
        cancel = () => code.cancel()
        showCode(code.text)
        setHidden(part('pairing-scan-instead'), false)
        show('code', 'Scan this with the camera of your other device, and click Join there.')
        give(await code.met())
      }),
    join,
    scan: () => run(async () => join(await scan())),
    showCode: () =>
      run(async () => {
        const code = await pairing.showCode()
        cancel = () => code.cancel()
        showCode(code.text)
        setHidden(part('pairing-scan-instead'), true)
        show(
          'code',
          'On your other device, choose “Add a device” and “Scan its code”, and point its camera at this screen.',
        )
        await receive(await code.met())
      }),
  }
}

function showCode(text: string): void {
  const image = new DOMParser().parseFromString(encodeQR(text, 'svg'), 'image/svg+xml').documentElement
  image.setAttribute('role', 'img')
  image.setAttribute('aria-label', 'QR code for your other device')
  part('pairing-qr').replaceChildren(image)
}

function offerWords(offer: PairingOffer): string {
  if (offer.mode === 'account')
    return `This device would be signed in to the account of ${offer.identifiers[0] ?? 'the other device'}.`
  const ending = offer.principal.slice(-4)
  const aside = offer.replaces ? ' The notes on this device are set aside.' : ''
  return `This device would get the notes of the identity that ends in ${ending}.${aside}`
}

/** As the other device shows it. */
function deviceName(): string {
  const { platform = '' } = (navigator as { userAgentData?: { platform?: string } }).userAgentData ?? {}
  return platform ? `A browser on ${platform}` : 'A browser'
}

const isPairingLink = (text: string): boolean => text.includes('#latchkey-pair=')

const HEADINGS: Readonly<Record<Step, string>> = {
  code: 'Connect two devices',
  scan: 'Scan the code',
  digits: 'Is it your device?',
  join: 'Join your other device?',
  show: 'Type these digits there',
  offer: 'Bring the notes here?',
}

const FAILED = 'That did not work, and nothing has changed. Close this and start again.'

const FAILURES: Readonly<Partial<Record<string, string>>> = {
  PAIRING_CHECK_WRONG: 'These digits do not match. Check the other device again.',
  PAIRING_CODE_INVALID: 'This link is not complete.',
  NotAllowedError: 'This page may not use the camera. Allow it in the browser, or show a code here instead.',
  NotFoundError: 'There is no camera here. Use the other device’s camera instead.',
  RENDEZVOUS_ENDED: 'It was refused or took too long. Close this and start again.',
  RENDEZVOUS_CONTESTED:
    'Another device used this code. Nothing was shared. Start again where no one else can see the code.',
  SESSION_NOT_FRESH: 'You signed in too long ago for this. Sign out, sign in again and try once more.',
  SESSION_PAIRED: 'Another device approved this one. Sign in here first.',
  SECRET_HARDENED: 'The key of this device is locked into this browser. Create an account to add a device.',
  IDENTITY_CHANGED: 'You are signed in to an account here. Sign out first.',
  PRINCIPAL_TAKEN: 'The notes on this device already belong to another account. Nothing has changed.',
  OFFLINE: 'The server cannot be reached. Nothing has changed.',
}
