import { hydrate, mount, tick, unmount } from 'svelte'
import type { BindingRig, Mounted } from '../rig.ts'
import Parts from './Parts.svelte'

const mounted = (component: object): Mounted => ({ settle: () => tick(), unmount: () => void unmount(component) })

export const rigs: readonly BindingRig[] = [
  {
    name: 'Svelte',
    renders: 1,
    hasErrorBoundaries: true,
    mount: (target, parts, onError) => mounted(mount(Parts, { target, props: { parts, onError } })),
    hydrate: (target, parts) => mounted(hydrate(Parts, { target, props: { parts } })),
  },
]
