import { generateHydrationScript, renderToString } from 'solid-js/web'
import { Parts } from './parts.jsx'

/** @param {readonly import('../rig.ts').Part[]} parts */
export const render = async (parts) => renderToString(() => <Parts parts={parts} />)

/** What Solid needs in the head of a page that it hydrates. */
export const head = generateHydrationScript()
