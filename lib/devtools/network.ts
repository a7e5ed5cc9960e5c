/**
 * Makes this page behave as without a network: `fetch` rejects, `navigator.onLine` is false, `offline` is dispatched.
 * Workers, open sockets, requests under way and whoever took hold of `fetch` earlier do not notice.
 *
 * @returns a function that puts everything back as it was
 */
export function cutNetwork(): () => void {
  const real = globalThis.fetch
  let isCut = true
  const dead: typeof fetch = async (...request) => {
    if (isCut) throw new TypeError('Failed to fetch')
    return real(...request)
  }
  const wasOnline = navigator.onLine
  const restoreFetch = override(globalThis, 'fetch', { value: dead, writable: true, enumerable: true })
  const restoreOnLine = override(navigator, 'onLine', { get: () => false })
  if (wasOnline) dispatchEvent(new Event('offline'))

  return () => {
    isCut = false
    // Somebody who wrapped it meanwhile stays: what they call passes everything on from now on.
    if (globalThis.fetch === dead) restoreFetch()
    restoreOnLine()
    if (navigator.onLine) dispatchEvent(new Event('online'))
  }
}

function override(target: object, name: string, property: PropertyDescriptor): () => void {
  const before = Object.getOwnPropertyDescriptor(target, name)
  Object.defineProperty(target, name, { ...property, configurable: true })
  return () => void (before ? Object.defineProperty(target, name, before) : Reflect.deleteProperty(target, name))
}
