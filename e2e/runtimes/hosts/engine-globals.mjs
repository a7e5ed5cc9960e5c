// What React Native and Expo give an app besides the engine, as far as the client needs it. The command lines of the
// engines have none of it.
import { AbortController, AbortSignal } from 'abort-controller'

const scope = /** @type {any} */ (globalThis)

/** UTF-8, with errors. */
class Decoder {
  /** @param {Uint8Array} bytes */
  decode(bytes) {
    try {
      return decodeURIComponent(Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''))
    } catch {
      throw new TypeError('The encoded data was not valid.')
    }
  }
}

class Encoder {
  /** @param {string} text */
  encode(text) {
    return Uint8Array.from(unescape(encodeURIComponent(text)), (character) => character.charCodeAt(0))
  }
}

/** The parts of an absolute http address. */
class Address {
  /** @param {string | Address} text */
  constructor(text) {
    const [href, origin, protocol, host, hostname] = /^((https?:)\/\/(([^/:?#]+)(?::\d+)?))/i.exec(String(text)) ?? []
    if (!href) throw new TypeError(`Invalid URL: ${text}`)
    Object.assign(this, { href: String(text), origin, protocol, host, hostname })
  }
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** @param {string} text */
function btoa(text) {
  let encoded = ''
  for (let at = 0; at < text.length; at += 3) {
    const [first = 0, second, third] = [0, 1, 2].map((offset) => text.charCodeAt(at + offset) || 0)
    const bits = (first << 16) | ((second ?? 0) << 8) | (third ?? 0)
    const digits = [18, 12, 6, 0].map((shift) => DIGITS[(bits >> shift) & 63]).join('')
    encoded += digits.slice(0, Math.min(4, text.length - at + 1)).padEnd(4, '=')
  }
  return encoded
}

/** @param {string} text */
function atob(text) {
  const digits = text.replace(/=+$/, '')
  let [bits, count, decoded] = [0, 0, '']
  for (const digit of digits) {
    bits = ((bits << 6) | DIGITS.indexOf(digit)) & 0xffff
    count += 6
    if (count >= 8) decoded += String.fromCharCode((bits >> (count -= 8)) & 255)
  }
  return decoded
}

// The engines' own timers do not wait. What would fire within a second comes next; a limit of time never does.
const soon = scope.setTimeout
let timers = 0
/** @type {Set<number>} */
const open = new Set()

Object.assign(scope, {
  AbortController,
  AbortSignal,
  TextDecoder: Decoder,
  TextEncoder: Encoder,
  URL: Address,
  atob,
  btoa,
  /** @param {() => void} work */
  setTimeout(work, delay = 0) {
    const id = ++timers
    open.add(id)
    if (delay < 1000) soon(() => void (open.delete(id) && work()), 0)
    return id
  },
  /** @param {number} id */
  clearTimeout: (id) => void open.delete(id),
})
