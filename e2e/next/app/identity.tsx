'use client'

import { useAuth } from 'latchkey/react'
import { type ReactNode, useState } from 'react'
import { auth } from './auth'

/** Who is here, and on demand who the server takes them for. */
export function Identity({ name }: { readonly name: string }): ReactNode {
  const { phase, session } = useAuth(auth)
  const [answer, setAnswer] = useState('')
  const ask = async (): Promise<void> => {
    const response = await auth.fetch('/api/who', { method: 'POST' })
    setAnswer(`${response.status} ${await response.text()}`)
  }
  return (
    <section data-testid={name}>
      <p data-testid="phase">{phase}</p>
      <p data-testid="principal">{session?.principal ?? 'nobody yet'}</p>
      <button type="button" onClick={() => void ask()}>
        Who am I?
      </button>
      <output>{answer}</output>
    </section>
  )
}
