import { onScopeDispose, onMounted, shallowRef } from 'vue'
import { notes } from './lib/notes.ts'

/** The notes as a ref. */
export function useNotes() {
  const current = shallowRef(notes.getServerState())
  let stop = () => {}
  onMounted(() => {
    const show = () => (current.value = notes.getState())
    stop = notes.subscribe(show)
    show()
  })
  onScopeDispose(() => stop())
  return current
}
