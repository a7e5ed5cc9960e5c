import { hydrate, render } from 'solid-js/web'
import { Parts } from './parts.jsx'

/** @param {() => void} dispose */
const mounted = (dispose) => ({ settle: async () => {}, unmount: dispose })

/** @type {readonly import('../rig.ts').BindingRig[]} */
export const rigs = [
  {
    name: 'Solid',
    renders: 1,
    hasErrorBoundaries: true,
    mount: (target, parts, onError) => mounted(render(() => <Parts parts={parts} onError={onError} />, target)),
    hydrate: (target, parts) => mounted(hydrate(() => <Parts parts={parts} />, target)),
  },
]
