import { type FormEvent, useState, useSyncExternalStore } from 'react'
import { isLatchkeyError } from 'latchkey'
import { useAuth, useUpgrade } from 'latchkey/react'
import { Account } from './Account.tsx'
import { Lost } from './Lost.tsx'
import { auth } from '../lib/auth.ts'
import { MAX_CHARACTERS } from '../lib/local-notes.ts'
import { notes as store } from '../lib/notes.ts'
import { failureOf, placeOf } from '../lib/words.ts'

export function App() {
  const state = useAuth(auth)
  const { phase } = useUpgrade(auth)
  const notes = useSyncExternalStore(store.subscribe, store.getState, store.getServerState)
  const [isOpen, setOpen] = useState(false)
  const [message, setMessage] = useState('')
  const hasQuestion = phase === 'conflict' || phase === 'confirm'

  async function add(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const form = event.currentTarget
    const text = String(new FormData(form).get('text')).trim()
    if (!text) return
    try {
      await store.add(text)
      form.reset()
    } catch (error) {
      if (!isLatchkeyError(error)) throw error
      setMessage(failureOf(error.code))
    }
  }

  return (
    <main className="page">
      <header>
        <h1>Notes</h1>
        <button onClick={() => setOpen(true)}>{hasQuestion ? 'Answer the question' : nameOf(phase)}</button>
      </header>
      <p className="quiet" role="status">
        {state.phase === 'starting' ? ' ' : placeOf(state, notes)}
      </p>
      {message && (
        <p className="notice" role="status">
          {message}
        </p>
      )}
      {state.storage.problem && <Lost problem={state.storage.problem} onSignIn={() => setOpen(true)} />}
      <form onSubmit={add}>
        <input
          name="text"
          aria-label="New note"
          placeholder="Write something…"
          autoComplete="off"
          dir="auto"
          maxLength={MAX_CHARACTERS}
        />
        <button className="main">Add</button>
      </form>
      <ul>
        {notes.notes.map((note) => (
          <li key={note.id} dir="auto">
            {note.text}
            <button aria-label={`Delete ${note.text}`} onClick={() => void store.remove(note)}>
              ✕
            </button>
          </li>
        ))}
      </ul>
      {isOpen && <Account onMessage={setMessage} onClose={() => setOpen(false)} />}
    </main>
  )
}

function nameOf(phase: string): string {
  if (phase === 'signed-in') return 'Your account'
  return phase === 'reauthenticate' ? 'Sign in again' : 'Keep your notes'
}
