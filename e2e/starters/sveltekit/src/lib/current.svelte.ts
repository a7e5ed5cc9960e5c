import { createSubscriber } from 'svelte/reactivity'
import { notes } from './notes.ts'

const subscribe = createSubscriber((update) => notes.subscribe(update))

/** The notes as reactive state. */
export const current = {
  get notes() {
    subscribe()
    return notes.getState()
  },
}
