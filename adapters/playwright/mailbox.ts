import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { LatchkeyError } from '../../lib/index.ts'

/** A message that the app's server sent. */
export interface Mail {
  /** The e-mail address or phone number. */
  readonly to: string
  /** Everything else that the server wrote: subject, text, url, … */
  readonly content: Readonly<Record<string, unknown>>
  /** The first link in it. */
  readonly link: string | undefined
  /** The first number of four to eight digits, outside links. */
  readonly code: string | undefined
}

/** The mailboxes of all users of a test run: what the app's server sent. */
export interface Mailbox {
  /** Returns an unused address. */
  newAddress(): string
  /**
   * Waits for the next message to an address: each is returned once.
   *
   * @param timeout - in milliseconds, 10,000 by default
   * @throws {LatchkeyError} `TEST_MAIL_MISSING`
   */
  next(to: string, timeout?: number): Promise<Mail>
  /** Waits for the next message, and returns its link. `TEST_MAIL_MISSING` also if it has none. */
  nextLink(to: string, timeout?: number): Promise<string>
  /** Waits for the next message, and returns its code. `TEST_MAIL_MISSING` also if it has none. */
  nextCode(to: string, timeout?: number): Promise<string>
}

const DEFAULT_TIMEOUT_MS = 10_000
const POLLING_MS = 50

/**
 * Opens the mailboxes of a file to which the app's server appends one line of JSON for each message:
 * `{ "to": "ada@example.com", … }`. The file need not exist yet. Messages that are in it already, of an earlier test or
 * run, do not count.
 *
 * @param file - a path that server and tests share
 */
export function openMailbox(file: string): Mailbox {
  // How many lines were there, and those after them that were not read yet.
  let known = linesIn(file).length
  let unread: Mail[] = []

  function update(): void {
    const lines = linesIn(file)
    // A file with fewer lines is a new one.
    if (lines.length < known) known = 0
    const news = lines.slice(known).map((line, index) => toMail(line, `${file}:${known + index + 1}`))
    known = lines.length
    unread.push(...news)
  }

  async function next(to: string, timeout = DEFAULT_TIMEOUT_MS): Promise<Mail> {
    for (let waited = 0; waited <= timeout; waited += POLLING_MS) {
      update()
      const mail = unread.find((one) => one.to === to)
      unread = unread.filter((one) => one !== mail)
      if (mail) return mail
      await sleep(POLLING_MS)
    }
    const others = new Set(unread.map((mail) => mail.to)).size
    const detail = existsSync(file) ? `${others} other addresses have unread mail` : 'no such file'
    throw new LatchkeyError('TEST_MAIL_MISSING', `no message to ${to} in ${file} within ${timeout} ms: ${detail}`)
  }

  async function nextPart(part: 'link' | 'code', to: string, timeout?: number): Promise<string> {
    const found = (await next(to, timeout))[part]
    if (found !== undefined) return found
    throw new LatchkeyError('TEST_MAIL_MISSING', `the message to ${to} has no ${part}`)
  }

  return {
    newAddress: () => `${randomUUID()}@example.com`,
    next,
    nextLink: (to, timeout) => nextPart('link', to, timeout),
    nextCode: (to, timeout) => nextPart('code', to, timeout),
  }
}

/** The last line may be one that is being written. */
function linesIn(file: string): string[] {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line.trim())
}

const LINK = /https?:\/\/[^\s"'<>\\]+/g

function toMail(line: string, place: string): Mail {
  const { to, ...content } = parse(line, place)
  const texts = textsIn(content)
  return {
    to,
    content,
    link: texts.flatMap((text) => text.replaceAll('&amp;', '&').match(LINK) ?? [])[0],
    code: texts.flatMap((text) => /(?<![\w-])\d{4,8}(?![\w-])/.exec(text.replaceAll(LINK, ' ')) ?? [])[0],
  }
}

function parse(line: string, place: string): { readonly to: string } & Readonly<Record<string, unknown>> {
  const isMail = (value: unknown): value is { readonly to: string } =>
    typeof (value as { readonly to?: unknown } | null)?.to === 'string'
  try {
    const value: unknown = JSON.parse(line)
    if (isMail(value)) return { ...value }
  } catch {
    // Said below.
  }
  throw new TypeError(`${place} is no message: each line is a JSON object with a member "to"`)
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return typeof value === 'number' ? [String(value)] : []
  return Object.values(value).flatMap(textsIn)
}
