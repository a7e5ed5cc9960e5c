import type { TestDevice } from '../../../lib/testing.ts'
import { type ChallengeAnswer, PROOF_HEADER, type SessionAnswer } from '../index.ts'
import { type Person, newPerson, post } from './requests.testing.ts'
import { AUDIENCE, type TestBrowser, type TestServer } from './server.testing.ts'

/** A nonce for an operation of the current session. */
export async function nonceFor(
  browser: TestBrowser,
  purpose: 'bind' | 'link' | 'unlink',
  headers: Record<string, string> = {},
): Promise<string> {
  return ((await (await browser.send('/latchkey/challenge', post({ purpose }, headers))).json()) as ChallengeAnswer)
    .nonce
}

/** What a link says, where it is not what it should be. */
export interface LinkSays {
  readonly nonce?: string
  readonly linkTo?: string
  readonly audience?: string
  readonly headers?: Record<string, string>
}

/** Asks for a device's principal to be linked to the account of the session. */
export async function link({ browser, session }: Person, device: TestDevice, says: LinkSays = {}): Promise<Response> {
  const nonce = says.nonce ?? (await nonceFor(browser, 'link'))
  const linkTo = says.linkTo ?? (await session())?.principal ?? 'nobody'
  const proof = await device.proof({ audience: says.audience ?? AUDIENCE, purpose: 'link', nonce, linkTo })
  return browser.send('/latchkey/link', post({ nonce }, { [PROOF_HEADER]: proof, ...says.headers }))
}

/** Asks for a device's principal to become that of the open account of the session. */
export async function bindTo(browser: TestBrowser, device: TestDevice): Promise<Response> {
  const nonce = await nonceFor(browser, 'bind')
  const proof = await device.proof({ audience: AUDIENCE, purpose: 'bind', nonce })
  return browser.send('/latchkey/bind', post({ nonce }, { [PROOF_HEADER]: proof }))
}

/** Asks for an alias to be given up. */
export async function unlink({ browser }: Person, alias: string, nonce?: string): Promise<Response> {
  return browser.send('/latchkey/unlink', post({ nonce: nonce ?? (await nonceFor(browser, 'unlink')), alias }))
}

/** Who an answer says that the account is. */
export async function sessionIn(response: Response): Promise<SessionAnswer['session']> {
  return ((await response.json()) as SessionAnswer).session
}

/** A user signed in to an account with this password, in another browser and with another device. */
export async function elsewhere(
  server: TestServer,
  credentials: { readonly email: string; readonly password: string },
): Promise<Person> {
  const one = await newPerson(server)
  await one.browser.send('/sign-in/email', post(credentials))
  return one
}
