import type { ReactNode } from 'react'
import { Identity } from './identity'
import { LateIdentity } from './late-identity'
import { NoteForm } from './note-form'
import { viewer } from './resolver'

/** A server component: a navigation carries a cookie and no bearer, so only an account is known here. */
export default async function Page(): Promise<ReactNode> {
  const session = await viewer()
  return (
    <main>
      <p data-testid="server">{session?.principal ?? 'anonymous'}</p>
      <NoteForm />
      <Identity name="early" />
      <LateIdentity name="late" />
    </main>
  )
}
