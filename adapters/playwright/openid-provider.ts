import { randomUUID } from 'node:crypto'
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from '@playwright/test'
import { loadPackage } from './load-package.ts'

/** A user's account at the provider, as its tokens and its user info describe it (OpenID Connect Core, section 5.1). */
export interface OpenIdProfile {
  readonly sub: string
  readonly email: string
  readonly email_verified: boolean
  readonly name: string
  readonly [claim: string]: unknown
}

/** Options of `startOpenIdProvider`. */
export interface OpenIdProviderOptions {
  /** Defaults to a free one. */
  readonly port?: number
  /** Paths of the endpoints, for apps that do not read them from `/.well-known/openid-configuration`. */
  readonly endpoints?: { readonly authorize?: string; readonly token?: string; readonly userinfo?: string }
}

/** An OpenID provider on the loopback interface that accepts every client and every redirect. */
export interface OpenIdProvider {
  /** The issuer. */
  readonly url: string
  /** Ends the provider. Resolves once its port is free. */
  close(): Promise<void>
}

/** How the user answers the provider. */
export type OpenIdAnswer = 'allow' | 'cancel' | 'error'

/** Parameters of the provider's own page. */
const ANSWER = 'latchkey_answer'
const PROFILE = 'latchkey_profile'

/** Returns the profile of a new user. */
export function newOpenIdProfile(): OpenIdProfile {
  const name = `ada-${randomUUID()}`
  return { sub: name, email: `${name}@example.com`, email_verified: true, name }
}

/**
 * Starts an OpenID provider whose page asks who signs in, and whether they allow it. It keeps nothing between sign-ins,
 * so tests can use one at the same time. Needs the package `oauth2-mock-server`.
 *
 * @throws {LatchkeyError} `TEST_PACKAGE_MISSING`: `oauth2-mock-server` is not installed
 */
export async function startOpenIdProvider({
  port = 0,
  endpoints = {},
}: OpenIdProviderOptions = {}): Promise<OpenIdProvider> {
  const { OAuth2Issuer, OAuth2Service } = await loadServer()
  const issuer = new OAuth2Issuer()
  await issuer.keys.generate('RS256')
  const service = new OAuth2Service(issuer, endpoints)
  const { authorize = '/authorize' } = endpoints
  const http = createServer((request, response) =>
    isQuestion(request, authorize) ? ask(request, response) : service.requestHandler(request, response),
  )
  await new Promise<void>((resolve, reject) => http.once('error', reject).listen(port, '127.0.0.1', resolve))
  issuer.url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  follow(service)
  return { url: issuer.url, close: () => closeServer(http) }
}

/**
 * Answers the provider's page, to which the app has redirected: waits for it, and for the app's page afterwards.
 *
 * @param profile - who signs in; a new user by default
 */
export async function answerOpenId(
  page: Page,
  answer: OpenIdAnswer,
  profile: OpenIdProfile = newOpenIdProfile(),
): Promise<OpenIdProfile> {
  await page.getByLabel('Profile').fill(JSON.stringify(profile))
  const { origin } = new URL(page.url())
  await page.getByRole('button', { name: answer }).click()
  await page.waitForURL((url) => url.origin !== origin)
  return profile
}

type Service = InstanceType<Awaited<ReturnType<typeof loadServer>>['OAuth2Service']>

function loadServer(): Promise<typeof import('oauth2-mock-server')> {
  return loadPackage('oauth2-mock-server', import('oauth2-mock-server'))
}

/** Each code carries its profile to the token, and the token carries it to the user info. */
function follow(service: Service): void {
  const profiles = new Map<string, OpenIdProfile>()
  service.on('beforeAuthorizeRedirect', ({ url }: { url: URL }, request: IncomingMessage) => {
    const { answer, profile } = answerIn(request)
    const code = url.searchParams.get('code')
    if (answer === 'allow') return void profiles.set(code!, JSON.parse(profile!) as OpenIdProfile)
    // RFC 6749, section 4.1.2.1.
    url.searchParams.delete('code')
    url.searchParams.set('error', answer === 'cancel' ? 'access_denied' : 'server_error')
  })
  service.on('beforeTokenSigning', ({ payload }: { payload: object }, request: IncomingMessage) => {
    const { code } = (request as { body?: { code?: string } }).body ?? {}
    Object.assign(payload, profiles.get(code ?? ''))
  })
  service.on('beforeUserinfo', (response: { body: unknown }, request: IncomingMessage) => {
    const [, payload = ''] = (request.headers.authorization ?? '').split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString() || '{}') as Partial<OpenIdProfile>
    response.body = { ...claims, id: claims.sub, state: 'active' }
  })
}

function answerIn({ url = '' }: IncomingMessage): { answer: string | null; profile: string | null } {
  const { searchParams } = new URL(url, 'http://localhost')
  return { answer: searchParams.get(ANSWER), profile: searchParams.get(PROFILE) }
}

function isQuestion(request: IncomingMessage, authorize: string): boolean {
  return new URL(request.url!, 'http://localhost').pathname === authorize && answerIn(request).answer === null
}

/** A form with the parameters of the request, and the answer beside them. */
function ask({ url = '' }: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(url, 'http://localhost')
  const kept = [...searchParams].map(
    ([name, value]) => `<input type="hidden" name="${escape(name)}" value="${escape(value)}">`,
  )
  const buttons = ['allow', 'cancel', 'error'].map(
    (answer) => `<button name="${ANSWER}" value="${answer}">${answer}</button>`,
  )
  const profile = escape(JSON.stringify(newOpenIdProfile()))
  response
    .writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
    .end(
      `<!doctype html><html lang="en"><title>OpenID provider</title><link rel="icon" href="data:,">` +
        `<form action="${escape(pathname)}">${kept.join('')}<label>Profile ` +
        `<input name="${PROFILE}" size="80" value="${profile}"></label>` +
        `${buttons.join('')}</form>`,
    )
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')
}

function closeServer(http: Server): Promise<void> {
  http.closeAllConnections()
  return new Promise((resolve) => http.close(() => resolve()))
}
