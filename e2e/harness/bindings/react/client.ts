import { Fragment, StrictMode, createElement } from 'react'
import { flushSync } from 'react-dom'
import { createRoot, hydrateRoot } from 'react-dom/client'
import type { BindingRig, Mounted, Part } from '../rig.ts'
import { Parts } from './parts.ts'

const rigOf = (name: string, Mode: typeof StrictMode, renders: number): BindingRig => {
  const tree = (parts: readonly Part[]) => createElement(Mode, null, createElement(Parts, { parts }))
  return {
    name,
    renders,
    hasErrorBoundaries: true,
    mount(target, parts, onError) {
      const root = createRoot(target, { onCaughtError: onError })
      flushSync(() => root.render(tree(parts)))
      return mounted(root)
    },
    hydrate: (target, parts) => mounted(hydrateRoot(target, tree(parts))),
  }
}

const mounted = (root: { unmount(): void }): Mounted => ({
  // Effects run in a task of their own.
  settle: () => new Promise((resolve) => void setTimeout(() => resolve(flushSync(() => {})))),
  unmount: () => root.unmount(),
})

export const rigs: readonly BindingRig[] = [
  rigOf('React', Fragment as typeof StrictMode, 1),
  rigOf('React in StrictMode', StrictMode, 2),
]
