import { type TestDevice, testDevice } from '../../../lib/testing.ts'
import { PROOF_HEADER, type SessionAnswer } from '../index.ts'
import { AUDIENCE, ORIGIN, type TestBrowser, type TestServer } from './server.testing.ts'

/** A fresh proof in its header. */
export async function proofOf(device: TestDevice, more: Record<string, string> = {}): Promise<Record<string, string>> {
  return { [PROOF_HEADER]: await device.proof({ audience: AUDIENCE, purpose: 'upgrade' }), ...more }
}

/** A POST with a JSON body. */
export function post(body: object, headers: Record<string, string> = {}): RequestInit {
  return { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } }
}

/** The headers by which another server takes a request for this browser's. */
export function cookieOf({ browser }: Person): Record<string, string> {
  return { cookie: [...browser.cookies].map((pair) => pair.join('=')).join('; '), origin: ORIGIN }
}

/** What a browser and a device send together. */
export interface Person {
  readonly browser: TestBrowser
  readonly device: TestDevice
  /** POSTs with a proof. */
  prove(path: string, body: object, headers?: Record<string, string>): Promise<Response>
  /** Follows a link by a fetch that carries a proof. */
  follow(url: string, headers?: Record<string, string>): Promise<Response>
  /** Who the session belongs to. */
  session(): Promise<SessionAnswer['session']>
}

/** A person with a device of their own, or one that is given. */
export async function newPerson(server: TestServer, device?: TestDevice): Promise<Person> {
  const browser = server.browser()
  const own = device ?? (await testDevice())
  return {
    browser,
    device: own,
    prove: async (path, body, headers) => browser.send(path, post(body, await proofOf(own, headers))),
    follow: async (url, headers) => browser.send(url.replace(AUDIENCE, ''), { headers: await proofOf(own, headers) }),
    session: async () => ((await (await browser.send('/latchkey/session')).json()) as SessionAnswer).session,
  }
}

/** The path of a mailed link under the base URL, without the page that it would lead on to. */
export function pathOf(url: string): string {
  return url.replace(AUDIENCE, '').replace(/&callbackURL=[^&]*/, '')
}

/** The stable code of an answer. */
export async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { code: string }).code
}

/** The one user, or the one with this address. */
export async function userOf(server: TestServer, email?: string): Promise<Record<string, unknown>> {
  const users = await server.rows('user')
  const found = email === undefined ? users : users.filter((user) => user['email'] === email)
  if (found.length !== 1) throw new Error(`expected one user, found ${found.length}`)
  return found[0]!
}

interface Message {
  readonly email?: string
  readonly url: string
  readonly token: string
  readonly otp: string
  readonly code: string
}

/** What a server sent out. */
export interface Mailing {
  readonly sent: readonly Message[]
  last(): Message
  /** For the options of Better Auth that send something. */
  send(message: object): Promise<void>
}

/** What servers send out: links, codes. */
export function mailing(): Mailing {
  const sent: Message[] = []
  const last = () => sent.at(-1)!
  const send = async (message: object) => void sent.push(message as Message)
  return { sent, last, send }
}
