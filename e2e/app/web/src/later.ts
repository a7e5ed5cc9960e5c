import { tell } from './tell.ts'

/**
 * Returns a function that loads a part of the app when it is first called, and then opens it. Browsers that remember a
 * failed import load it only after a reload (whatwg/html#6768).
 */
export function later<Given extends unknown[]>(
  load: () => Promise<(...given: Given) => unknown>,
): (...given: Given) => void {
  let loading: ReturnType<typeof load> | undefined
  return (...given) => {
    loading ??= load()
    void loading.then(
      (open) => open(...given),
      () => {
        loading = undefined
        tell('This part of the app could not be loaded. Reload the page once the network is back.', {
          action: { label: 'Reload', act: () => location.reload() },
        })
      },
    )
  }
}
