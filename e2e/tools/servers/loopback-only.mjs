// Preloaded into servers of the specs: nothing that they fetch by themselves may leave this machine.
const { fetch } = globalThis

globalThis.fetch = async (resource, options) => {
  const { hostname } = new URL(resource instanceof Request ? resource.url : resource)
  if (!['localhost', '127.0.0.1'].includes(hostname)) throw new TypeError(`not a loopback address: ${hostname}`)
  return fetch(resource, options)
}
