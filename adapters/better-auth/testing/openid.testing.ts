import { genericOAuth } from 'better-auth/plugins'
import type { OAuth2Server } from 'oauth2-mock-server'

/** The plugin that signs in at an OpenID provider of the tests, under the id `local`. */
export function openIdPlugin(
  provider: OAuth2Server,
  more: { readonly overrideUserInfo?: boolean } = {},
): ReturnType<typeof genericOAuth> {
  const local = {
    ...more,
    providerId: 'local',
    clientId: 'notes',
    clientSecret: 'secret',
    discoveryUrl: `${provider.issuer.url}/.well-known/openid-configuration`,
    pkce: true,
    scopes: ['openid', 'email', 'profile'],
  }
  return genericOAuth({ config: [local] })
}
