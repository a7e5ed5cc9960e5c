/**
 * Simulates a missing network in this page: `fetch` rejects, `navigator.onLine` is false, `offline` is dispatched.
 * Workers, open sockets, running requests and code that kept a reference to `fetch` are not affected.
 *
 * @returns a function that restores everything
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
    // Code that wrapped `fetch` meanwhile stays: the function that it calls passes everything on from now on.
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
