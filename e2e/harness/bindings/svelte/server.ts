import { render as renderComponent } from 'svelte/server'
import type { Part } from '../rig.ts'
import Parts from './Parts.svelte'

export const render = async (parts: readonly Part[]): Promise<string> =>
  renderComponent(Parts, { props: { parts } }).body
