import { headers } from 'next/headers'
import type { ReactNode } from 'react'
import { Identity } from './identity'
import { LateIdentity } from './late-identity'
import { resolver } from './resolver'

/** A server component: a navigation carries no bearer, so everybody is anonymous here. */
export default async function Page(): Promise<ReactNode> {
  const who = await resolver().resolve({ headers: await headers() })
  return (
    <main>
      <p data-testid="server">{who.ok ? who.session.authMode : who.reason}</p>
      <Identity name="early" />
      <LateIdentity name="late" />
    </main>
  )
}
