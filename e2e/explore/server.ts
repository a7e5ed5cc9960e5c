import { apiKey } from '@better-auth/api-key'
import type { BetterAuthOptions } from 'better-auth'
import {
  admin,
  anonymous,
  bearer,
  emailOTP,
  genericOAuth,
  magicLink,
  oneTimeToken,
  phoneNumber,
  siwe,
  twoFactor,
  username,
} from 'better-auth/plugins'
import type { TestDatabase } from '../../adapters/better-auth/testing/database.testing.ts'
import { latchkey, latchkeyJwt } from '../../adapters/better-auth/index.ts'
import { type Moments, watchMoments } from './moments.ts'
import { type TestServer, testServer } from '../../adapters/better-auth/testing/server.testing.ts'

/** Settings of Better Auth that change what its routes do; each sequence runs under one of them. */
export interface Setting {
  /** No session by a password before the address is verified. */
  readonly requireVerification: boolean
  /** An opened verification link signs in. */
  readonly signInByVerification: boolean
  /** What a change of address needs: nothing while the address is unverified, or a mail to the present address. */
  readonly change: 'at once' | 'confirmed' | 'plain'
}

/** What one message brought. */
export interface Mail {
  readonly to: string
  readonly kind: 'magic' | 'verify' | 'confirm' | 'reset' | 'delete' | 'code' | 'phone'
  readonly url?: string
  readonly token?: string
  readonly code?: string
  /** Of a code: what it is for. */
  readonly purpose?: string
}

/** Who an OAuth provider says that a person is. */
export interface Profile {
  readonly sub: string
  readonly email: string
  readonly emailVerified: boolean
}

/** The server, and what it sent out. */
export interface ExploredServer {
  readonly server: TestServer
  readonly database: TestDatabase
  readonly setting: Setting
  readonly mails: Mail[]
  /** What happens in the middle of its requests. */
  readonly moments: Moments
  /** Lets time pass. */
  advance(milliseconds: number): void
}

export const EXCHANGE_AUDIENCE = 'https://sync.example'

/** A code with which a provider would answer for a profile. */
export function codeFor(profile: Profile): string {
  return Buffer.from(JSON.stringify(profile)).toString('base64url')
}

/** What a wallet signs to sign in. */
export function signedMessage(
  { wallet, mailboxes }: { readonly wallet: string; readonly mailboxes: readonly string[] },
  nonce: string,
): { readonly message: string; readonly signature: string; readonly email: string | undefined } {
  const message = [
    'notes.example wants you to sign in with your Ethereum account:',
    wallet,
    '',
    'URI: https://notes.example',
    'Version: 1',
    'Chain ID: 1',
    `Nonce: ${nonce}`,
    `Issued At: ${new Date().toISOString()}`,
  ].join('\n')
  return { message, signature: '0x00', email: mailboxes[0] }
}

function profileOf(code: string): Profile {
  return JSON.parse(Buffer.from(code, 'base64url').toString()) as Profile
}

/** Starts Better Auth with Latchkey and the plugins that make sessions, credentials or users. */
export async function exploredServer(
  database: TestDatabase,
  setting: Setting,
  advance: (milliseconds: number) => void,
): Promise<ExploredServer> {
  const mails: Mail[] = []
  const server = await testServer(optionsFor(setting, mails), database)
  return { server, database, setting, mails, moments: watchMoments(server.adapter), advance }
}

interface Letter {
  readonly email: string
  readonly url: string
  readonly token: string
  readonly otp: string
  readonly type: string
  readonly user: { readonly email: string }
}

function optionsFor(setting: Setting, mails: Mail[]): Partial<BetterAuthOptions> {
  const keep = (kind: Mail['kind']) => async (message: object) => {
    const { email, user, url, token, otp, type } = message as Letter
    mails.push({ to: email ?? user.email, kind, url, token, code: otp, purpose: type })
  }
  const keepPhone = async ({ phoneNumber: to, code }: { phoneNumber: string; code: string }) =>
    void mails.push({ to, kind: 'phone', code })
  return {
    emailAndPassword: {
      enabled: true,
      requireEmailVerification: setting.requireVerification,
      sendResetPassword: keep('reset'),
    },
    emailVerification: {
      sendVerificationEmail: keep('verify'),
      sendOnSignUp: true,
      autoSignInAfterVerification: setting.signInByVerification,
    },
    user: {
      changeEmail: {
        enabled: true,
        ...(setting.change === 'at once' && { updateEmailWithoutVerification: true }),
        ...(setting.change === 'confirmed' && { sendChangeEmailConfirmation: keep('confirm') }),
      },
      deleteUser: { enabled: true },
    },
    plugins: [
      latchkey({
        clock: () => Date.now(),
        exchange: { audiences: [EXCHANGE_AUDIENCE], limit: Number.MAX_SAFE_INTEGER },
      }),
      latchkeyJwt(),
      admin(),
      anonymous(),
      apiKey({ enableSessionForAPIKeys: true, rateLimit: { enabled: false } }),
      bearer(),
      emailOTP({ sendVerificationOTP: keep('code'), changeEmail: { enabled: true } }),
      genericOAuth({ config: [provider()] }),
      magicLink({ sendMagicLink: keep('magic') }),
      oneTimeToken(),
      phoneNumber({
        sendOTP: keepPhone,
        signUpOnVerification: { getTempEmail: (phone) => `${phone.slice(1)}@phone.example` },
      }),
      siwe({
        domain: 'notes.example',
        anonymous: false,
        getNonce: async () => crypto.randomUUID().replaceAll('-', ''),
        verifyMessage: async () => true,
      }),
      twoFactor({ skipVerificationOnEnable: true }),
      username(),
    ],
  }
}

/** A provider without a network: its code is the profile. */
function provider() {
  return {
    providerId: 'local',
    clientId: 'notes',
    clientSecret: 'secret',
    authorizationUrl: 'https://provider.example/authorize',
    tokenUrl: 'https://provider.example/token',
    getToken: async ({ code }: { code: string }) => ({ accessToken: code }),
    getUserInfo: async ({ accessToken }: { accessToken?: string | undefined }) => {
      const { sub, email, emailVerified } = profileOf(accessToken!)
      return { id: sub, sub, email, emailVerified, name: sub }
    },
  }
}
