/** The page's own network switch: a person can go offline without the browser's developer tools. */
export interface Network {
  isOff(): boolean
  switchTo(isOff: boolean): void
}

export function createNetwork(): Network {
  const request = globalThis.fetch
  let off = false
  globalThis.fetch = (...given) => (off ? Promise.reject(new TypeError('offline')) : request(...given))
  const isOnline = Object.getOwnPropertyDescriptor(Navigator.prototype, 'onLine')!.get!
  Object.defineProperty(navigator, 'onLine', { configurable: true, get: () => !off && isOnline.call(navigator) })
  return {
    isOff: () => off,
    switchTo(isOff) {
      off = isOff
      dispatchEvent(new Event(isOff ? 'offline' : 'online'))
    },
  }
}
