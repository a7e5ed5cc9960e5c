import type { BetterAuthOptions } from 'better-auth'
import type { DeviceAnswer, DevicesAnswer, RevocationAnswer } from '../index.ts'
import { memoryStorage } from './pairing.testing.ts'
import { type Person, newPerson, post, proofOf } from './requests.testing.ts'
import { ORIGIN, type TestBrowser, type TestServer, person } from './server.testing.ts'

/** User agents as browsers send them. */
export const USER_AGENTS = {
  laptop: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  phone:
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4 Mobile/15E148 Safari/604.1',
  tablet:
    'Mozilla/5.0 (Linux; Android 15; SM-X710) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Safari/537.36',
} as const

interface Credentials {
  readonly email: string
  readonly password: string
}

/** A person on one more device: signed in with a proof of its key. */
export async function signedIn(
  server: TestServer,
  credentials: Credentials,
  userAgent: string = USER_AGENTS.phone,
  given?: Person,
): Promise<Person> {
  const one = given ?? (await newPerson(server))
  const isNew = !(await server.rows('user')).some(({ email }) => email === credentials.email)
  const body = { name: 'somebody', ...credentials }
  const headers = await proofOf(one.device, { 'user-agent': userAgent })
  const answer = await one.browser.send(isNew ? '/sign-up/email' : '/sign-in/email', post(body, headers))
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
  return one
}

/** The devices that a browser's session lists. */
export async function devicesOf({ browser }: Pick<Person, 'browser'>): Promise<readonly DeviceAnswer[]> {
  const answer = await browser.send('/latchkey/devices')
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
  return ((await answer.json()) as DevicesAnswer).devices
}

/** The id of the device that asks. */
export async function idOf(one: Pick<Person, 'browser'>): Promise<string> {
  return (await devicesOf(one)).find(({ isCurrent }) => isCurrent)!.id
}

/** What a browser's session is answered that revokes: the code of a refusal, or what was revoked. */
export async function revoke(
  { browser }: Pick<Person, 'browser'>,
  body: object,
  act = 'revoke',
): Promise<RevocationAnswer | string> {
  const answer = await browser.send(`/latchkey/devices/${act}`, post(body))
  const said = (await answer.json()) as RevocationAnswer & { readonly code?: string }
  return said.code ?? said
}

/** The session of a browser, as Better Auth reads it from the database. */
export async function sessionOf({ browser }: Pick<Person, 'browser'>): Promise<{ id: string; token: string } | null> {
  const answer = await browser.send('/get-session?disableCookieCache=true')
  return ((await answer.json()) as { session: { id: string; token: string } } | null)?.session ?? null
}

/** A token of the session: of the `jwt` plugin. */
export async function tokenOf(browser: TestBrowser): Promise<string> {
  return ((await (await browser.send('/token')).json()) as { token: string }).token
}

/** A token of the session for this origin: of the exchange. */
export async function exchangedToken(browser: TestBrowser): Promise<string> {
  const body = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token_type: 'urn:latchkey:params:oauth:token-type:session',
    audience: ORIGIN,
  }
  return ((await (await browser.send('/latchkey/token', post(body))).json()) as { access_token: string }).access_token
}

/** Says that a user's mailbox is verified, as if the account had always been so. */
export async function makeRecoverable(server: TestServer, email: string): Promise<void> {
  await server.change('user', { emailVerified: true, principalMailbox: email }, { email })
}

/** A device of an account that is lost, and another one, on which its user ends what the lost one may do. */
export interface LostDevice {
  readonly lost: Person
  readonly rescue: Person
  /** Does so. */
  end(): Promise<Response>
}

/** How the session of a lost device ends, or what it may do. */
export const LOSSES: Readonly<Record<string, (rescue: Person, lost: Person) => Promise<Response>>> = {
  '/latchkey/devices/revoke': async (rescue) => {
    const { id } = (await devicesOf(rescue)).find(({ isCurrent }) => !isCurrent)!
    return rescue.browser.send('/latchkey/devices/revoke', post({ id }))
  },
  '/latchkey/devices/revoke-others': ({ browser }) => browser.send('/latchkey/devices/revoke-others', post({})),
  '/revoke-other-sessions': ({ browser }) => browser.send('/revoke-other-sessions', post({})),
  '/revoke-sessions': ({ browser }) => browser.send('/revoke-sessions', post({})),
  'a change of the password': ({ browser }) => {
    const body = { currentPassword: OWNER.password, newPassword: 'another password', revokeOtherSessions: true }
    return browser.send('/change-password', post(body))
  },
  'the revocation of its key': ({ browser }, { device }) =>
    browser.send('/latchkey/keys/revoke', post({ thumbprint: device.thumbprint })),
  'its own sign-out': (_, { browser }) => browser.send('/sign-out', post({})),
}

/** Where sessions may be. */
export const SESSION_STORES: Readonly<Record<string, () => Partial<BetterAuthOptions>>> = {
  'the database': () => ({}),
  'a secondary storage': () => ({ secondaryStorage: { ...memoryStorage(), getAndDelete: async () => null } }),
}

/** The user of {@link loseDevice}. */
export const OWNER = person('owner')

/** @param loss - one of {@link LOSSES} */
export async function loseDevice(server: TestServer, loss = '/revoke-other-sessions'): Promise<LostDevice> {
  const lost = await signedIn(server, OWNER)
  await lost.session()
  await makeRecoverable(server, OWNER.email)
  const rescue = await signedIn(server, OWNER, USER_AGENTS.laptop)
  return { lost, rescue, end: () => LOSSES[loss]!(rescue, lost) }
}
