/** How often a text may be encoded: a token in JSON in a cookie, for example. */
const MAX_ENCODINGS = 3

/** Shorter texts can be in random bytes by chance, such as in a key: they are searched in what is text only. */
const MIN_CERTAIN_CHARACTERS = 6

/**
 * Whether a stored text has another text in it, as it is or in a usual encoding: in JSON, in a URL or a form, or in
 * base64 or base64url, as in a token.
 */
export function hasText(stored: string, wanted: string): boolean {
  const decoders = [
    unescaped,
    unquoted,
    wanted.length < MIN_CERTAIN_CHARACTERS ? (text: string) => plain(text, true) : plain,
  ]
  let readings = new Set([stored])
  for (let encodings = 0; encodings <= MAX_ENCODINGS; encodings++) {
    for (const reading of readings) if (reading.includes(wanted)) return true
    const next = [...readings].flatMap((reading) => decoders.map((decode) => decode(reading)))
    readings = new Set(next.filter((reading) => reading !== '' && !readings.has(reading)))
  }
  return false
}

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }

/** Out of a string of JSON (RFC 8259, section 7). */
function unescaped(text: string): string {
  return text.replace(/\\(?:u([\da-f]{4})|(.))/gi, (_, code: string | undefined, letter: string) =>
    code ? String.fromCharCode(Number.parseInt(code, 16)) : (ESCAPES[letter] ?? letter),
  )
}

/** Out of a URL or a form (application/x-www-form-urlencoded). */
function unquoted(text: string): string {
  return text
    .replaceAll('+', ' ')
    .replace(/(?:%[\da-f]{2})+/gi, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString())
}

/** What base64 or base64url (RFC 4648) has in it; nothing else. */
function plain(text: string, isStrict = false): string {
  const decoder = new TextDecoder('utf-8', { fatal: isStrict })
  const decode = (run: string): string => {
    try {
      return decoder.decode(Buffer.from(run, 'base64url'))
    } catch {
      return ''
    }
  }
  return (text.match(/[\w+/-]{4,}/g) ?? []).map(decode).join('\n')
}
