export { ERROR_TABLE } from './error-table.ts'
export type { ErrorRow } from './error-table.ts'
export { LatchkeyError, isLatchkeyError } from './errors.ts'
export type { LatchkeyErrorCode } from './errors.ts'
export { createProofVerifier, createTokenVerifier } from './tokens/verify.ts'
export type { ProofExpectation, ProofVerifier, TokenVerifier, Verified, VerifierOptions } from './tokens/verify.ts'
export type { ProofClaims, PublicJwk, Purpose, TokenClaims } from './tokens/claims.ts'
export { createBinderHandler } from './server/bindings/binder-handler.ts'
export type { BinderHandlerOptions } from './server/bindings/binder-handler.ts'
export { createExternalBinder, fixExternal, memoryBindingStore } from './server/bindings/binder.ts'
export type { BindingStore, ExternalBinder, ExternalBinderOptions, ExternalBinding } from './server/bindings/binder.ts'
export { createChallenges } from './server/bindings/challenges.ts'
export type { ChallengePurpose, Challenges } from './server/bindings/challenges.ts'
export { createExternalAccounts } from './server/external/accounts.ts'
export type { ExternalAccount, ExternalAccounts } from './server/external/accounts.ts'
export { JAZZ_BACKEND_HEADERS, LATCHKEY_BACKEND_HEADERS, backendHeaders } from './server/sources/backend.ts'
export type { BackendHeaders, BackendOptions, ImpersonatedSession } from './server/sources/backend.ts'
export type { KeyFetch } from './server/external/bounded-fetch.ts'
export type { CookieSession, CookieSessionOptions } from './server/sources/cookie.ts'
export type { ExternalIssuer } from './server/external/options.ts'
export { createGate } from './server/authenticate.ts'
export type { Admission, Gate, GateOptions } from './server/authenticate.ts'
export { matches, owns, requireWriter } from './server/guards.ts'
export type { AnonymousWriteDenied, SessionMatch, WriteAttempt, WriterSession } from './server/guards.ts'
export type { LocalFirstOptions } from './server/sources/local-first.ts'
export {
  auth0,
  betterAuthCookie,
  betterAuthIssuer,
  clerk,
  firebase,
  supabase,
  workos,
} from './server/external/presets.ts'
export type {
  Auth0Options,
  BetterAuthCookieOptions,
  BetterAuthIssuerOptions,
  ClerkOptions,
  FirebaseOptions,
  PresetOptions,
  SupabaseOptions,
  WorkosOptions,
} from './server/external/presets.ts'
export { namespacedPrincipal } from './server/external/principals.ts'
export type { FindPrincipal, PrincipalRule } from './server/external/principals.ts'
export type { HeaderReader, HeaderRecord, RequestLike, ResolvableRequest } from './server/request.ts'
export { createSessionResolver } from './server/resolver.ts'
export type { SessionResolver, SessionResolverOptions } from './server/resolver.ts'
export { faultResponse, sendResponse, toResponse } from './server/response.ts'
export type { ResponseTarget } from './server/response.ts'
export { matchClaims, requireSameSession, rolesOf } from './server/roles.ts'
export type { ClaimPattern, ClaimsPattern, Roles, SessionRole } from './server/roles.ts'
export type { Accepted, OwnedSession, Refused, Resolution, ServerSession, SessionSource } from './server/session.ts'
export { createSocketSession } from './server/sockets/socket-session.ts'
export type {
  ClosableSocket,
  RefreshOutcome,
  SocketSession,
  SocketSessionOptions,
} from './server/sockets/socket-session.ts'
export { createVerdictCounter } from './server/outcomes.ts'
export type { Verdict, VerdictCounter, VerdictCounts } from './server/outcomes.ts'
