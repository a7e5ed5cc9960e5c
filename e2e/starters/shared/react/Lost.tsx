import type { LatchkeyErrorCode } from 'latchkey'
import { auth } from '../lib/auth.ts'

/** What to do where the browser lost or refuses the identity. Nothing is made anew unless the user confirms it. */
export function Lost({ problem, onSignIn }: { problem: LatchkeyErrorCode; onSignIn: () => void }) {
  if (problem !== 'KEYSTORE_VANISHED')
    return (
      <p className="notice">This browser stores nothing for this page, so notes cannot be kept here ({problem}).</p>
    )
  return (
    <section className="notice">
      <p>The data of this site was cleared. If you have an account, sign in: your notes are there.</p>
      <div className="row">
        <button className="main" onClick={onSignIn}>
          Sign in
        </button>
        <button onClick={() => void auth.ensureIdentity()}>Start fresh</button>
      </div>
    </section>
  )
}
