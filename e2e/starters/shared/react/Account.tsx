import { type FormEvent, useEffect, useRef, useState } from 'react'
import { type UpgradeResult, isLatchkeyError } from 'latchkey'
import { useAuth, useUpgrade } from 'latchkey/react'
import { auth, authClient } from '../lib/auth.ts'
import { notes } from '../lib/notes.ts'
import { failureOf, isDone, outcomeOf } from '../lib/words.ts'

interface Props {
  /** Shows a sentence in the page, once the dialog is closed. */
  readonly onMessage: (text: string) => void
  readonly onClose: () => void
}

/** Everything about the account, in one dialog: which part of it is shown follows from `phase`. */
export function Account({ onMessage, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null)
  const upgrade = useUpgrade(auth)
  const { isBusy } = upgrade
  const [message, setMessage] = useState('')

  useEffect(() => {
    dialog.current?.showModal()
  }, [])

  async function settle(action: Promise<UpgradeResult>) {
    const result = await action
    const text = outcomeOf(result)
    if (isDone(result)) {
      onMessage(text)
      onClose()
    } else {
      // A user who closed the dialog meanwhile reads it in the page.
      const show = dialog.current ? setMessage : onMessage
      show(text)
    }
  }

  return (
    <dialog ref={dialog} aria-labelledby="account-title" onClose={onClose}>
      {(upgrade.phase === 'ready' || upgrade.phase === 'reauthenticate') && (
        <Entry {...{ isBusy, settle }} run={upgrade.run} />
      )}
      {upgrade.phase === 'pending' && (
        <>
          <h2 id="account-title">One more step</h2>
          <p>Open the mail to {upgrade.pending.expected ?? 'you'} on this device.</p>
          <div className="choices">
            <button onClick={upgrade.cancel}>Cancel</button>
          </div>
        </>
      )}
      {upgrade.phase === 'confirm' && (
        <>
          <h2 id="account-title">Continue as {upgrade.account.identifiers.join(', ') || 'this account'}?</h2>
          <div className="choices">
            <button className="main" disabled={isBusy} onClick={() => void settle(upgrade.decide('accept'))}>
              Continue
            </button>
            <button disabled={isBusy} onClick={upgrade.cancel}>
              No
            </button>
          </div>
        </>
      )}
      {upgrade.phase === 'conflict' && (
        <>
          <h2 id="account-title">Two sets of notes</h2>
          <p>
            This device has {upgrade.preview?.deviceData?.label ?? 'notes'}, your account has{' '}
            {upgrade.preview?.accountData?.label ?? 'notes'}.
          </p>
          <div className="choices">
            {!upgrade.conflict.isTaken && (
              <button className="main" disabled={isBusy} onClick={() => void settle(upgrade.decide('adopt'))}>
                Keep both
              </button>
            )}
            <button disabled={isBusy} onClick={() => void settle(upgrade.decide('switch'))}>
              Use the account, and set this device’s notes aside
            </button>
            <button disabled={isBusy} onClick={upgrade.cancel}>
              Stay without the account
            </button>
          </div>
        </>
      )}
      {upgrade.phase === 'signed-in' && <SignedIn onMessage={setMessage} onClose={onClose} />}
      <p role="status">{message}</p>
      <button onClick={onClose}>Close</button>
    </dialog>
  )
}

interface EntryProps {
  readonly isBusy: boolean
  readonly run: ReturnType<typeof useUpgrade>['run']
  readonly settle: (action: Promise<UpgradeResult>) => Promise<void>
}

function Entry({ isBusy, run, settle }: EntryProps) {
  const [isNew, setNew] = useState(true)

  function enter(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const [email, password] = [String(form.get('email')), String(form.get('password'))]
    // The one call for sign-up and sign-in: the device proves which identity is behind it.
    const name = email.split('@')[0]!
    void settle(
      run(() =>
        isNew ? authClient.signUp.email({ email, password, name }) : authClient.signIn.email({ email, password }),
      ),
    )
  }

  return (
    <>
      <h2 id="account-title">{isNew ? 'Keep your notes' : 'Sign in'}</h2>
      <p className="quiet">
        {isNew
          ? 'Nothing moves: the account gets the identity that you have.'
          : 'The notes of your account come to this device.'}
      </p>
      <form className="stack" onSubmit={enter}>
        <label>
          E-mail
          <input name="email" type="email" autoComplete="email" required />
        </label>
        <label>
          Password
          <input
            name="password"
            type="password"
            autoComplete={isNew ? 'new-password' : 'current-password'}
            minLength={8}
            required
          />
        </label>
        <button className="main" disabled={isBusy}>
          {isNew ? 'Create account' : 'Sign in'}
        </button>
        <button type="button" disabled={isBusy} onClick={() => setNew(!isNew)}>
          {isNew ? 'I have an account' : 'I am new here'}
        </button>
      </form>
    </>
  )
}

function SignedIn({ onMessage, onClose }: Props) {
  const session = useAuth(auth, (state) => state.session)
  const [isHeld, setHeld] = useState(false)

  async function signOut(force: boolean) {
    try {
      await notes.sync()
      await auth.signOut({ force })
      onClose()
    } catch (error) {
      if (!isLatchkeyError(error)) throw error
      setHeld(error.code === 'UNSYNCED_DATA')
      onMessage(error.code === 'UNSYNCED_DATA' ? 'Some notes are only on this device.' : failureOf(error.code))
    }
  }

  return (
    <>
      <h2 id="account-title">Your account</h2>
      <p>
        Identity <code>{session?.principal}</code>
      </p>
      <p className="quiet">A second device: open this page there, and sign in.</p>
      <div className="choices">
        <button onClick={() => void signOut(isHeld)}>{isHeld ? 'Sign out all the same' : 'Sign out'}</button>
      </div>
    </>
  )
}
