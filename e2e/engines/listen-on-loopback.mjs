// Preloaded into servers that have no option for it: they listen on 127.0.0.1 instead of all interfaces.
import { Server } from 'node:net'

const { listen } = Server.prototype

/** @this {Server} @param {any} first @param {...any} rest */
Server.prototype.listen = function listenOnLoopback(first, ...rest) {
  // A port, a host and a callback.
  if (typeof first === 'number') return listen.call(this, first, '127.0.0.1', rest.at(-1))
  const given = typeof first === 'object' && first !== null && 'port' in first ? { ...first, host: '127.0.0.1' } : first
  return listen.call(this, given, ...rest)
}
