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

/**
 * What base64 or base64url (RFC 4648) has in it; nothing else. It may begin anywhere in a run of its letters, since
 * some of them also part it from what is before it: `/verify/eyJ…`, `base64-eyJ…`.
 */
function plain(text: string, isStrict = false): string {
  const runs = text.match(/[\w+/-]{4,}/g) ?? []
  return runs.flatMap((run) => [0, 1, 2, 3].map((start) => textOf(run.slice(start), isStrict))).join('\n')
}

/** @param isStrict - false for everything; true for what is text up to the end */
function textOf(run: string, isStrict: boolean): string {
  const text = Buffer.from(run, 'base64url').toString()
  return isStrict ? text.slice(text.lastIndexOf('\ufffd') + 1) : text
}
