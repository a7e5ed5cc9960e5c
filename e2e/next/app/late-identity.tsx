'use client'

import { type ReactNode, Suspense, lazy } from 'react'
import { auth } from './auth'

const Identity = lazy(async () => {
  await auth.ready
  return { default: (await import('./identity')).Identity }
})

/** The same, but React looks at it for the first time when the identity stands already. */
export function LateIdentity({ name }: { readonly name: string }): ReactNode {
  return (
    <Suspense>
      <Identity name={name} />
    </Suspense>
  )
}
