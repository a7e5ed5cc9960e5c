import { randomUUID } from 'node:crypto'
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type MutableRedirectUri,
  type MutableResponse,
  type MutableToken,
  OAuth2Issuer,
  OAuth2Service,
} from 'oauth2-mock-server'

/** A person's account at the provider. */
export interface ProviderProfile {
  readonly sub: string
  readonly email: string
  readonly email_verified: boolean
  readonly name: string
}

/** An OpenID provider that asks before it sends anybody back: buttons `allow`, `cancel` and `error`. */
export interface Provider {
  readonly url: string
  /** Who is signed in there, in every browser. */
  profile: ProviderProfile
  close(): void
}

/** As GitLab has them, so that a built-in provider can use it too; discovery tells everybody else. */
const ENDPOINTS = { authorize: '/oauth/authorize', token: '/oauth/token', userinfo: '/api/v4/user' }

/** Somebody new at the provider. */
export function someProfile(): ProviderProfile {
  const name = `ada-${randomUUID()}`
  return { sub: name, email: `${name}@example.com`, email_verified: true, name }
}

export async function startProvider(): Promise<Provider> {
  const issuer = new OAuth2Issuer()
  await issuer.keys.generate('RS256')
  const service = new OAuth2Service(issuer, ENDPOINTS)
  const answer = service.requestHandler
  const http = createServer((request, response) =>
    isQuestion(request) ? ask(request, response) : answer(request, response),
  )
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  issuer.url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  const provider = {
    url: issuer.url,
    profile: someProfile(),
    close: () => (http.closeAllConnections(), void http.close()),
  }
  service.on('beforeTokenSigning', ({ payload }: MutableToken) =>
    Object.assign(payload, provider.profile, { aud: 'items' }),
  )
  service.on(
    'beforeUserinfo',
    (response: MutableResponse) => (response.body = { ...provider.profile, id: provider.profile.sub, state: 'active' }),
  )
  service.on('beforeAuthorizeRedirect', ({ url }: MutableRedirectUri, request: IncomingMessage) =>
    refuse(url, answerIn(request)),
  )
  return provider
}

function answerIn({ url = '' }: IncomingMessage): string | null {
  return new URL(url, 'http://localhost').searchParams.get('answer')
}

function isQuestion(request: IncomingMessage): boolean {
  return request.url!.startsWith(ENDPOINTS.authorize) && answerIn(request) === null
}

function ask({ url }: IncomingMessage, response: ServerResponse): void {
  const link = (answer: string): string =>
    `<a id="${answer}" href="${url!.replaceAll('&', '&amp;')}&amp;answer=${answer}">${answer}</a>`
  response
    .writeHead(200, { 'content-type': 'text/html' })
    .end(
      `<!doctype html><title>Provider</title><link rel="icon" href="data:,">${['allow', 'cancel', 'error'].map(link).join(' ')}`,
    )
}

/** RFC 6749 §4.1.2.1. */
function refuse(url: URL, answer: string | null): void {
  if (answer === 'allow') return
  url.searchParams.delete('code')
  url.searchParams.set('error', answer === 'cancel' ? 'access_denied' : 'server_error')
}
