import { tell } from './tell.ts'

/** Returns a function that loads a part of the app when it is first called, and then opens it. */
export function later(load: () => Promise<() => unknown>): () => void {
  let loading: Promise<() => unknown> | undefined
  return () => {
    loading ??= load()
    void loading.then(
      (open) => open(),
      () => {
        loading = undefined
        tell('This part of the app could not be loaded. Try again when the network is back.')
      },
    )
  }
}
